"""Jobs in the background: which run, and how many instances compute for them."""

import asyncio
import threading
from collections.abc import Generator

import pytest

from localaws.errors import JobError
from localaws.sagemaker.background import GuardedJob, JobThread, RunningJobs, count_instances
from localaws.sagemaker.failures import INTERNAL_ERROR


class Waiting(JobThread):
    """A job that lasts until it is stopped."""

    def __init__(self, instances: int = 0) -> None:
        super().__init__(name="waiting")
        self._over = threading.Event()
        self._instances = instances

    @property
    def instance_count(self) -> int:
        return self._instances

    def pids(self) -> dict[str, int]:
        return {f"algo-{number}": 100 + number for number in range(1, self._instances + 1)}

    def run(self) -> None:
        self._over.wait(60)

    def stop(self) -> None:
        self._over.set()

    abort = stop


class Jobs(RunningJobs[Waiting]):
    ABORT_S = 60.0


class Endpoints:
    """A service that is no job's, with three instances."""

    instance_count = 3


@pytest.fixture
def jobs() -> Generator[Jobs, None, None]:
    """Yield a service whose jobs are given up at the end."""
    service = Jobs()
    yield service
    asyncio.run(service.stop())
    assert service.running() == {}


def test_instances_count_while_their_job_runs(jobs: Jobs) -> None:
    pair, single, tuning = Waiting(2), Waiting(1), Waiting()
    services = [jobs, object()]
    assert count_instances(services) == 0
    for name, job in {"pair": pair, "single": single, "tuning": tuning}.items():
        jobs.start(job, arn=name)
    assert count_instances(services) == 3
    pair.stop()
    pair.join(timeout_s=60)
    assert count_instances(services) == 1


def test_an_endpoint_s_instances_count_among_themselves_only(jobs: Jobs) -> None:
    """A job must not compute more slowly because an endpoint waits for requests."""
    jobs.start(Waiting(2), arn="pair")
    assert count_instances([jobs, Endpoints()]) == 2
    assert count_instances([jobs, Endpoints()], with_endpoints=True) == 5


def test_processes_are_known_by_job_and_instance(jobs: Jobs) -> None:
    jobs.start(Waiting(2), arn="pair")
    jobs.start(Waiting(), arn="tuning")
    assert jobs.pids() == {"pair": {"algo-1": 101, "algo-2": 102}, "tuning": {}}


def test_a_job_begins_after_its_deleted_namesake_has_cleaned_up(jobs: Jobs) -> None:
    """They work in the same folder, which the earlier one removes last of all."""
    earlier, later = Waiting(), Waiting()
    jobs.start(earlier, arn="name")
    threading.Timer(0.2, earlier.stop).start()
    jobs.start(later, arn="name")
    assert not earlier.is_running
    assert jobs.running() == {"name": later}


def test_stopping_one_job_leaves_the_others(jobs: Jobs) -> None:
    first, second = Waiting(), Waiting()
    jobs.start(first, arn="first")
    jobs.start(second, arn="second")
    jobs.stop_job(arn="first")
    jobs.stop_job(arn="of yesterday")
    first.join(timeout_s=60)
    assert list(jobs.running()) == ["second"]


class State:
    """Take down how a job failed."""

    reason = ""

    def fail(self, reason: str) -> None:
        self.reason = reason


class Failing(GuardedJob):
    """A job that fails at once."""

    def __init__(self, error: Exception, state: State) -> None:
        super().__init__(title="a job", job=state)
        self._error = error
        self.is_closed = False

    def work(self) -> None:
        raise self._error

    def close(self) -> None:
        self.is_closed = True

    def stop(self) -> None:
        """Do nothing."""

    abort = stop


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (JobError("AlgorithmError: said"), "AlgorithmError: said"),
        (
            OSError(28, "No space left on device"),
            "ClientError: localaws cannot write the job's files: [Errno 28] No space left on device",
        ),
        (ZeroDivisionError("ours"), INTERNAL_ERROR),
    ],
)
def test_whatever_goes_wrong_ends_the_job_with_a_reason_and_leaves_nothing(
    error: Exception, reason: str
) -> None:
    state = State()
    job = Failing(error, state)
    job.run()
    assert (state.reason, job.is_closed) == (reason, True)
