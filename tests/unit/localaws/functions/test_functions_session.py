"""The conversation with a runtime, without a runtime."""

import asyncio
import json
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from localaws.functions.invocations import RESPONSE_LIMIT, Invocation, Outcome
from localaws.functions.runtime_api import ApiCall
from localaws.functions.session import RuntimeSession

API = "/2018-06-01/runtime"
EVENT = Invocation(payload=b'{"a": 1}', arn="arn:f", trace_id="Root=1", request_id="r-1", client_context="{}")


class Wire:
    """Plays the runtime: sends calls, keeps the answers."""

    def __init__(self, session: RuntimeSession) -> None:
        self.session = session
        self.answers: list[tuple[int, bytes, dict[str, str]]] = []

    def call(self, method: str, path: str, body: bytes = b"", size: int | None = None, kind: str = "") -> int:
        """Send one call; return the status of the last answer, 0 where none has come yet."""
        before = len(self.answers)
        headers = {"lambda-runtime-function-error-type": kind} if kind else {}
        self.session.on_call(
            ApiCall(
                method=method,
                path=API + path,
                respond=lambda status, body, headers: self.answers.append((status, body, headers)),
                headers=headers,
                body=body,
                size=len(body) if size is None else size,
            )
        )
        return self.answers[-1][0] if len(self.answers) > before else 0


def run(test: Callable[[Wire], Coroutine[Any, Any, None]]) -> None:
    """Run a test in an event loop, on a new session."""

    async def main() -> None:
        await test(Wire(RuntimeSession(init_id="r-0")))

    asyncio.run(main())


async def be_ready(wire: Wire) -> RuntimeSession:
    """Ask for the first event."""
    assert wire.call("GET", "/invocation/next") == 0
    assert await wire.session.settled is None
    assert wire.session.state == "Idle"
    return wire.session


def test_an_event_goes_out_with_lambdas_headers_and_ends_with_the_next_one() -> None:
    async def talk(wire: Wire) -> None:
        session = await be_ready(wire)
        session.begin(EVENT, timeout_s=3.0)
        status, body, headers = wire.answers.pop()
        assert (status, body) == (200, b'{"a": 1}')
        assert headers["Lambda-Runtime-Aws-Request-Id"] == "r-1"
        assert headers["Lambda-Runtime-Invoked-Function-Arn"] == "arn:f"
        assert headers["Lambda-Runtime-Client-Context"] == "{}"
        assert wire.call("POST", "/invocation/r-1/response", b"42") == 202
        assert not session.settled.done(), "the runtime is not ready for another event yet"
        wire.call("GET", "/invocation/next")
        assert await session.settled == Outcome(payload=b"42")
        assert session.state == "Idle"

    run(talk)


def test_an_error_of_the_handler_keeps_its_payload() -> None:
    async def talk(wire: Wire) -> None:
        session = await be_ready(wire)
        session.begin(EVENT, timeout_s=3.0)
        wire.call("POST", "/invocation/r-1/error", b'{"errorType":"ValueError"}')
        wire.call("GET", "/invocation/next")
        outcome = await session.settled
        assert outcome is not None
        assert (outcome.payload, outcome.error) == (b'{"errorType":"ValueError"}', "Unhandled")

    run(talk)


def test_an_error_at_initialisation_is_the_outcome_once_the_process_ends() -> None:
    async def talk(wire: Wire) -> None:
        assert wire.call("POST", "/init/error", b"{}", kind="Runtime.ImportModuleError") == 202
        wire.session.on_exit(1)
        outcome = await wire.session.settled
        assert outcome is not None
        assert outcome.error_type == "Runtime.ImportModuleError"

    run(talk)


def test_an_exit_in_the_middle_is_an_exit_error() -> None:
    async def talk(wire: Wire) -> None:
        session = await be_ready(wire)
        session.begin(EVENT, timeout_s=3.0)
        session.on_exit(1)
        outcome = await session.settled
        assert outcome is not None
        assert json.loads(outcome.payload)["errorMessage"].startswith("RequestId: r-1 Error: Runtime exited")
        assert session.state == "Dead"
        session.on_exit(1)

    run(talk)


def test_an_answer_that_was_posted_stands_although_the_process_dies() -> None:
    async def talk(wire: Wire) -> None:
        session = await be_ready(wire)
        session.begin(EVENT, timeout_s=3.0)
        wire.call("POST", "/invocation/r-1/response", b"42")
        session.on_exit(-9)
        assert await session.settled == Outcome(payload=b"42")

    run(talk)


def test_a_response_over_the_limit_is_refused() -> None:
    async def talk(wire: Wire) -> None:
        session = await be_ready(wire)
        session.begin(EVENT, timeout_s=3.0)
        assert wire.call("POST", "/invocation/r-1/response", b"", size=RESPONSE_LIMIT + 1) == 413
        wire.call("GET", "/invocation/next")
        outcome = await session.settled
        assert outcome is not None
        assert outcome.error_type == "Function.ResponseSizeTooLarge"

    run(talk)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/invocation/r-9/response"),
        ("POST", "/invocation/r-1/response"),
        ("POST", "/init/error"),
        ("GET", "/nothing"),
    ],
)
def test_what_nothing_waits_for_is_refused(method: str, path: str) -> None:
    async def talk(wire: Wire) -> None:
        await be_ready(wire)
        assert wire.call(method, path, b"{}") == 400
        assert wire.session.state == "Idle"

    run(talk)
