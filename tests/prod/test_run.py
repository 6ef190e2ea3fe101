"""The main DAG on the production deployment while workers are lost: green, and nothing is paid twice."""

import time
from collections.abc import Callable

import pytest

from scripts.airflow_api import AirflowApi
from scripts.local_stack import BUCKET, DAG_ID
from scripts.production import LONG_RUNNING, Production, descendants, training_jobs

START_S = 300
RUN_S = 1200
"""Far above what the run takes (2 minutes on 2 cores): a lost worker is noticed after 5 minutes."""
TRIALS = 2
CONF = {
    "source": "digits",
    "tuning_trials": TRIALS,
    "tuning_epochs": 1,
    "epochs": 2,
    "instance_count": 2,
    "min_accuracy": 0.2,
}
pytestmark = [pytest.mark.slow, pytest.mark.prod, pytest.mark.timeout(START_S + RUN_S + 300)]


class Run:
    """A run of the DAG, as the REST API shows it."""

    def __init__(self, api: AirflowApi) -> None:
        self.api = api
        api.unpause(DAG_ID)
        self.id = api.trigger(DAG_ID, conf=CONF)
        self.deadline = time.monotonic() + RUN_S

    def state(self) -> str:
        """Return the run's state."""
        return self.api.run_state(DAG_ID, self.id)

    def states(self) -> dict[str, str | None]:
        """Return the tasks' states by task id."""
        return {name: task["state"] for name, task in self.api.tasks(DAG_ID, self.id).items()}

    def wait_for(self, what: str, happened: Callable[[], bool]) -> None:
        """Wait until something has happened, as long as the run goes on."""
        while not happened():
            assert self.state() in ("queued", "running"), f"the run ended before {what}: {self.states()}"
            assert time.monotonic() < self.deadline, f"not within {RUN_S} s: {what}; {self.states()}"
            time.sleep(0.5)

    def wait_for_end(self) -> str:
        """Return the state in which the run ended."""
        while (state := self.state()) in ("queued", "running"):
            assert time.monotonic() < self.deadline, f"not ended within {RUN_S} s: {self.states()}"
            time.sleep(1.0)
        return state


def worker_of(deployment: Production, run: Run, task: str) -> str | None:
    """Return the worker that has a task's process now, or None: a deferred task has none."""
    pid = run.api.tasks(DAG_ID, run.id)[task]["pid"]
    for name, child in deployment.running.items():
        if name.startswith("worker-") and pid in {process.pid for process in descendants(child.pid)}:
            return name
    return None


def is_training(deployment: Production) -> bool:
    """Return whether the final training job, not a trial, is in progress."""
    sagemaker = deployment.aws.client("sagemaker")
    listed = sagemaker.list_training_jobs(StatusEquals="InProgress")["TrainingJobSummaries"]
    return any("-train-" in job["TrainingJobName"] for job in listed)


def test_a_run_survives_a_killed_and_a_drained_worker_with_one_job_each(deployment: Production) -> None:
    workers = ("worker-1", "worker-2")
    for name in (*LONG_RUNNING, *workers):
        deployment.start(name)
    deployment.wait_until_healthy(*LONG_RUNNING, *workers, timeout_s=START_S)
    api = deployment.log_in()
    deployment.wait_for_dag(api, timeout_s=120)
    run = Run(api)

    run.wait_for("training was under way", lambda: is_training(deployment))
    waiting = run.states()["train.run_job"]
    assert waiting in ("running", "deferred")
    lost = worker_of(deployment, run, "train.run_job") or "worker-1"
    deployment.kill(lost)
    deployment.start("worker-3")  # `restart: unless-stopped`

    run.wait_for("deployment began", lambda: run.states().get("deploy.run_endpoint") is not None)
    [old] = {*workers} - {lost}
    assert deployment.drain(old) == 0

    assert run.wait_for_end() == "success", run.states()
    states = run.states()
    assert {name for name, state in states.items() if state not in ("success", "skipped")} == set()
    sagemaker = deployment.aws.client("sagemaker")
    jobs = training_jobs(sagemaker)
    assert len([name for name in jobs if "-train-" in name]) == 1, jobs
    assert len(jobs) == TRIALS + 1, jobs
    tuning = sagemaker.list_hyper_parameter_tuning_jobs()["HyperParameterTuningJobSummaries"]
    assert [job["HyperParameterTuningJobStatus"] for job in tuning] == ["Completed"]
    for name in jobs:
        assert sagemaker.describe_training_job(TrainingJobName=name)["TrainingJobStatus"] == "Completed"
    assert sagemaker.list_endpoints()["Endpoints"] == []
    stored = deployment.aws.client("s3").list_objects_v2(Bucket=BUCKET, Prefix="musher/airflow-logs/")
    logs = [item["Key"] for item in stored["Contents"]]
    assert [key for key in logs if "task_id=teardown" in key], "no log of a task's in S3"
