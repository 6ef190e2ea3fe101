"""The clock that waits look at; tests put another in its place."""

import asyncio
import time


def now() -> float:
    """Return the seconds since 1970, which two processes agree on."""
    return time.time()


async def sleep(seconds: float) -> None:
    """Let others go on for so many seconds."""
    await asyncio.sleep(seconds)
