"""The main DAG on the production deployment while workers are lost: green, and nothing is paid twice."""

import time
from collections.abc import Callable
from contextlib import suppress

import psutil
import pytest

from scripts.airflow_api import AirflowApi
from scripts.local_stack import BUCKET, DAG_ID, make_client
from scripts.production import LONG_RUNNING, TASK_LOGS, Production, training_jobs

START_S = 300
RUN_S = 1200
LOG_S = 120
"""Far above what a run takes (2 minutes on 2 cores)."""
TRIALS = 2
WORKERS = ("worker-1", "worker-2")
WITHOUT_DEFERRING = {
    "AIRFLOW__OPERATORS__DEFAULT_DEFERRABLE": "false",
    # A lost worker is noticed after this many seconds; Airflow's default is 300.
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "30",
}
CONF = {
    "source": "digits",
    "tuning_trials": TRIALS,
    "tuning_epochs": 1,
    "epochs": 2,
    "instance_count": 2,
    "min_accuracy": 0.2,
    "max_accuracy_drop": 1,
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
    instance = run.api.tasks(DAG_ID, run.id)[task]["id"]
    for name, child in deployment.running.items():
        if name.startswith("worker-") and f"airflow worker -- {instance}" in titles(child.pid):
            return name
    return None


def titles(pid: int) -> list[str]:
    """Return what the processes that came from one call themselves.

    Airflow names the task instance there; the pool's process keeps the title of a task that has ended.
    """
    found = []
    for process in psutil.Process(pid).children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            found.append(" ".join(process.cmdline()).strip())
    return found


def is_training(deployment: Production) -> bool:
    """Return whether the final training job, not a trial, is in progress."""
    sagemaker = make_client("sagemaker", url=deployment.aws_url)
    listed = sagemaker.list_training_jobs(StatusEquals="InProgress")["TrainingJobSummaries"]
    return any("-train-" in job["TrainingJobName"] for job in listed)


def start_everything(deployment: Production) -> AirflowApi:
    """Start all services and two workers; return a client once the DAG can be triggered."""
    names = (*LONG_RUNNING, *WORKERS)
    for name in names:
        deployment.start(name)
    deployment.wait_until_healthy(*names, timeout_s=START_S)
    api = deployment.log_in()
    deployment.wait_for_dag(api, timeout_s=120)
    return api


def check_end(deployment: Production, run: Run) -> None:
    """Check that the run ends green, with one job for each that was planned and nothing left running."""
    assert run.wait_for_end() == "success", run.states()
    assert set(run.states().values()) <= {"success", "skipped"}, run.states()
    sagemaker = make_client("sagemaker", url=deployment.aws_url)
    jobs = training_jobs(sagemaker)
    assert len([name for name in jobs if "-train-" in name]) == 1, jobs
    assert len(jobs) == TRIALS + 1, jobs
    tuning = sagemaker.list_hyper_parameter_tuning_jobs()["HyperParameterTuningJobSummaries"]
    assert [job["HyperParameterTuningJobStatus"] for job in tuning] == ["Completed"]
    for name in jobs:
        assert sagemaker.describe_training_job(TrainingJobName=name)["TrainingJobStatus"] == "Completed"
    [live] = sagemaker.list_endpoints()["Endpoints"]
    assert (live["EndpointName"], live["EndpointStatus"]) == ("musher-live", "InService")


def check_logs_in_s3(deployment: Production) -> None:
    """Check that a task's log reached the folder that `.env` names."""
    s3, deadline = make_client("s3", url=deployment.aws_url), time.monotonic() + LOG_S
    while True:  # the worker stores it after it has said how the task ended
        stored = s3.list_objects_v2(Bucket=BUCKET, Prefix=TASK_LOGS).get("Contents", [])
        if [item for item in stored if "task_id=teardown" in item["Key"]]:
            return
        assert time.monotonic() < deadline, [item["Key"] for item in stored]
        time.sleep(1.0)


def test_a_run_survives_lost_services_while_it_waits_with_one_job_each(deployment: Production) -> None:
    """The triggerer and a worker are killed while jobs are waited for; the other worker is drained later."""
    run = Run(start_everything(deployment))

    run.wait_for("tuning was waited for", lambda: run.states()["tune.run_trials"] == "deferred")
    deployment.kill("triggerer")
    deployment.start("triggerer")  # `restart: unless-stopped`

    run.wait_for("training was under way", lambda: is_training(deployment))
    run.wait_for("training was waited for", lambda: run.states()["train.run_job"] == "deferred")
    # The task's process ends some time after it has said that it defers: it still stores its log.
    run.wait_for("no worker had it", lambda: worker_of(deployment, run, "train.run_job") is None)
    deployment.kill("worker-1")
    deployment.start("worker-3")

    run.wait_for("deployment began", lambda: run.states().get("deploy.run_endpoint") is not None)
    assert deployment.drain("worker-2") == 0

    check_end(deployment, run)
    tries = {name: task["try_number"] for name, task in run.api.tasks(DAG_ID, run.id).items()}
    assert tries["train.run_job"] == tries["tune.run_trials"] == 1
    check_logs_in_s3(deployment)


@pytest.mark.parametrize("deployment", [WITHOUT_DEFERRING], indirect=True)
def test_a_run_survives_the_loss_of_the_worker_that_waits_with_one_job_each(deployment: Production) -> None:
    """Without deferring the wait is lost with its worker: the next try finds the job and waits on."""
    run = Run(start_everything(deployment))

    run.wait_for("training was under way", lambda: is_training(deployment))
    lost = worker_of(deployment, run, "train.run_job")
    assert lost is not None
    deployment.kill(lost)
    deployment.start("worker-3")

    check_end(deployment, run)
    assert run.api.tasks(DAG_ID, run.id)["train.run_job"]["try_number"] == 2
