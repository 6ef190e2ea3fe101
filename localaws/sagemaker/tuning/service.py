"""The running tuning jobs of this localaws process, so that they can be found and stopped."""

import asyncio
import threading

from localaws.asgi import Router
from localaws.context import current
from localaws.sagemaker.tuning.runner import TuningRunner

ABORT_S = 3.0
"""Real seconds that all tuning jobs together get to end when localaws stops; their threads are daemons."""


class TuningService:
    """Keep the runner of every tuning job that has not ended."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._runners: dict[str, TuningRunner] = {}

    def register(self, router: Router) -> None:
        """Add no routes: tuning jobs are spoken to through moto's."""

    def start(self, runner: TuningRunner, *, arn: str) -> None:
        """Start a tuning job, and forget those that have ended."""
        with self._lock:
            self._runners = {key: value for key, value in self._runners.items() if value.is_running}
            runner.start()
            self._runners[arn] = runner

    def stop_job(self, *, arn: str) -> None:
        """Let one tuning job see that it is to stop."""
        with self._lock:
            runner = self._runners.get(arn)
        if runner is not None:
            runner.stop()

    async def stop(self) -> None:
        """Give up every tuning job, before its training jobs are given up."""
        with self._lock:
            runners = list(self._runners.values())
        for runner in runners:
            runner.abort()
        await asyncio.to_thread(_join, runners)


def _join(runners: list[TuningRunner]) -> None:
    for runner in runners:
        runner.join(timeout_s=ABORT_S / len(runners))


def tuning_service() -> TuningService:
    """Return the service of the running localaws."""
    for service in current().services:
        if isinstance(service, TuningService):
            return service
    raise RuntimeError("localaws runs without its tuning service")
