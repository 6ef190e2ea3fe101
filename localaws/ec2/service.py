"""What runs of EC2 instances, and their end."""

import asyncio
import threading
from collections.abc import Callable, Mapping
from typing import Any

from localaws.asgi import Router
from localaws.ec2.runner import Order, Runner

Row = Callable[[], Mapping[str, Any]]
ABORT_S = 15.0
"""Real seconds that all instances together get to end when localaws stops."""


class InstanceService:
    """Keeps the runner of each instance that was switched on and is not terminated."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._runners: dict[str, Runner] = {}
        self._rows: dict[str, Row] = {}

    def describe(self) -> dict[str, list[Mapping[str, Any]]]:
        """Return the instances that are not terminated for the status page."""
        with self._lock:
            rows = list(self._rows.values())
        return {"machines": [describe() for describe in rows]}

    def register(self, router: Router) -> None:
        """Add no routes: instances are spoken to through moto's."""

    def start(self, instance_id: str, runner: Runner, *, describe: Row) -> None:
        """Start a runner, and keep it, and what tells of its instance."""
        with self._lock:
            self._runners[instance_id] = runner
            self._rows[instance_id] = describe
        runner.start()

    def ask(self, instance_id: str, order: Order) -> bool:
        """Give an order to an instance; False where it is off."""
        with self._lock:
            runner = self._runners.get(instance_id)
        return runner is not None and runner.ask(order)

    def forget(self, instance_id: str) -> None:
        """Drop the runner of an instance that is terminated."""
        with self._lock:
            self._runners.pop(instance_id, None)
            self._rows.pop(instance_id, None)

    async def stop(self) -> None:
        """Switch every instance off."""
        with self._lock:
            runners = list(self._runners.values())
        for runner in runners:
            runner.ask(Order.ABORT)
        await asyncio.gather(*(asyncio.to_thread(runner.join, timeout_s=ABORT_S) for runner in runners))
