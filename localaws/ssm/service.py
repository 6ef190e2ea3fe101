"""What runs of commands, and its end."""

import asyncio
import threading
from collections.abc import Iterable

from localaws.asgi import Router
from localaws.ssm.runner import Runner

ABORT_S = 5.0
"""Real seconds that all commands together get to end when localaws stops."""


class CommandService:
    """Keeps the runners of commands that are not over. The commands themselves are in moto's backend."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._runners: list[Runner] = []

    def register(self, router: Router) -> None:
        """Add no routes: commands are spoken to through moto's."""

    def start(self, runners: Iterable[Runner]) -> None:
        """Start runners, and keep them until they are over."""
        new = list(runners)
        with self._lock:
            self._runners = [each for each in self._runners if not each.record.state.is_over] + new
        for each in new:
            each.start()

    async def stop(self) -> None:
        """End every command."""
        with self._lock:
            runners = list(self._runners)
        for each in runners:
            each.abort()
        await asyncio.gather(*(asyncio.to_thread(each.join, timeout_s=ABORT_S) for each in runners))
