"""Turn image files into logits in threads: bodies go in, one hop back to the event loop answers a batch.

Each thread (a stream) takes its share of what waits, decodes it, computes it as one batch, and hands all its
answers back at once. While one stream computes, the others decode; none waits for another. So a lone image
waits for nothing, and the busier the server is, the larger its batches are.

To wake a thread and to be woken by it takes some 50 us of the processor. Where images take less than that, as
with a model that is a table, they are computed in the event loop (docs/adr/060).
"""

from __future__ import annotations

import asyncio
import logging
import math
import queue
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from imgclf.errors import OverloadedError, RequestError
from imgclf.serving.metrics import Metrics
from imgclf.serving.runtimes import Logits, Pixels

logger = logging.getLogger(__name__)

MAX_BATCH = 16
"""Images of one forward pass."""
MAX_IMAGES = 256
"""Images that are being decoded or computed, or wait for it, at once."""
PATIENCE_S = 0.1
"""For decoding a batch: what is not decoded by then is left to others, so that one slow image delays few, and
many that fail slowly are not taken for a stream that hangs."""
QUICK_S, FORGETTING = 50e-6, 0.1
"""What an image may take to be computed in the event loop; and how much of what is known of that each further
batch replaces, unless it took longer: that counts at once."""
STUCK_S = 30.0
"""For one batch: an engine with a stream that takes longer counts as dead. SageMaker's own limit for an
answer is 60 s."""
CLOSE_S = 5.0
"""For the last batches, once nobody waits for them any more."""

Decode = Callable[[bytes], Pixels]
Predict = Callable[[Pixels], Logits]
Done = Callable[[Logits | Exception], None]


class Ticket:
    """What one request waits for: the logits of its images, in their order."""

    def __init__(self, count: int, done: Done) -> None:
        """Call `done` once, in the event loop, with (count, classes) or with what went wrong."""
        self._rows: list[Logits | None] = [None] * count
        self._left = count
        self._done = done
        self.is_over = False
        """Whether nobody waits any more."""

    def cancel(self) -> None:
        """Stop waiting: what is not computed yet never will be."""
        self.is_over = True

    def settle(self, place: int, outcome: Logits | Exception) -> None:
        """Take the outcome of one image."""
        if self.is_over:
            return
        if isinstance(outcome, Exception):
            self.is_over = True
            self._done(outcome)
            return
        self._rows[place] = outcome
        self._left -= 1
        if not self._left:
            self.is_over = True
            rows = [row for row in self._rows if row is not None]
            self._done(rows[0][np.newaxis] if len(rows) == 1 else np.stack(rows))


@dataclass(eq=False, kw_only=True, slots=True)
class _Item:
    """One image on its way."""

    image: bytes
    ticket: Ticket
    place: int


