"""Photos come to a bucket: a scheduler and a triggerer start the retraining, and nobody else does."""

import json
import socket
import threading
from collections.abc import Generator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks.generated_photos import write_photos
from musher.params.retraining import RETRAINING
from scripts import up
from scripts.airflow_api import AirflowApi
from scripts.database import prepare_database
from scripts.local_stack import Stack, line_writer, local_stack
from tests.watched_source import WAIT_S, count_events, read_memory, wait_until

PHOTOS = "photos-of-somebody"
QUIET_S = 10
READY_S, STOP_S = 900, 60
CONF = {
    "source": f"s3://{PHOTOS}/new",
    "tuning_strategy": "none",
    "instance_count": 1,
    "epochs": 1,
    "batch_size": 8,
    "min_accuracy": 0,
    "load_test_s": 0,
}
VARIABLES = {
    "MUSHER_RETRAIN_ON_NEW_DATA": "true",
    "MUSHER_RETRAIN_QUIET_S": str(QUIET_S),
    "MUSHER_RETRAIN_CONF": json.dumps(CONF),
    "MUSHER_SMOKE_TEST_CRON": "never",
}
pytestmark = [pytest.mark.slow, pytest.mark.timeout(READY_S + 2 * WAIT_S)]


@dataclass
class Deployment:
    """Airflow's services, as they run in production, beside the embedded AWS."""

    stack: Stack
    folder: Path
    files: ExitStack
    children: list[Any] = field(default_factory=list)
    api: AirflowApi = field(init=False)

    def start(self, *component: str) -> None:
        """Start a service; what it says is added to its log."""
        log = self.files.enter_context((self.folder / f"{component[0]}.log").open("a"))
        child = self.stack.airflow(*component, name=component[0], on_line=line_writer(log))
        self.children.append(child)

    def log_in(self, url: str) -> None:
        [(user, password)] = up.passwords(self.stack.home).items()
        self.api = AirflowApi(url, user=user, password=password)

    @property
    def s3(self) -> Any:
        return self.stack.client("s3")

    def upload(self, folder: Path) -> None:
        """Put a folder's files below the prefix that is watched."""
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                self.put(path.relative_to(folder).as_posix(), path.read_bytes())

    def put(self, name: str, body: bytes) -> None:
        self.s3.put_object(Bucket=PHOTOS, Key=f"new/{name}", Body=body)

    def runs(self) -> list[dict[str, Any]]:
        """Return the runs of the retraining, the oldest first."""
        found: list[dict[str, Any]] = self.api.get(f"/dags/{RETRAINING}/dagRuns")["dag_runs"]
        return sorted(found, key=lambda run: str(run["run_after"]))

    def wait_for_run(self, number: int) -> dict[str, Any]:
        """Return the run of this number, from 1, once it has ended."""

        def ended() -> bool:
            self.stack.check_alive()
            runs = self.runs()
            return len(runs) >= number and runs[number - 1]["state"] in ("success", "failed")

        wait_until(ended, what=f"run {number} to end")
        return self.runs()[number - 1]

    def states(self, run: dict[str, Any]) -> dict[str, str | None]:
        tasks = self.api.tasks(RETRAINING, run["dag_run_id"])
        return {name: task["state"] for name, task in tasks.items()}

    def restart_triggerer(self) -> None:
        self.stack.supervisor.stop(self.children.pop(), grace_s=STOP_S)
        self.start(*up.COMPONENTS[-1])

    def paid(self) -> int:
        """Return how many training jobs there were."""
        jobs = self.stack.client("sagemaker").list_training_jobs(MaxResults=100)
        return len(jobs["TrainingJobSummaries"])


def free_address() -> str:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{sock.getsockname()[1]}"


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Generator[Deployment, None, None]:
    folder = tmp_path_factory.mktemp("watch")
    home, url = folder / "airflow", free_address()
    with ExitStack() as files:
        files.enter_context(pytest.MonkeyPatch.context()).setattr(up, "READY_S", READY_S)
        bare = files.enter_context(local_stack(home=home, port=0, log=folder / "localaws.log"))
        stack = replace(bare, environment=bare.environment | up.ui_environment(url) | VARIABLES)
        stack.client("s3").create_bucket(Bucket=PHOTOS)
        log = files.enter_context((folder / "migrate.log").open("w"))
        prepare_database(stack.supervisor, home=home, on_line=line_writer(log))
        services = Deployment(stack=stack, folder=folder, files=files)
        try:
            for component in up.COMPONENTS:
                services.start(*component)
            up.wait_until_ready(stack, services.children, url=url, folder=folder, stopped=threading.Event())
            services.log_in(url)
            yield services
        finally:
            up.stop_components(stack.supervisor, services.children)


@pytest.fixture(scope="module")
def trained(deployment: Deployment, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """Photos that were put into the bucket, and the run that followed."""
    top = write_photos(folder=tmp_path_factory.mktemp("photos"), classes=3, train=6, valid=2, test=2, side=32)
    deployment.upload(top)
    return top, deployment.wait_for_run(1)


def test_photos_in_the_bucket_start_a_run_that_nobody_has_triggered(
    deployment: Deployment, trained: tuple[Path, dict[str, Any]]
) -> None:
    _, run = trained
    states = deployment.states(run)
    assert run["state"] == "success", states
    assert (run["run_type"], run["triggered_by"]) == ("asset_triggered", "asset")
    assert states["train.run_job"] == "success"
    assert deployment.paid() == 1
    assert count_events(deployment.api) == 1


def test_the_same_data_pay_for_nothing_and_a_new_triggerer_announces_nothing_twice(
    deployment: Deployment, trained: tuple[Path, dict[str, Any]]
) -> None:
    """The same bytes again are no news at all; what changes the listing but no photo is a run that rests."""
    photos, _ = trained
    wait_until(lambda: bool(read_memory(deployment.api)), what="the watch to remember")
    deployment.upload(photos)
    deployment.restart_triggerer()
    deployment.put(".DS_Store", b"a file of somebody's file manager")
    run = deployment.wait_for_run(2)
    states = deployment.states(run)
    assert (run["state"], run["run_type"]) == ("success", "asset_triggered"), states
    assert (states["require_new_data"], states["train.run_job"]) == ("success", "skipped")
    assert deployment.paid() == 1
    assert (len(deployment.runs()), count_events(deployment.api)) == (2, 2)
