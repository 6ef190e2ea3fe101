"""Say how far an epoch is: a line each few steps, at most one in PROGRESS_S seconds."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence

from imgclf.distributed import World

logger = logging.getLogger(__name__)

PROGRESS_STEPS = 10
PROGRESS_S = 5.0


class Progress:
    """Watch the steps of one epoch."""

    def __init__(self, world: World, *, epoch: int, sizes: Sequence[int], done: int) -> None:
        """Begin now; `sizes` are the images of each step, `done` the steps an interrupted job took."""
        self._world, self._epoch, self._sizes, self._done = world, epoch, sizes, done
        self._started = self._reported = time.monotonic()

    def report(self, step: int, loss: float) -> None:
        """Log epoch, step, loss, images per second and seconds left of the epoch, where a line is due."""
        now = time.monotonic()
        if not self._world.is_main or step % PROGRESS_STEPS or now - self._reported < PROGRESS_S:
            return
        self._reported = now
        rate = sum(self._sizes[self._done : step]) / (now - self._started)
        logger.info(
            "epoch %s: step %s of %s, loss %.4f, %.1f images/s, %.0f s left",
            self._epoch,
            step,
            len(self._sizes),
            loss,
            rate,
            sum(self._sizes[step:]) / rate,
        )
