"""One asynchronous client of AWS for many waits."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

from musher import clock

logger = logging.getLogger(__name__)

RENEW_S = 900.0
"""After this a client is made anew, with the connection's credentials of that time: a wait that fails because
they have expired is retried, and must not meet them again."""

AGAIN_S = 60.0
"""After this a client that could not be made anew is tried again; the one before goes on meanwhile."""


class SharedClient:
    """Open a client at its first use; open it anew now and then, and close it with `close`.

    The client before is kept for another RENEW_S, as others may be amid a call of it.
    """

    def __init__(self, open_client: Callable[[], Awaitable[Any]]) -> None:
        """Take what makes the client, such as a hook's `get_async_conn`."""
        self._open_client = open_client
        self._opening = asyncio.Lock()
        self._opened: list[tuple[Any, AsyncExitStack]] = []
        self._since = 0.0

    async def get(self) -> Any:
        """Return the client; whatever its first opening raises, all who ask for it meanwhile meet in turn."""
        async with self._opening:
            if not self._opened:
                await self._open()
            elif not 0 <= clock.now() - self._since <= RENEW_S:
                await self._renew()
            return self._opened[-1][0]

    async def _renew(self) -> None:
        """Open the client anew; where that fails, a thousand waits go on with the one that they have."""
        try:
            await self._open()
        except Exception as error:  # noqa: BLE001 - Airflow, which knows the connection, may be away for a moment
            logger.warning("the client could not be made anew, going on with the one before: %s", error)
            self._since = clock.now() - RENEW_S + AGAIN_S

    async def _open(self) -> None:
        stack = AsyncExitStack()
        client = await stack.enter_async_context(await self._open_client())
        self._opened.append((client, stack))
        self._since = clock.now()
        if len(self._opened) > 2:
            await self._opened.pop(0)[1].aclose()

    async def close(self) -> None:
        """Close what is open."""
        while self._opened:
            await self._opened.pop()[1].aclose()
