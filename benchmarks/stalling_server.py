"""An HTTP server of known slowness: `main` with DELAY_S [STALL_AT_S STALL_FOR_S EVERY_S].

Prints its port. Every answer takes DELAY_S. Requests that come within a stall wait for its end as well;
stalls begin at STALL_AT_S, and again each EVERY_S, in seconds from the first request. /refuse answers 429.
Standard library only, and little work for a request, so that it is quicker than those that ask it.
"""

import asyncio
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
REFUSED = b"HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\n\r\n"


@dataclass(kw_only=True)
class Slowness:
    """How long an answer takes at a moment."""

    delay_s: float
    stall_at_s: float = 0.0
    stall_for_s: float = 0.0
    every_s: float = 1e9
    started_s: float | None = None

    def wait_s(self, now_s: float) -> float:
        """Return the seconds that a request waits that comes now."""
        self.started_s = now_s if self.started_s is None else self.started_s
        since_s = now_s - self.started_s - self.stall_at_s
        left_s = self.stall_for_s - since_s % self.every_s if since_s >= 0 else 0.0
        return self.delay_s + max(0.0, left_s)


class Connection(asyncio.Protocol):
    """One kept-alive connection; its requests come one after another."""

    def __init__(self, slowness: Slowness) -> None:
        self._slowness = slowness
        self._data = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the connection."""
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Answer once a request is whole."""
        self._data += data
        head, end, body = self._data.partition(b"\r\n\r\n")
        if not end:
            return
        length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
        if len(body) < int(length or 0):
            return
        self._data = b""
        loop = asyncio.get_running_loop()
        answer = REFUSED if b" /refuse " in head else OK
        wait_s = self._slowness.wait_s(loop.time())
        if wait_s:
            loop.call_later(wait_s, self._transport.write, answer)
        else:
            self._transport.write(answer)


async def serve(words: Sequence[str]) -> None:
    """Serve until the process ends."""
    names = ("delay_s", "stall_at_s", "stall_for_s", "every_s")
    slowness = Slowness(**dict(zip(names, map(float, words), strict=False)))
    server = await asyncio.get_running_loop().create_server(
        lambda: Connection(slowness), "127.0.0.1", 0, backlog=1024
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


def main() -> None:
    """Serve as the command line says; no `__main__` here, as this is no benchmark that `make bench` runs."""
    asyncio.run(serve(sys.argv[1:]))