class Engine:
    """Decode and predict for all requests of one event loop, which alone calls its methods."""

    def __init__(
        self, *, decode: Decode, predict: Predict, metrics: Metrics, streams: int = 1, processes: int = 1
    ) -> None:
        """Take what turns a file into pixels (1, 3, S, S), and (B, 3, S, S) into logits (B, classes).

        As many threads as there are streams call both at once. As many processes as there are share
        MAX_IMAGES.
        """
        self._decode, self._predict, self._metrics = decode, predict, metrics
        self._max_images = MAX_IMAGES // processes
        self._waiting: queue.SimpleQueue[_Item | None] = queue.SimpleQueue()
        self._items: set[_Item] = set()
        self._fresh: list[_Item] = []
        """What came in this turn of the event loop."""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._began = [math.inf] * streams
        """When each stream took the batch that it has; infinite where it has none."""
        self._image_s = math.inf
        """What an image takes at most, from decoding to logits, by what the last batches took."""
        self._has_ended = False
        """Set before those who wait hear of it: a ping after their answers must know."""
        self._threads = [
            threading.Thread(target=self._work, args=(number,), name=f"engine-{number}", daemon=True)
            for number in range(streams)
        ]
        for thread in self._threads:
            thread.start()

    @property
    def waiting(self) -> int:
        """Return how many images are on their way."""
        return len(self._items)

    def find_fault(self) -> str | None:
        """Return why no answers are to be expected, None where all is well."""
        if self._has_ended or not all(thread.is_alive() for thread in self._threads):
            return "the engine's thread has ended"
        if time.monotonic() - min(self._began) > STUCK_S:
            return f"a batch was not answered for {STUCK_S:.0f} s"
        return None

    def start(self, images: Sequence[bytes], done: Done) -> Ticket:
        """Take image files; call `done` in the event loop with their logits (N, classes), or with an error.

        That is ImageError for what is no image, and what the model raised for their batch. Raises
        OverloadedError where there are too many images or the engine is at fault.
        """
        fault = self.find_fault()
        if fault or len(self._items) + len(images) > self._max_images:
            raise OverloadedError(
                f"{fault or f'{self._max_images} images are in progress'}: try again in a moment"
            )
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
        ticket = Ticket(len(images), done)
        items = [_Item(image=image, ticket=ticket, place=place) for place, image in enumerate(images)]
        self._items.update(items)
        if not self._fresh:
            self._loop.call_soon(self._pass_on)
        self._fresh += items
        return ticket

    def _pass_on(self) -> None:
        """Wake the streams once for all of a turn: each wake-up takes the GIL from the event loop.

        Unless all that is on its way takes less than that.
        """
        fresh, self._fresh = self._fresh, []
        if self._image_s < QUICK_S and len(fresh) == len(self._items) <= MAX_BATCH:
            self._settle(*self._answer(fresh))
            return
        for item in fresh:
            self._waiting.put(item)

    async def submit(self, images: Sequence[bytes]) -> Logits:
        """Return the logits (N, classes) of N image files; raise as `start` and its outcome do.

        Who stops waiting costs no further work.
        """
        answer: asyncio.Future[Logits] = asyncio.get_running_loop().create_future()

        def settle(outcome: Logits | Exception) -> None:
            if answer.done():
                return
            if isinstance(outcome, Exception):
                answer.set_exception(outcome)
            else:
                answer.set_result(outcome)

        ticket = self.start(images, settle)
        try:
            return await answer
        finally:
            ticket.cancel()

    async def close(self) -> None:
        """Stop; images that nobody waits for are left."""
        self._pass_on()
        self._waiting.put(None)
        await asyncio.gather(*(asyncio.to_thread(thread.join, CLOSE_S) for thread in self._threads))

    def _work(self, stream: int) -> None:
        """Answer batches, in a stream's thread, until the end."""
        try:
            while batch := self._take():
                self._began[stream] = time.monotonic()
                items, outcomes = self._answer(batch)
                self._began[stream] = math.inf  # before anybody can hear of the answer
                self._hand_back(items, outcomes)
        except BaseException:  # the end of a thread: whoever waits must hear of it
            self._has_ended = True
            logger.exception("the engine's thread ends")
            left = list(self._items)
            self._hand_back(left, [OverloadedError("the engine's thread has ended: try again")] * len(left))

    def _take(self) -> list[_Item]:
        """Wait for one image, and take this stream's share of those that wait then; nothing at the end."""
        found = [self._waiting.get()]
        share = min(MAX_BATCH, -(-(1 + self._waiting.qsize()) // len(self._threads)))
        while found[-1] is not None and len(found) < share:
            try:
                found.append(self._waiting.get_nowait())
            except queue.Empty:
                break
        if found[-1] is None:
            self._waiting.put(None)  # so that the end comes after the last batch, and to each stream
        return [item for item in found if item is not None]

    def _answer(self, batch: list[_Item]) -> tuple[list[_Item], Sequence[Logits | Exception]]:
        """Decode and compute a batch; return what is to be handed back."""
        began = time.monotonic()
        ready, pixels, over = self._make_ready(batch)
        if not ready:
            return over, []
        started = time.monotonic()
        outcomes: Sequence[Logits | Exception]
        try:
            outcomes = list(self._predict(pixels[0] if len(pixels) == 1 else np.concatenate(pixels)))
        except Exception as error:
            logger.exception("a batch of %d images failed", len(ready))
            outcomes = [error] * len(ready)
        self._metrics.batches.observe(len(ready))
        ended = time.monotonic()
        self._metrics.predictions.observe(ended - started)
        self._learn((ended - began) / len(ready))
        return [*ready, *over], outcomes

    def _learn(self, took_s: float) -> None:
        """Take what an image of a batch took; what could not be decoded tells nothing of those that can."""
        self._image_s = max(took_s, (1 - FORGETTING) * min(self._image_s, 1.0) + FORGETTING * took_s)

    def _make_ready(self, batch: list[_Item]) -> tuple[list[_Item], list[Pixels], list[_Item]]:
        """Decode images; return those to be computed, their pixels, and those that nobody waits for."""
        ready: list[_Item] = []
        pixels: list[Pixels] = []
        over: list[_Item] = []
        deadline = time.monotonic() + PATIENCE_S
        for number, item in enumerate(batch):
            if number and time.monotonic() > deadline:
                for left in batch[number:]:
                    self._waiting.put(left)
                break
            if item.ticket.is_over:
                over.append(item)
                continue
            try:
                pixels.append(self._decode(item.image))
            except Exception as error:  # noqa: BLE001 - it is the request's answer
                if isinstance(error, RequestError):
                    error.forget_frames()
                self._hand_back([item], [error])
            else:
                ready.append(item)
        return ready, pixels, over

    def _hand_back(self, items: list[_Item], outcomes: Sequence[Logits | Exception]) -> None:
        """Give outcomes to the event loop, from any thread, in one hop."""
        if not items or self._loop is None:
            return
        try:
            self._loop.call_soon_threadsafe(self._settle, items, outcomes)
        except RuntimeError:  # the loop is closed: nobody waits
            logger.debug("%d images were left at the end", len(items))

    def _settle(self, items: list[_Item], outcomes: Sequence[Logits | Exception]) -> None:
        """Answer, in the event loop; an item without an outcome is one that nobody waits for."""
        self._items.difference_update(items)
        for item, outcome in zip(items, outcomes, strict=False):
            item.ticket.settle(item.place, outcome)
