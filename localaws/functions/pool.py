"""The environments that are alive: warm ones are used again, missing ones made, old ones retired."""

import asyncio
import logging
import os
import uuid
from collections.abc import Callable
from pathlib import Path

from localaws.context import Context
from localaws.functions import invocations
from localaws.functions.concurrency.rates import GrowthRate
from localaws.functions.environments import Environment
from localaws.functions.errors import ServiceError
from localaws.functions.invocations import Invocation, Outcome, Result
from localaws.functions.spec import EnvironmentSpec, Runtime, provisioned
from localaws.iam.identity import SESSION_S

logger = logging.getLogger(__name__)

IDLE_S = 600.0
"""AWS seconds after which an environment that nobody used is retired (AWS promises no number)."""
AGE_S = SESSION_S - 900.0
"""AWS seconds after which an environment gets no more events: its credentials outlive the longest Timeout."""
INIT_S = 10.0
"""Real seconds that the Init phase may take; then it is done again, within the function's own Timeout."""
AHEAD_INIT_S = 900.0
"""Real seconds of the Init phase of a provisioned environment
(https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html)."""
STARTS_AT_ONCE = max(4, 2 * (os.cpu_count() or 1))
"""Processes starting at the same time; more would only slow each other past the limit."""


class EnvironmentPool:
    """All environments of one localaws. Used from the event loop only."""

    def __init__(
        self, *, context: Context, folder: Path, is_current: Callable[[EnvironmentSpec], bool]
    ) -> None:
        self._context = context
        self._folder = folder
        self._is_current = is_current
        self._idle: dict[EnvironmentSpec, list[Environment]] = {}
        self._alive: set[Environment] = set()
        self._closing: set[asyncio.Task[None]] = set()
        self._starts = asyncio.Semaphore(STARTS_AT_ONCE)
        self._growth = GrowthRate(context.clock)
        self._closed = False

    async def run(self, *, spec: EnvironmentSpec, runtime: Runtime, invocation: Invocation) -> Result:
        """Run one event in a warm environment, or in a new one where all are busy.

        Raises ThrottledError where the function grows too fast for that.
        """
        environment = self._take_warm(spec)
        if environment is None:
            self._growth.check(spec)
            environment = self._make(spec, runtime)
            try:
                failure, environment = await self._start(environment, runtime, invocation)
            except BaseException:
                self._retire(environment)
                raise
            if failure is not None:
                self._retire(environment)
                return environment.failed_result(failure)
        try:
            return await environment.invoke(invocation)
        finally:
            self._put_back(environment)

    def count(self, spec: EnvironmentSpec) -> int:
        """Return how many environments of a specification have been started, busy ones too."""
        return sum(1 for environment in self._alive if environment.spec == spec and environment.is_started)

    def has_idle(self, spec: EnvironmentSpec) -> bool:
        """Tell whether an environment of a specification can take an event now."""
        return any(environment.is_idle for environment in self._idle.get(spec, ()))

    def busy(self, spec: EnvironmentSpec) -> int:
        """Return how many environments of a specification run an event."""
        idle = sum(1 for environment in self._idle.get(spec, ()) if environment.is_idle)
        return self.count(spec) - idle

    def utilization(self, spec: EnvironmentSpec) -> float | None:
        """Return the share of environments that are busy with one event more; None where there are none."""
        started = self.count(spec)
        return min((self.busy(spec) + 1) / started, 1.0) if started else None

    async def start_ahead(self, *, spec: EnvironmentSpec, runtime: Runtime) -> bool:
        """Start an environment before there is an event for it; return whether it came up.

        Its initialisation has the time that AWS gives what is provisioned. Raises ChildStartError.
        """
        environment = self._make(spec, runtime)
        try:
            async with self._starts:
                failure = await environment.start(request_id=str(uuid.uuid4()), limit_s=AHEAD_INIT_S)
        except TimeoutError:
            self._retire(environment)
            return False
        except BaseException:
            self._retire(environment)
            raise
        if failure is not None:
            environment.failed_result(failure)
            self._retire(environment)
            return False
        self._put_back(environment)
        return True

    def trim(self, spec: EnvironmentSpec, *, keep: int) -> None:
        """Retire idle environments of a specification until no more than `keep` are left."""
        warm = self._idle.get(spec, [])
        while warm and self.count(spec) > keep:
            self._retire(warm.pop(0))

    def _make(self, spec: EnvironmentSpec, runtime: Runtime) -> Environment:
        if self._closed:
            raise ServiceError("localaws is stopping")
        folder = self._folder / uuid.uuid4().hex
        environment = Environment(spec=spec, runtime=runtime, context=self._context, folder=folder)
        self._alive.add(environment)
        return environment

    async def _start(
        self, environment: Environment, runtime: Runtime, invocation: Invocation
    ) -> tuple[Outcome | None, Environment]:
        """Start it; where Init takes too long, start another within the function's Timeout, as on AWS."""
        request_id, spec = invocation.request_id, environment.spec
        async with self._starts:
            try:
                return await environment.start(request_id=request_id, limit_s=INIT_S), environment
            except TimeoutError:
                environment.platform.end_init(status="timeout")
                self._retire(environment)
            second = self._make(spec, runtime)
            try:
                return await second.start(request_id=request_id, limit_s=spec.timeout_s), second
            except TimeoutError:
                return invocations.timed_out(request_id=request_id, timeout_s=spec.timeout_s), second
            except BaseException:
                self._retire(second)
                raise

    def _take_warm(self, spec: EnvironmentSpec) -> Environment | None:
        """Return the environment used last that is still good."""
        warm = self._idle.get(spec, [])
        while warm:
            environment = warm.pop()
            if environment.is_idle and not self._is_old(environment):
                return environment
            self._retire(environment)
        return None

    def _put_back(self, environment: Environment) -> None:
        if environment.is_idle and not self._closed and self._is_current(environment.spec):
            self._idle.setdefault(environment.spec, []).append(environment)
        else:
            self._retire(environment)

    def _is_old(self, environment: Environment) -> bool:
        now = self._context.clock.monotonic()
        is_kept = environment.spec == provisioned(environment.spec)
        is_unused = not is_kept and now - environment.idle_since > IDLE_S
        return is_unused or now - environment.created_at > AGE_S

    def sweep(self) -> None:
        """Retire the idle environments that are old, dead, or of code or configuration that has changed."""
        for spec in list(self._idle):
            current = self._is_current(spec)
            keep = []
            for environment in self._idle.pop(spec):
                if current and environment.is_idle and not self._is_old(environment):
                    keep.append(environment)
                else:
                    self._retire(environment)
            if keep:
                self._idle[spec] = keep

    def alive(self) -> list[Environment]:
        """Return the environments that are there now."""
        return list(self._alive)

    def _retire(self, environment: Environment) -> None:
        """Close it in the background; twice is fine."""
        if environment not in self._alive:
            return
        self._alive.discard(environment)
        logger.info("retiring an environment of %s", environment.spec.function_name)
        task = asyncio.get_running_loop().create_task(environment.close())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    async def close(self) -> None:
        """Kill every environment, in the middle of an event too."""
        self._closed = True
        self._idle.clear()
        for environment in list(self._alive):
            self._retire(environment)
        await asyncio.gather(*self._closing, return_exceptions=True)
