"""What makes scaling go: alarms hand policies over, a thread looks at schedules and at changes."""

import asyncio
import logging
import threading
from datetime import datetime
from typing import Protocol

from localaws.asgi import Router
from localaws.clock import tick_pause_s
from localaws.cloudwatch.alarms.alarm import StateChange
from localaws.context import Context
from localaws.errors import LocalAwsError

logger = logging.getLogger(__name__)

JOIN_S = 2.0
"""Real seconds that the thread gets to end."""


class Scales(Protocol):
    """A backend of Application Auto Scaling."""

    def act_on_alarm(self, change: StateChange, *, policy_arn: str) -> None:
        """Carry a policy out."""
        ...

    def tick(self, *, before: datetime, now: datetime) -> None:
        """Do what is due between two moments."""
        ...


class AutoscalingService:
    """The backends that there are, and the thread, which starts with the first of them."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._backends: dict[tuple[str, str], Scales] = {}
        self._stopping = threading.Event()
        self._ticked = context.clock.now()
        self._thread = threading.Thread(target=self._run, name="autoscaling", daemon=True)
        self._lock = threading.Lock()

    def register(self, router: Router) -> None:
        """Add no routes: requests are answered through moto's."""

    async def stop(self) -> None:
        """End the thread."""
        self._stopping.set()
        if self._thread.is_alive():
            await asyncio.to_thread(self._thread.join, JOIN_S)

    def adopt(self, backend: Scales, *, account_id: str, region: str) -> None:
        """Take a backend in; one that was reset takes its own place."""
        with self._lock:
            self._backends[(account_id, region)] = backend
            if not self._thread.is_alive() and not self._stopping.is_set():
                self._ticked = self._context.clock.now()
                self._thread.start()

    def act_on_alarm(self, change: StateChange, *, policy_arn: str) -> None:
        """Carry a policy out; called as an alarm enters a state, and each minute that it stays there."""
        arn = policy_arn.split(":createdBy/", 1)[0]
        _, _, _, region, account_id, _ = arn.split(":", 5)
        backend = self._backends.get((account_id, region))
        if backend is None:
            raise LocalAwsError(f"localaws scales nothing by the policy {arn}")
        backend.act_on_alarm(change, policy_arn=arn)

    def _run(self) -> None:
        while not self._stopping.wait(tick_pause_s(self._context.clock)):
            self.tick()

    def tick(self) -> None:
        """Do what the time since the last tick asks for."""
        before, self._ticked = self._ticked, self._context.clock.now()
        for (account_id, region), backend in list(self._backends.items()):
            try:
                backend.tick(before=before, now=self._ticked)
            except Exception:  # the thread's boundary: the next tick may do better
                logger.exception("Application Auto Scaling of %s in %s: a tick failed", account_id, region)
