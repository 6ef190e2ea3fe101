"""Look at something again and again while a load test runs, in a thread that never holds it up."""

import logging
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager

from musher.results import InstancePoint

logger = logging.getLogger(__name__)

MIN_PAUSE_S = 2.0
MAX_LOOKS = 300
"""The pause grows with the load test, so that an hour needs no more looks, and ends the watch in any case."""

JOIN_S = 1.0
"""Seconds to wait for a last look that is under way; SIGTERM leaves 5 s in all."""

Look = Callable[[], tuple[int, int] | None]
"""Return the instances that serve and those that are wanted; None where that cannot be said now."""


@contextmanager
def watch_instances(look: Look, *, duration_s: float) -> Generator[list[InstancePoint]]:
    """Collect changes of an endpoint's instances, and the last look, while the body runs."""
    points: list[InstancePoint] = []
    ended = threading.Event()
    pause_s = max(MIN_PAUSE_S, duration_s / MAX_LOOKS * 2)
    thread = threading.Thread(target=_watch, args=(look, points, ended, pause_s), daemon=True)
    thread.start()
    try:
        yield points
    finally:
        ended.set()
        thread.join(timeout=JOIN_S)


def _watch(look: Look, points: list[InstancePoint], ended: threading.Event, pause_s: float) -> None:
    started = time.monotonic()
    for _ in range(MAX_LOOKS):
        try:
            found = look()
        except Exception as error:  # noqa: BLE001  # whatever it is: the load test goes on without it
            logger.warning("a look at the instances failed: %s", error)
            found = None
        if found is not None:
            keep(points, at_s=round(time.monotonic() - started, 1), seen=found)
        if ended.wait(pause_s):
            return


def keep(points: list[InstancePoint], *, at_s: float, seen: tuple[int, int]) -> None:
    """Append a look; of looks that saw the same, only the first and the last stay."""
    point = InstancePoint(at_s=at_s, current=seen[0], desired=seen[1])
    if len(points) > 1 and all(_counts(before) == seen for before in points[-2:]):
        points[-1] = point
    else:
        points.append(point)


def _counts(point: InstancePoint) -> tuple[int, int]:
    return point["current"], point["desired"]
