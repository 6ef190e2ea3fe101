"""The pool of environments in this process: real functions, a clock that is moved by hand."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Generator
from dataclasses import replace
from pathlib import Path

import pytest

from localaws.clock import ManualClock
from localaws.context import Context
from localaws.functions import pool as pools
from localaws.functions.errors import ServiceError
from localaws.functions.invocations import Invocation
from localaws.functions.pool import EnvironmentPool
from localaws.functions.runtimes import build_runtime
from localaws.functions.spec import EnvironmentSpec, Runtime
from localaws.iam.identity import Identity
from localaws.processes import Supervisor

SLOW_TO_LOAD = "import time\ntime.sleep(1)\ndef handler(event, context):\n    return 1\n"
QUICK = """
import time
def handler(event, context):
    time.sleep(event.get("s", 0))
    return context.log_stream_name
"""


@pytest.fixture
def context(tmp_path: Path) -> Generator[Context, None, None]:
    """A context without a server."""
    clock = ManualClock()
    made = Context(
        endpoint_url="http://127.0.0.1:9",
        credentials_url="http://127.0.0.1:9",
        data_dir=tmp_path,
        region="us-east-1",
        clock=clock,
        supervisor=Supervisor(),
        identity=Identity(region="us-east-1", now=clock.now),
    )
    yield made
    left = made.supervisor.running()
    made.close()
    assert left == []


def spec_of(tmp_path: Path, source: str, *, timeout_s: float = 5.0) -> EnvironmentSpec:
    """Write a function and return its specification."""
    (tmp_path / "task").mkdir()
    (tmp_path / "task" / "app.py").write_text(source)
    return EnvironmentSpec(
        account_id="123456789012",
        region="us-east-1",
        function_name="dogs",
        version="1",
        handler="app.handler",
        role="arn:aws:iam::123456789012:role/r",
        runtime="python3.11",
        memory_mb=128,
        timeout_s=timeout_s,
        variables=(),
        task_root=tmp_path / "task",
    )


def with_pool(context: Context, test: Callable[[EnvironmentPool, Runtime], Awaitable[None]]) -> None:
    """Run a test with a pool, which is closed afterwards."""
    runtime = build_runtime(context.data_dir / "runtime", supervisor=context.supervisor, client="python")

    async def main() -> None:
        pool = EnvironmentPool(context=context, folder=context.data_dir / "e", is_current=lambda spec: True)
        try:
            await test(pool, runtime)
        finally:
            await pool.close()

    asyncio.run(main())


def invocation(event: object = None) -> Invocation:
    """Return an event."""
    return Invocation(payload=json.dumps(event or {}).encode(), arn="arn:f", trace_id="Root=1")


def test_a_slow_initialisation_is_done_again_within_the_timeout(
    context: Context, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pools, "INIT_S", 0.3)
    spec = spec_of(tmp_path, SLOW_TO_LOAD)

    async def test(pool: EnvironmentPool, runtime: Runtime) -> None:
        result = await pool.run(spec=spec, runtime=runtime, invocation=invocation())
        assert result.outcome.error is None
        impatient = await pool.run(
            spec=replace(spec, timeout_s=0.4), runtime=runtime, invocation=invocation()
        )
        assert impatient.outcome.error_type == "Sandbox.Timedout"

    with_pool(context, test)


def test_idle_and_old_environments_are_retired(context: Context, tmp_path: Path) -> None:
    spec, clock = spec_of(tmp_path, QUICK), context.clock
    assert isinstance(clock, ManualClock)

    async def test(pool: EnvironmentPool, runtime: Runtime) -> None:
        async def run() -> str:
            result = await pool.run(spec=spec, runtime=runtime, invocation=invocation())
            return str(json.loads(result.outcome.payload))

        first = await run()
        clock.advance(pools.IDLE_S - 1)
        pool.sweep()
        assert await run() == first
        clock.advance(pools.IDLE_S + 1)
        second = await run()
        assert second != first, "idle for too long"
        for _ in range(4):
            clock.advance(pools.IDLE_S - 1)
            second = await run()
        clock.advance(pools.IDLE_S - 1)
        assert await run() != second, "its credentials would end soon"

    with_pool(context, test)


def test_a_pool_that_closes_ends_what_runs_at_once(context: Context, tmp_path: Path) -> None:
    spec = spec_of(tmp_path, QUICK, timeout_s=60)

    async def test(pool: EnvironmentPool, runtime: Runtime) -> None:
        running = asyncio.create_task(pool.run(spec=spec, runtime=runtime, invocation=invocation({"s": 60})))
        while not context.supervisor.running():
            await asyncio.sleep(0.02)
        await asyncio.sleep(0.3)
        started = time.perf_counter()
        await pool.close()
        result = await running
        assert time.perf_counter() - started < 1
        assert result.outcome.error_type == "Runtime.ExitError"
        with pytest.raises(ServiceError, match="localaws is stopping"):
            await pool.run(spec=spec, runtime=runtime, invocation=invocation())

    with_pool(context, test)
    assert list((context.data_dir / "e").iterdir()) == []


def test_the_end_of_a_process_is_seen_at_once(context: Context, tmp_path: Path) -> None:
    spec = spec_of(tmp_path, "import os\ndef handler(event, context):\n    os._exit(event.get('code', 0))\n")

    async def test(pool: EnvironmentPool, runtime: Runtime) -> None:
        started = time.perf_counter()
        result = await pool.run(spec=spec, runtime=runtime, invocation=invocation({"code": 7}))
        assert b"exit status 7" in result.outcome.payload
        assert time.perf_counter() - started < 3

    with_pool(context, test)


def test_a_client_that_does_not_exist_is_refused_by_name(context: Context, tmp_path: Path) -> None:
    with pytest.raises(
        RuntimeError, match="LOCALAWS_FUNCTION_CLIENT must be awslambdaric or python, not 'node'"
    ):
        build_runtime(tmp_path / "runtime", supervisor=context.supervisor, client="node")
