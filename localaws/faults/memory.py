"""What reads were answered, for rules of stale reads.

A stale answer is the last fresh one to the same request of the same caller. It was true when it was given,
no longer ago than the rule's `for_s`; so that no answer is older than another that came before it.
"""

from collections import OrderedDict
from dataclasses import dataclass, field

from localaws.asgi import Message, Response, Send
from localaws.wire.request_ids import HEADER

MAX_ANSWERS = 1000
MAX_BYTES = 1 << 20
"""Bytes of an answer that is kept; what is longer is never stale."""
MAX_ALL_BYTES = 64 << 20
NOT_KEPT = 429
"""From this status on, an answer says nothing about what was asked for."""


@dataclass(kw_only=True)
class Kept:
    """A fresh answer."""

    answer: Response
    at_s: float


@dataclass(kw_only=True)
class Memory:
    """The last answers to reads, the oldest first."""

    _answers: "OrderedDict[bytes, Kept]" = field(default_factory=OrderedDict)
    _bytes: int = 0

    def recall(self, digest: bytes, *, since_s: float) -> Response | None:
        """Return the answer to a request that was given at `since_s` or later."""
        kept = self._answers.get(digest)
        return kept.answer if kept is not None and kept.at_s >= since_s else None

    def keep(self, digest: bytes, answer: Response, *, at_s: float) -> None:
        """Keep a fresh answer in the place of an older one."""
        self._drop(digest)
        if answer.status >= NOT_KEPT or len(answer.body) > MAX_BYTES:
            return
        self._answers[digest] = Kept(answer=answer, at_s=at_s)
        self._bytes += len(answer.body)
        while len(self._answers) > MAX_ANSWERS or self._bytes > MAX_ALL_BYTES:
            self._drop(next(iter(self._answers)))

    def _drop(self, digest: bytes) -> None:
        if (kept := self._answers.pop(digest, None)) is not None:
            self._bytes -= len(kept.answer.body)

    def clear(self) -> None:
        """Forget all answers."""
        self._answers.clear()
        self._bytes = 0


class Copy:
    """A `send` that keeps a copy of the answer, up to a size."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.answer = Response()

    async def __call__(self, message: Message) -> None:
        """Hand one message on."""
        answer = self.answer
        if message["type"] == "http.response.start":
            answer.status = message["status"]
            pairs = [(name.decode().lower(), text.decode("latin-1")) for name, text in message["headers"]]
            answer.headers = {name: text for name, text in pairs if name != HEADER.decode()}
        elif len(answer.body) <= MAX_BYTES:
            answer.body += message.get("body", b"")
        await self._send(message)
