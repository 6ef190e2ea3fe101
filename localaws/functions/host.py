"""What functions run on: unpacked code, the runtime, environments. It knows no API and no function by name.

moto's backends find it through the context, from their own threads; the service above connects it to what
only the service knows.
"""

import asyncio
import os
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor

from localaws.asgi import Router
from localaws.context import Context
from localaws.errors import ChildStartError
from localaws.functions.arns import Target
from localaws.functions.code_links import CodeLinks
from localaws.functions.deployment import Deployment, deploy
from localaws.functions.errors import ServiceError
from localaws.functions.invocations import Outcome, Result
from localaws.functions.packages import Packages, remove_tree
from localaws.functions.pool import EnvironmentPool
from localaws.functions.runtimes import CLIENT_VARIABLE, build_runtime
from localaws.functions.spec import EnvironmentSpec, Runtime

SWEEP_S = 60.0
"""AWS seconds between looks for environments to retire."""
SWEEP_MIN_S = 0.25
"""Real seconds between them at least, however fast the clock."""
CALL_MARGIN_S = 30.0
"""Real seconds that a caller inside moto waits beyond the function's Timeout (cold starts)."""

QUEUE_S = 10.0
"""Real seconds that a thread waits for an event to be queued."""

CallTarget = Callable[[Target, bytes], Awaitable[Result]]
QueueTarget = Callable[[Target, bytes], None]


class FunctionHost:
    """Deploy code and keep environments. `connect` it before the first call."""

    def __init__(self, context: Context, *, client: str | None = None) -> None:
        self._context = context
        self._client = client or os.environ.get(CLIENT_VARIABLE)
        self._folder = context.data_dir / "functions"
        self._packages = Packages(self._folder / "code")
        self._executor = ThreadPoolExecutor(max_workers=2, thread_name_prefix="deploy")
        self._runtime: Runtime | None = None
        self.links = CodeLinks()
        self._runtime_lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._loop_thread = 0
        self._sweeper: asyncio.Task[None] | None = None
        self._is_current: Callable[[EnvironmentSpec], bool] = lambda spec: True
        self._call: CallTarget | None = None
        self._queue: QueueTarget | None = None
        self._provision: Callable[[Target], None] | None = None
        self._refill: Callable[[], None] | None = None
        self.pool = EnvironmentPool(
            context=context,
            folder=self._folder / "environments",
            is_current=lambda spec: self._is_current(spec),
        )

    def connect(
        self,
        *,
        is_current: Callable[[EnvironmentSpec], bool],
        call: CallTarget,
        queue: QueueTarget,
        provision: Callable[[Target], None],
        refill: Callable[[], None],
    ) -> None:
        """Say which environments may go on, how a call of another service is run, and what provisions."""
        self._is_current, self._call, self._queue = is_current, call, queue
        self._provision, self._refill = provision, refill

    def register(self, router: Router) -> None:
        """Add no routes; begin to look for what to retire."""
        self._loop = asyncio.get_running_loop()
        self._loop_thread = threading.get_ident()
        self._sweeper = self._loop.create_task(self._sweep_for_ever())

    async def stop(self) -> None:
        """Kill every environment, remove the code."""
        if self._sweeper is not None:
            self._sweeper.cancel()
        await self.pool.close()
        self._executor.shutdown(wait=False, cancel_futures=True)
        await asyncio.to_thread(remove_tree, self._folder)

    async def _sweep_for_ever(self) -> None:
        while True:
            await asyncio.sleep(max(SWEEP_MIN_S, self._context.clock.real_seconds(SWEEP_S)))
            self._sweep()

    def _sweep(self) -> None:
        self.pool.sweep()
        if self._refill is not None:
            self._refill()

    def deploy(self, deployment: Deployment) -> None:
        """Unpack code in the background; the deployment is told how it went."""
        self._executor.submit(self._deploy, deployment)

    def _deploy(self, deployment: Deployment) -> None:
        if deploy(deployment, packages=self._packages):
            self.refresh()
            self.prepare_runtime()

    def provision(self, target: Target) -> None:
        """Start what is provisioned for a version or alias, in the background."""
        assert self._provision is not None
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._provision, target)

    def refresh(self) -> None:
        """Retire the environments of what has changed or is gone, give up those that still start for it."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._sweep)

    def prepare_runtime(self) -> Runtime:
        """Return the runtime, built at the first call."""
        with self._runtime_lock:
            if self._runtime is None:
                folder = self._folder / "runtime"
                supervisor = self._context.supervisor
                self._runtime = build_runtime(folder, supervisor=supervisor, client=self._client)
            return self._runtime

    async def runtime(self) -> Runtime:
        """Return the runtime; the event loop goes on while it is built. Raises ServiceError."""
        if self._runtime is not None:
            return self._runtime
        try:
            return await asyncio.to_thread(self.prepare_runtime)
        except ChildStartError as error:
            raise ServiceError(str(error)) from error

    def call_from_thread(self, target: Target, payload: bytes, *, timeout_s: float) -> Outcome:
        """Run one event for another service of moto and wait for it, `timeout_s` real seconds at most.

        In the event loop itself nothing may wait: there the event is queued.
        """
        assert self._loop is not None
        assert self._call is not None
        assert self._queue is not None
        if threading.get_ident() == self._loop_thread:
            self._queue(target, payload)
            return Outcome(payload=b"")
        running = asyncio.run_coroutine_threadsafe(_as_coroutine(self._call(target, payload)), self._loop)
        return running.result(timeout=timeout_s + CALL_MARGIN_S).outcome

    def queue_from_thread(self, target: Target, payload: bytes) -> None:
        """Queue one event, as an asynchronous Invoke does; raise what that would."""
        assert self._loop is not None
        assert self._queue is not None
        queue = self._queue
        if threading.get_ident() == self._loop_thread:
            queue(target, payload)
            return

        async def put() -> None:
            queue(target, payload)

        asyncio.run_coroutine_threadsafe(put(), self._loop).result(timeout=QUEUE_S)


async def _as_coroutine(work: Awaitable[Result]) -> Result:
    return await work
