"""The running jobs of this localaws process, so that they can be found and stopped."""

import asyncio
import threading

from localaws.asgi import Router
from localaws.context import current
from localaws.sagemaker.training.runner import JobRunner

ABORT_S = 5.0
"""Real seconds that all jobs together get to end when localaws stops; the supervisor kills the rest."""


class TrainingService:
    """Keep the runner of every job that has not ended."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._runners: dict[str, JobRunner] = {}

    def register(self, router: Router) -> None:
        """Add no routes: training jobs are spoken to through moto's."""

    def start(self, runner: JobRunner, *, arn: str) -> None:
        """Start a job, and forget those that have ended."""
        with self._lock:
            self._runners = {key: value for key, value in self._runners.items() if value.is_running}
            runner.start()
            self._runners[arn] = runner

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
        await asyncio.to_thread(_join, runners)


def _join(runners: list[JobRunner]) -> None:
    for runner in runners:
        runner.join(timeout_s=ABORT_S / len(runners))


def training_service() -> TrainingService:
    """Return the service of the running localaws."""
    for service in current().services:
        if isinstance(service, TrainingService):
            return service
    raise RuntimeError("localaws runs without its training service")
