"""What becomes of a request that a rule fires at."""

import asyncio
import contextlib

from localaws.asgi import Message, Request, Send
from localaws.cycles import BODILESS


class Discarded:
    """A `send` that tells nobody."""

    status = 0

    async def __call__(self, message: Message) -> None:
        """Take one message."""
        if message["type"] == "http.response.start":
            self.status = message["status"]


class Truncated:
    """A `send` that lets half of a body through; Content-Length says that there is more.

    Nothing but a body can be cut: answers to HEAD, and without a body by their status, pass whole.
    """

    def __init__(self, send: Send, *, method: str) -> None:
        self._send = send
        self._is_head = method == "HEAD"
        self._left: int | None = None
        """Bytes that may still pass; None where the length is not known yet."""
        self.is_cut = False

    async def __call__(self, message: Message) -> None:
        """Hand on one message, or a part of it, or nothing."""
        if message["type"] == "http.response.start":
            await self._send(self._begin(message))
        elif self.is_cut:
            await self._send_half(message.get("body", b""))
        else:
            await self._send(message)

    def _begin(self, message: Message) -> Message:
        self.is_cut = not self._is_head and message["status"] not in BODILESS
        lengths = [int(value) for name, value in message["headers"] if name.lower() == b"content-length"]
        if not self.is_cut or not lengths:
            return message
        self._left = lengths[0] // 2
        others = [pair for pair in message["headers"] if pair[0].lower() != b"content-length"]
        return {**message, "headers": [*others, (b"content-length", b"%d" % max(lengths[0], 1))]}

    async def _send_half(self, body: bytes) -> None:
        if self._left is None and body:
            self._left = len(body) // 2
        piece = body[: self._left]
        if self._left is not None:
            self._left -= len(piece)
        await self._send({"type": "http.response.body", "body": piece, "more_body": True})


async def wait_for_leave(request: Request, *, limit_s: float) -> bool:
    """Wait until the client goes away, at most `limit_s` real seconds; tell whether it did."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(limit_s):
            while (await request.receive())["type"] != "http.disconnect":
                pass
            return True
    return False
