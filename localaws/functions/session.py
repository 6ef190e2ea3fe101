"""The conversation with one runtime over the Runtime API, as a state machine: no process, no socket."""

import asyncio
import time
from datetime import UTC, datetime

from localaws.functions import invocations, states
from localaws.functions.invocations import Invocation, Outcome
from localaws.functions.runtime_api import ApiCall

API = "/2018-06-01/runtime"
ERROR_TYPE_HEADER = "lambda-runtime-function-error-type"


class RuntimeSession:
    """`settled` ends each phase: with None when the runtime is ready, with an Outcome when an event is done.

    An invocation ends when the runtime asks for the next event, as on Lambda: only then may it get another.
    """

    def __init__(self, *, init_id: str) -> None:
        self.state = "Starting"
        self.settled: asyncio.Future[Outcome | None] = asyncio.get_running_loop().create_future()
        self._request_id = init_id
        self._waiting: ApiCall | None = None
        self._outcome: Outcome | None = None

    def on_call(self, call: ApiCall) -> None:
        """Answer one request of the runtime; the answer to `next` waits for an event."""
        posted = f"{API}/invocation/{self._request_id}"
        if call.method == "GET" and call.path == f"{API}/invocation/next":
            self._on_next(call)
        elif call.method == "POST" and call.path == f"{API}/init/error" and self.state == "Starting":
            self._on_error(call)
        elif call.method == "POST" and call.path == f"{posted}/response" and self.state == "Busy":
            self._on_response(call)
        elif call.method == "POST" and call.path == f"{posted}/error" and self.state == "Busy":
            self._on_error(call)
        else:
            call.refuse(400, error_type="InvalidRequestID", message=f"nothing waits for {call.path}")

    def _on_next(self, call: ApiCall) -> None:
        if self.state == "Dead":
            return
        outcome = self._outcome
        if self.state == "Busy" and outcome is None:
            outcome = invocations.exited(request_id=self._request_id, code=None)
        self._waiting, self._outcome = call, None
        self._move("Idle")
        self._settle(outcome)

    def _on_response(self, call: ApiCall) -> None:
        if call.size > invocations.RESPONSE_LIMIT:
            self._outcome = invocations.response_too_large()
            message = f"Exceeded maximum allowed payload size ({invocations.RESPONSE_LIMIT} bytes)."
            call.refuse(413, error_type="RequestEntityTooLarge", message=message)
            return
        self._outcome = Outcome(payload=call.body)
        call.accept()

    def _on_error(self, call: ApiCall) -> None:
        self._outcome = invocations.runtime_error(call.body, error_type=call.headers.get(ERROR_TYPE_HEADER))
        call.accept()

    def begin(self, invocation: Invocation, *, timeout_s: float) -> None:
        """Hand an event to the waiting runtime; `settled` is then a new future."""
        self._move("Busy")
        assert self._waiting is not None
        waiting, self._waiting = self._waiting, None
        self._request_id = invocation.request_id
        self.settled = asyncio.get_running_loop().create_future()
        waiting.respond(200, invocation.payload, event_headers(invocation, timeout_s=timeout_s))

    def end(self, outcome: Outcome) -> None:
        """End the session: with the answer that was posted, if one was, else with `outcome`."""
        if self.state != "Dead":
            self._move("Dead")
            self._settle(self._outcome or outcome)

    def on_exit(self, code: int | None) -> None:
        """End the session because the process has ended."""
        self.end(invocations.exited(request_id=self._request_id, code=code))

    def _move(self, state: str) -> None:
        self.state = states.step(states.ENVIRONMENT, self.state, state)

    def _settle(self, outcome: Outcome | None) -> None:
        if not self.settled.done():
            self.settled.set_result(outcome)


def event_headers(invocation: Invocation, *, timeout_s: float) -> dict[str, str]:
    """Return the headers of an event. The deadline is on this machine's clock, which the handler reads."""
    headers = {
        "Content-Type": "application/json",
        "Date": datetime.now(UTC).strftime("%a, %d %b %Y %H:%M:%S GMT"),
        "Lambda-Runtime-Aws-Request-Id": invocation.request_id,
        "Lambda-Runtime-Deadline-Ms": str(int((time.time() + timeout_s) * 1000)),
        "Lambda-Runtime-Invoked-Function-Arn": invocation.arn,
        "Lambda-Runtime-Trace-Id": invocation.trace_id,
    }
    if invocation.client_context is not None:
        headers["Lambda-Runtime-Client-Context"] = invocation.client_context
    return headers
