"""One execution environment: a process, its Runtime API, its log; one invocation at a time."""

import asyncio
import logging
import signal
import sys
import time
from pathlib import Path

from localaws.context import Context
from localaws.functions import invocations
from localaws.functions.invocations import Invocation, Outcome, Result, Usage
from localaws.functions.output import FunctionLog, OutputPipe
from localaws.functions.packages import remove_tree
from localaws.functions.platform_log import JsonLog, TextLog, open_log
from localaws.functions.runtime_api import listen
from localaws.functions.session import RuntimeSession
from localaws.functions.spec import EnvironmentSpec, Runtime, isolated, runtime_variables
from localaws.functions.views import TEMPORARY, as_seen, function_view
from localaws.functions.watching import ExitWatch, peak_memory_mb, wait_for_excess
from localaws.iam.identity import LONG_S
from localaws.logs import LogStream
from localaws.namespaces import View
from localaws.processes import Child

logger = logging.getLogger(__name__)


class Environment:
    """`start` it once, `invoke` it while it is idle, `close` it once, whatever happened."""

    def __init__(self, *, spec: EnvironmentSpec, runtime: Runtime, context: Context, folder: Path) -> None:
        self.spec = spec
        self.created_at = self.idle_since = context.clock.monotonic()
        self._runtime = runtime
        self._context = context
        self._folder = folder
        self._session = RuntimeSession(init_id="")
        self._stream_name = invocations.stream_name(now=context.clock.now(), version=spec.version)
        self._server: asyncio.Server | None = None
        self._pipe: OutputPipe | None = None
        self._child: Child | None = None
        self._watch: ExitWatch | None = None
        self._log: FunctionLog | None = None
        self._init_ms: float | None = None
        self._peak_mb = 0

    @property
    def is_idle(self) -> bool:
        """Whether it can take an event now."""
        return self._session.state == "Idle"

    @property
    def state(self) -> str:
        """What it does now."""
        return self._session.state

    @property
    def pid(self) -> int:
        """Its process; 0 before it has one."""
        return self._child.pid if self._child is not None else 0

    @property
    def is_started(self) -> bool:
        """Whether it has come up and lives."""
        return self._session.state in ("Idle", "Busy")

    @property
    def log(self) -> FunctionLog:
        """Its log; `start` opens it."""
        assert self._log is not None
        return self._log

    @property
    def platform(self) -> TextLog | JsonLog:
        """What writes to its log for Lambda itself."""
        return open_log(self.log, self.spec)

    async def start(self, *, request_id: str, limit_s: float) -> Outcome | None:
        """Start the process and wait, at most `limit_s` real seconds, until it asks for its first event.

        Returns None then, else the outcome that the invocation is to have. Raises TimeoutError.
        """
        started = time.perf_counter()
        self._session = RuntimeSession(init_id=request_id)
        self._server, address = await listen(self._session.on_call)
        self._log = FunctionLog(await asyncio.to_thread(self._open_log))
        self.platform.begin_init(sys.version.split()[0])
        self._pipe = OutputPipe(self._log)
        try:
            self._child = await asyncio.to_thread(self._spawn, address, self._pipe.write_end)
        finally:
            self._pipe.close_write_end()
        self._watch = ExitWatch(self._child, on_exit=self._on_exit)
        failure = await asyncio.wait_for(asyncio.shield(self._session.settled), limit_s)
        self._init_ms = (time.perf_counter() - started) * 1000
        return failure

    def _open_log(self) -> LogStream:
        spec = self.spec
        return self._context.log_stream(
            account_id=spec.account_id, region=spec.region, group=spec.log_group, stream=self._stream_name
        )

    def _spawn(self, address: str, output: int) -> Child:
        spec, runtime, temporary, view = self.spec, self._runtime, self._folder, View()
        self._folder.mkdir(parents=True)
        if not self._context.supervisor.refusal:
            kept = (self._context.ca_bundle,)
            hidden = self._context.data_dir
            view = function_view(spec, runtime, scratch=self._folder, hidden=hidden, kept=kept)
            (spec, runtime), temporary = as_seen(spec, runtime), TEMPORARY
        credentials = self._context.identity.assume(
            role_arn=spec.role, session_name=spec.function_name, duration_s=LONG_S
        )
        inherited = isolated(self._context.child_environment(region=spec.region))
        variables = runtime_variables(
            spec=spec,
            runtime=runtime,
            api_address=address,
            log_stream=self._stream_name,
            temporary=temporary,
            inherited=inherited,
        )
        return self._context.supervisor.start(
            name=f"lambda-{spec.function_name}",
            argv=runtime.argv(python=sys.executable, spec=spec),
            env=inherited | variables | credentials.as_environment(),
            cwd=spec.task_root,
            output=output,
            view=view,
        )

    def _on_exit(self) -> None:
        if self._pipe is not None and self._child is not None:
            self._pipe.flush()
            self._session.on_exit(self._child.poll())

    async def invoke(self, invocation: Invocation) -> Result:
        """Run one event to its end; afterwards the environment is idle, or its process has ended."""
        self.platform.start(invocation.request_id)
        started = time.perf_counter()
        self._session.begin(invocation, timeout_s=self.spec.timeout_s)
        outcome = await self._outcome_of(invocation)
        duration_ms = (time.perf_counter() - started) * 1000
        return self._report(invocation, outcome, duration_ms)

    async def _outcome_of(self, invocation: Invocation) -> Outcome:
        """Wait for the end of the event, the function's timeout (real seconds) or its memory limit."""
        assert self._child is not None
        settled, limit_mb = self._session.settled, self.spec.memory_mb
        memory = asyncio.create_task(wait_for_excess(self._child.pid, limit_mb=limit_mb))
        try:
            await asyncio.wait((settled, memory), timeout=self.spec.timeout_s, return_when="FIRST_COMPLETED")
        finally:
            memory.cancel()
            if not settled.done():
                self._end(invocation, memory_exceeded=memory.done())
        outcome = settled.result()
        assert outcome is not None
        return outcome

    def _end(self, invocation: Invocation, *, memory_exceeded: bool) -> None:
        self._memory_used()
        self.kill()
        request_id, timeout_s = invocation.request_id, self.spec.timeout_s
        if memory_exceeded:
            self._session.end(invocations.out_of_memory(request_id=request_id))
        else:
            self._session.end(invocations.timed_out(request_id=request_id, timeout_s=timeout_s))

    def _report(self, invocation: Invocation, outcome: Outcome, duration_ms: float) -> Result:
        """Write the last lines of the log, and return the result."""
        assert self._pipe is not None
        self._pipe.flush()
        request_id = invocation.request_id
        usage = Usage(
            duration_ms=duration_ms,
            init_ms=self._init_ms,
            memory_limit_mb=self.spec.memory_mb,
            memory_used_mb=self._memory_used(),
        )
        self._init_ms = None
        self.platform.report(request_id, usage=usage, outcome=outcome)
        self.idle_since = self._context.clock.monotonic()
        return Result(
            outcome=outcome,
            log_tail=self.log.take_tail(),
            version=self.spec.version,
            duration_ms=duration_ms,
        )

    def _memory_used(self) -> int:
        assert self._child is not None
        self._peak_mb = max(self._peak_mb, peak_memory_mb(self._child.pid) or 0)
        return self._peak_mb

    def failed_result(self, outcome: Outcome) -> Result:
        """Return the result of an invocation whose environment did not come up."""
        if self._pipe is not None:
            self._pipe.flush()
        self.platform.end_init(status=outcome.status, error_type=outcome.error_type)
        return Result(outcome=outcome, log_tail=self.log.take_tail(), version=self.spec.version)

    def kill(self) -> None:
        """Kill the process and all that it started at once."""
        if self._child is not None:
            self._child.kill()

    async def close(self) -> None:
        """Kill and reap the process, close the listener, remove the folder."""
        self.kill()
        self._session.on_exit(-signal.SIGKILL)
        if self._watch is not None:
            self._watch.close()
        if self._server is not None:
            self._server.close()
        if self._child is not None:
            await asyncio.to_thread(self._context.supervisor.reap, self._child)
        if self._pipe is not None:
            self._pipe.flush()
            self._pipe.close()
        await asyncio.to_thread(remove_tree, self._folder)
