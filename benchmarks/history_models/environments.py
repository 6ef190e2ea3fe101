"""Execution environments of functions without processes: they start, run and end when the history says so."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from localaws.context import Context
from localaws.errors import ChildStartError
from localaws.functions import invocations
from localaws.functions.deployment import Deployment
from localaws.functions.host import FunctionHost
from localaws.functions.invocations import Invocation, Outcome, Result
from localaws.functions.spec import EnvironmentSpec, Runtime

COMES_UP, RAISES, DIES, NEVER = "comes up", "raises", "dies", "never"
"""How an initialisation ends: well, with an error of the function, without a process, and not in time."""
SUCCEEDS, FAILS, CRASHES = "succeeds", "fails", "crashes"
"""How an invocation ends; after the last the process is gone."""
CODE = Path("/code")


class FakeEnvironment:
    """One environment; `made` are those of the history, in the order in which they were made."""

    made: list["FakeEnvironment"]

    def __init__(self, *, spec: EnvironmentSpec, runtime: Runtime, context: Context, folder: Path) -> None:
        self.spec, self._clock = spec, context.clock
        self.created_at = self.idle_since = context.clock.monotonic()
        self.state = "Starting"
        self.platform: Any = SimpleNamespace(end_init=lambda **facts: None)
        self.invocation: Invocation | None = None
        self._next: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.made.append(self)

    @property
    def is_idle(self) -> bool:
        """Whether it can take an event now."""
        return self.state == "Idle"

    @property
    def is_started(self) -> bool:
        """Whether it has come up and lives."""
        return self.state in ("Idle", "Busy")

    @property
    def is_waiting(self) -> bool:
        """Whether it waits for the history to say how it goes on."""
        return self.state in ("Starting", "Busy") and not self._next.done()

    def say(self, how: str) -> None:
        """Let it go on."""
        if self.is_waiting:
            self._next.set_result(how)

    async def start(self, *, request_id: str, limit_s: float) -> Outcome | None:
        """Come up, or fail as localaws' environments do."""
        how = await self._next
        if how == NEVER:
            raise TimeoutError
        if how == DIES:
            self.state = "Dead"
            raise ChildStartError("no process can be started")
        if how == RAISES:
            self.state = "Dead"
            return invocations.platform_error(error_type="Runtime.ImportError", message="no dog")
        self.state = "Idle"
        return None

    async def invoke(self, invocation: Invocation) -> Result:
        """Run one event."""
        if self.state != "Idle":
            raise RuntimeError(f"an environment got an event while it was {self.state}")
        self.state, self.invocation = "Busy", invocation
        self._next = asyncio.get_running_loop().create_future()
        how = await self._next
        self.state = "Idle" if how in (SUCCEEDS, FAILS) else "Dead"
        self.invocation, self.idle_since = None, self._clock.monotonic()
        error = None if how == SUCCEEDS else "Unhandled"
        return Result(outcome=Outcome(payload=b"1", error=error), log_tail=b"", version=self.spec.version)

    def failed_result(self, outcome: Outcome) -> Result:
        """Return the result of an invocation whose environment did not come up."""
        return Result(outcome=outcome, log_tail=b"", version=self.spec.version)

    def die(self) -> None:
        """End the process of an idle environment."""
        if self.state == "Idle":
            self.state = "Dead"

    async def close(self) -> None:
        """End it; an event that runs ends with it."""
        if self.state == "Busy":
            self.say(CRASHES)
        self.state = "Dead"


class FakeHost(FunctionHost):
    """localaws' host of functions, whose code is unpacked when the history says so."""

    def __init__(self, context: Context, *, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(context)
        self._loop = loop
        self._runtime = Runtime(folder=CODE, client="client")
        self.waiting: list[Deployment] = []
        self.unpacked: dict[bytes, Path] = {}

    def deploy(self, deployment: Deployment) -> None:
        """Remember what is to be unpacked."""
        self.waiting.append(deployment)

    def finish_deployment(self, *, is_success: bool) -> None:
        """Unpack what was asked for first, or fail to."""
        deployment = self.waiting.pop(0)
        if is_success:
            folder = CODE / str(len(self.unpacked))
            deployment.succeeded(self.unpacked.setdefault(deployment.code, folder), ())
        else:
            deployment.failed("no dog")
        self.refresh()


def described(environment: FakeEnvironment) -> Mapping[str, Any]:
    """Return what a violation says of an environment."""
    spec = environment.spec
    return {"function": spec.function_name, "version": spec.version, "for": spec.initialization}
