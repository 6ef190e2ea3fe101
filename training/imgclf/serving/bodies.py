"""Read the bodies of many requests at once, in bounded memory and with bounded patience.

Whoever sends half a body holds nothing that others need: when there is no more room, the slowest sender of
all makes way for the newest. One who has sent for less than MIN_AGE_S is never the slowest.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, MutableMapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from imgclf.errors import OverloadedError, SlowBodyError, TooLargeError

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]

MAX_BODY_BYTES = 6 * 2**20
"""Of one request: what InvokeEndpoint takes, 6,291,456 bytes.
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpoint.html"""
MAX_SENDERS = 256
"""Bodies that are being read at once."""
MAX_HELD_BYTES = 384 * 2**20
"""Of all bodies, until their requests are answered."""
TIMEOUT_S, PAUSE_S = 30.0, 5.0
"""For the whole body, and from one piece of it to the next."""
MIN_AGE_S = 1.0
DRAIN_BYTES, DRAIN_S = 100 * 2**20, 5.0
"""How much of a refused body is read and thrown away, so that the client gets to read the answer."""

logger = logging.getLogger(__name__)


class Incoming:
    """What is still to be read of one request."""

    def __init__(self, receive: Receive, *, headers: Mapping[str, str]) -> None:
        """Take the ASGI server's `receive`, and the headers, which say whether there is a body."""
        self._receive = receive
        self.is_whole = headers.get("content-length", "0") == "0" and "transfer-encoding" not in headers
        """Whether the last byte was read, or never comes."""
        self.received = 0
        """Bytes of the body so far."""

    async def read(self) -> bytes:
        """Return the next piece; raise ConnectionError where the client went away."""
        message = await self._receive()
        self.is_whole = not message.get("more_body", False)
        if message["type"] == "http.disconnect":
            raise ConnectionError("the client went away")
        piece = bytes(message.get("body", b""))
        self.received += len(piece)
        return piece

    async def drain(self) -> None:
        """Throw the rest of a refused body away, within limits: a closed socket would lose the answer."""
        left = DRAIN_BYTES
        try:
            async with asyncio.timeout(DRAIN_S):
                while left > 0 and not self.is_whole:
                    left -= len(await self.read())
        except (TimeoutError, ConnectionError) as error:
            logger.debug("the rest of a refused request did not come: %r", error)


@dataclass(eq=False, kw_only=True)
class _Sender:
    """A body that is on its way."""

    limit: asyncio.Timeout
    started: float
    body: bytearray = field(default_factory=bytearray)
    held: int = 0
    """Bytes that were received."""

    def rate(self, now: float) -> float:
        """Return the bytes per second so far."""
        return self.held / max(now - self.started, MIN_AGE_S)


class Bodies:
    """The bodies that a server holds."""

    def __init__(self, *, processes: int = 1) -> None:
        """Begin with none; as many processes share what a server may hold, MAX_PROCESSES at most."""
        self._senders: set[_Sender] = set()
        self._held = 0
        self._max_senders, self._max_held_bytes = MAX_SENDERS // processes, MAX_HELD_BYTES // processes

    @asynccontextmanager
    async def read(self, headers: Mapping[str, str], incoming: Incoming) -> AsyncGenerator[bytes]:
        """Give a request's whole body; its memory counts until the block ends.

        Raises TooLargeError before more than MAX_BODY_BYTES are in memory, SlowBodyError, OverloadedError
        where there is no room and every sender is new, and ConnectionError where the client went away.
        """
        length = headers.get("content-length", "0")
        if length.isdecimal() and int(length[:20]) > MAX_BODY_BYTES:
            raise _too_large()
        if len(self._senders) >= self._max_senders:
            self._make_room()
        sender = _Sender(limit=asyncio.timeout(PAUSE_S), started=asyncio.get_running_loop().time())
        try:
            await self._collect(sender, incoming)
            body = bytes(sender.body)
            sender.body.clear()
            yield body
        finally:
            self._held -= sender.held

    async def _collect(self, sender: _Sender, incoming: Incoming) -> None:
        """Add the pieces of a body until it is whole."""
        self._senders.add(sender)
        try:
            async with sender.limit:
                while not incoming.is_whole:
                    self._add(sender, await incoming.read())
        except TimeoutError:
            raise SlowBodyError(
                f"the body did not arrive in time ({PAUSE_S:.0f} s without a byte, {TIMEOUT_S:.0f} s in all, "
                "or slower than all others): send it faster"
            ) from None
        finally:
            self._senders.discard(sender)

    def _add(self, sender: _Sender, piece: bytes) -> None:
        """Add a piece, and wait for the next one from now on."""
        if sender.held + len(piece) > MAX_BODY_BYTES:
            raise _too_large()
        if self._held + len(piece) > self._max_held_bytes:
            self._make_room()
        sender.body += piece
        sender.held += len(piece)
        self._held += len(piece)
        if sender in self._senders:
            now = asyncio.get_running_loop().time()
            sender.limit.reschedule(min(now + PAUSE_S, sender.started + TIMEOUT_S))

    def _make_room(self) -> None:
        """End the slowest sender's time; raise OverloadedError where none has had MIN_AGE_S."""
        now = asyncio.get_running_loop().time()
        slow = [sender for sender in self._senders if now - sender.started >= MIN_AGE_S]
        if not slow:
            raise OverloadedError("too many bodies are being sent at once: try again in a moment")
        slowest = min(slow, key=lambda sender: sender.rate(now))
        self._senders.discard(slowest)
        slowest.limit.reschedule(now)


def _too_large() -> TooLargeError:
    return TooLargeError(f"the body is over {MAX_BODY_BYTES} bytes: send a smaller image or its URL")
