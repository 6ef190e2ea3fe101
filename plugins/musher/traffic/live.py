"""Say every few seconds how a load test goes, while it runs."""

import asyncio
import logging
from collections.abc import Callable

from musher.traffic.recorder import Recorder

logger = logging.getLogger(__name__)

MIN_PAUSE_S = 3.0
MAX_LINES = 200
"""The pause grows with the load test, so that an hour has no more lines."""

Tell = Callable[[str], None]
"""Take one line; called in the event loop, which it must not hold up."""


async def tell_progress(recorder: Recorder, *, duration_s: float, tell: Tell) -> None:
    """Tell a line about the time since the last one, again and again until it is cancelled."""
    loop, pause_s = asyncio.get_running_loop(), max(MIN_PAUSE_S, duration_s / MAX_LINES)
    started = last = loop.time()
    while True:
        await asyncio.sleep(pause_s)
        now = loop.time()
        tell(describe(recorder, at_s=now - started, lasted_s=now - last, duration_s=duration_s))
        last = now


def describe(recorder: Recorder, *, at_s: float, lasted_s: float, duration_s: float) -> str:
    """Return the line about the last so many seconds: requests sent, p99 and failures of those that ended."""
    recent = recorder.take_recent()
    p99 = "no answer" if recent.p99_ms is None else f"p99 {recent.p99_ms:.0f} ms"
    failed = f", {recent.failed} failed or never sent" if recent.failed else ""
    return f"{at_s:.0f} of {duration_s:.0f} s: {recent.sent / lasted_s:.1f} requests a second, {p99}{failed}"
