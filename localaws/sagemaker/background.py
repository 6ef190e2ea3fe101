"""Jobs that run in the background: each in a thread of its own, found by its ARN, and given up at the end."""

import asyncio
import logging
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from typing import ClassVar, Generic, Protocol, TypeVar, runtime_checkable

from localaws.asgi import Router
from localaws.cloudwatch.sources.instances import Instance
from localaws.errors import JobError
from localaws.sagemaker.failures import INTERNAL_ERROR, machine_error

logger = logging.getLogger(__name__)


class JobThread(ABC):
    """The thread of one job."""

    def __init__(self, *, name: str) -> None:
        self._thread = threading.Thread(target=self.run, name=name, daemon=True)

    @property
    def is_running(self) -> bool:
        """Whether the thread still works."""
        return self._thread.is_alive()

    @property
    def instance_count(self) -> int:
        """How many instances compute for the job; a job of other jobs has none of its own."""
        return 0

    def pids(self) -> dict[str, int]:
        """Return the processes that work for the job now, by the names of their instances."""
        return {}

    def metric_instances(self) -> list[Instance]:
        """Return what CloudWatch is to measure of the job now."""
        return []

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def join(self, *, timeout_s: float) -> None:
        """Wait for the thread's end."""
        self._thread.join(timeout=timeout_s)

    @abstractmethod
    def run(self) -> None:
        """Do the job, to its end: the thread's work. It must raise nothing."""

    @abstractmethod
    def stop(self) -> None:
        """Ask the job to stop, as the Stop action of its kind does; returns at once."""

    @abstractmethod
    def abort(self) -> None:
        """Give the job up, because localaws is stopping; returns at once."""


class Failing(Protocol):
    """A job that can end as Failed."""

    def fail(self, reason: str) -> None:
        """End as Failed with this FailureReason, unless it has ended."""
        ...


class GuardedJob(JobThread):
    """A thread that ends its job visibly, whatever happens in it."""

    def __init__(self, *, title: str, job: Failing) -> None:
        super().__init__(name=title)
        self._title = title
        self._failing = job

    def run(self) -> None:
        """Work, and fail the job with what went wrong."""
        logger.info("%s: starting", self._title)
        try:
            self.work()
        except JobError as error:
            logger.info("%s: %s", self._title, error)
            self._failing.fail(str(error))
        except OSError as error:  # the disk is full, or a name is too long for it
            logger.warning("%s: %s", self._title, error)
            self._failing.fail(machine_error(error))
        except Exception:  # the thread's boundary: a defect of ours must end the job, visibly
            logger.exception("%s failed inside localaws", self._title)
            self._failing.fail(INTERNAL_ERROR)
        finally:
            self.close()
        logger.info("%s: ended", self._title)

    @abstractmethod
    def work(self) -> None:
        """Do the job; raises JobError with its FailureReason."""

    @abstractmethod
    def close(self) -> None:
        """Leave nothing behind."""


Runner = TypeVar("Runner", bound=JobThread)


class RunningJobs(Generic[Runner]):
    """The service that keeps the runner of every job of one kind that has not ended."""

    ABORT_S: ClassVar[float]
    """Real seconds that all jobs together get to end when localaws stops."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._runners: dict[str, Runner] = {}

    @property
    def instance_count(self) -> int:
        """How many instances compute for the jobs that run."""
        return sum(runner.instance_count for runner in self.running().values())

    def pids(self) -> dict[str, dict[str, int]]:
        """Return the processes of the jobs that run, by ARN and instance."""
        return {arn: runner.pids() for arn, runner in self.running().items()}

    def metric_instances(self) -> Iterator[Instance]:
        """Return the instances of all jobs, for CPUUtilization and MemoryUtilization."""
        for runner in self.running().values():
            yield from runner.metric_instances()

    def register(self, router: Router) -> None:
        """Add no routes: jobs are spoken to through moto's."""

    def start(self, runner: Runner, *, arn: str) -> None:
        """Start a job, and forget those that have ended.

        One of the same name, deleted, cleans up before: two under one ARN could not both be given up.
        """
        with self._lock:
            earlier = self._runners.get(arn)
        if earlier is not None:
            earlier.join(timeout_s=self.ABORT_S)
        with self._lock:
            self._runners = {key: value for key, value in self._runners.items() if value.is_running}
            runner.start()
            self._runners[arn] = runner

    def running(self) -> dict[str, Runner]:
        """Return the runners of the jobs that have not ended, by ARN."""
        with self._lock:
            return {arn: runner for arn, runner in self._runners.items() if runner.is_running}

    def stop_job(self, *, arn: str) -> None:
        """Ask one job to stop; one that has ended is left alone."""
        with self._lock:
            runner = self._runners.get(arn)
        if runner is not None:
            runner.stop()

    async def stop(self) -> None:
        """Give up every job that runs."""
        with self._lock:
            runners = list(self._runners.values())
        for runner in runners:
            runner.abort()
        await asyncio.to_thread(self._join, runners)

    def _join(self, runners: list[Runner]) -> None:
        for runner in runners:
            runner.join(timeout_s=self.ABORT_S / len(runners))


@runtime_checkable
class HasComputers(Protocol):
    """A service whose instances compute."""

    @property
    def instance_count(self) -> int:
        """How many there are now."""
        ...


def count_instances(services: Iterable[object], *, with_endpoints: bool = False) -> int:
    """Return how many instances compute for jobs now.

    Those of endpoints compute when they are asked, and count among themselves only: a job must not go slower
    because an endpoint waits beside it.
    """
    kind = HasComputers if with_endpoints else RunningJobs
    return sum(service.instance_count for service in services if isinstance(service, kind))
