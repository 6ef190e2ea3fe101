"""An invocation whose body is in memory: answered by callbacks, without a task of its own.

A task, its time limits and its waits cost more of the processor than parsing the request and sending the
answer. Requests that take time to arrive, and those that ask to fetch something, have one
(imgclf.serving.asgi).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable

from imgclf.errors import LateError
from imgclf.serving import model_functions
from imgclf.serving.answers import Answer
from imgclf.serving.engine import Engine, Ticket
from imgclf.serving.questions import Elsewhere, read_question
from imgclf.serving.runtimes import Logits

GONE = ConnectionError("the client went away")
Reply = Callable[[Answer], None]


class Call:
    """One invocation, from its whole body to its answer."""

    def __init__(self, headers: Iterable[tuple[bytes, bytes]], body: bytes, reply: Reply) -> None:
        """Take what came; `reply` is called once, perhaps at once, and not for a client that went away."""
        self.started = time.monotonic()
        self.content_type, self._accept = "", "*/*"
        for name, value in headers:
            if name == b"content-type":
                self.content_type = value.decode("latin-1")
            elif name == b"accept":
                self._accept = value.decode("latin-1")
        self.received = len(body)
        self._body = body
        self._reply: Reply | None = reply
        self._ticket: Ticket | None = None
        self._limit: asyncio.TimerHandle | None = None

    def begin(self, engine: Engine, *, deadline_s: float) -> bool:
        """Hand the images to the engine, or refuse them; return False where they must be fetched first."""
        try:
            model_functions.is_verbose(self._accept)
            question = read_question(self._body, self.content_type)
            if isinstance(question, Elsewhere):
                return False
            self._ticket = engine.start(question, self._settle)
        except Exception as error:  # noqa: BLE001 - it is the request's answer
            self._settle(error)
        else:
            self._body = b""
            self._limit = asyncio.get_running_loop().call_later(deadline_s, self._expire, deadline_s)
        return True

    def leave(self) -> None:
        """Stop: the client went away."""
        self._settle(GONE)

    def _expire(self, deadline_s: float) -> None:
        self._settle(LateError(f"no answer within {deadline_s:.0f} s: try again later"))

    def _settle(self, outcome: Logits | Exception) -> None:
        """Answer, if nobody has."""
        reply, self._reply = self._reply, None
        if reply is None:
            return
        if self._limit is not None:
            self._limit.cancel()
        if self._ticket is not None:
            self._ticket.cancel()
        reply(self._answer(outcome))

    def _answer(self, outcome: Logits | Exception) -> Answer:
        if isinstance(outcome, Exception):
            return Answer.of_error(outcome)
        try:
            return Answer(status=200, body=model_functions.output_fn(outcome, self._accept))
        except Exception as error:  # noqa: BLE001 - it is the request's answer
            return Answer.of_error(error)
