"""Exchange requests for answers over kept-alive connections, many at once."""

import asyncio
import logging
from collections.abc import Iterator
from itertools import cycle
from types import TracebackType
from typing import Self

import aiohttp
from yarl import URL

from musher.errors import TrafficError
from musher.traffic.origins import Origin, Request, name_failure

logger = logging.getLogger(__name__)

WORDS_BYTES, MAX_WORDS = 400, 8
"""How much of a failed answer is logged, and how many that differ."""


class HttpExchange:
    """Send an origin's requests in turn, again and again; renew them in the background where they grow old.

    No proxy, no redirect, no retry, no cookie: each would measure something else than the target.
    """

    def __init__(self, origin: Origin, *, connections: int) -> None:
        self._origin = origin
        self._connections = connections
        self._requests: Iterator[tuple[Request, URL]] = iter(())
        self._session: aiohttp.ClientSession | None = None
        self._renewing: asyncio.Task[None] | None = None
        self._told: set[tuple[str, bytes]] = set()
        """The failures whose words were logged."""

    async def __aenter__(self) -> Self:
        """Make the first requests, which tells whether they can be made, and open a pool of connections."""
        await self._renew()
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=self._connections, keepalive_timeout=60.0),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None),
            auto_decompress=False,
            skip_auto_headers=("User-Agent", "Content-Type", "Accept", "Accept-Encoding"),
        )
        if self._origin.renew_s is not None:
            self._renewing = asyncio.ensure_future(self._renew_often(self._origin.renew_s))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close every connection."""
        if self._renewing is not None:
            self._renewing.cancel()
            await asyncio.gather(self._renewing, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    async def __call__(self) -> str | None:
        """Send the next request and read the whole answer; return None or the failure in one word.

        What the answers of failures say is logged, each once.
        """
        assert self._session is not None
        request, url = next(self._requests)
        try:
            async with self._session.request(
                request.method,
                url,
                headers=request.headers,
                data=request.body or None,
                allow_redirects=False,
            ) as answer:
                failure, words = name_failure(answer.status, answer.headers), b""
                while piece := await answer.content.readany():
                    if failure is not None and len(words) < WORDS_BYTES:
                        words = (words + piece)[:WORDS_BYTES]
                if failure is not None:
                    self._tell(failure, words)
                return failure
        except aiohttp.ClientError as error:
            return type(error).__name__

    def _tell(self, failure: str, words: bytes) -> None:
        """Log what a failed answer says, unless another said the same."""
        if (failure, words) not in self._told and len(self._told) < MAX_WORDS:
            self._told.add((failure, words))
            logger.warning("%s: %r", failure, words.decode(errors="replace"))

    async def _renew(self) -> None:
        made = await asyncio.to_thread(self._origin.make_requests)
        self._requests = cycle([(request, URL(request.url, encoded=True)) for request in made])

    async def _renew_often(self, every_s: float) -> None:
        while True:
            await asyncio.sleep(every_s)
            try:
                await self._renew()
            except TrafficError as error:
                logger.warning("The old signature is used on: %s", error)
