"""Turn image files into logits in threads: bodies go in, and one hop back to the event loop answers a batch.

Decoders take bodies as they come, also while a batch is computed. The engine's one thread takes all images
that are decoded by then, computes them together, and hands all their answers back at once. So a lone image
waits for nothing, and the busier the server is, the larger its batches are.
"""

from __future__ import annotations

import asyncio
import logging
import os
import queue
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from imgclf.errors import OverloadedError
from imgclf.serving.metrics import Metrics
from imgclf.serving.runtimes import Logits, Pixels

logger = logging.getLogger(__name__)

MAX_BATCH = 16
"""Images of one forward pass."""
MAX_IMAGES = 256
"""Images that are being decoded or computed, or wait for it, at once."""
STUCK_S = 30.0
"""Images wait, and none was answered for this long: the engine counts as dead. SageMaker's own limit for an
answer is 60 s."""
CLOSE_S = 5.0
"""For the last batch, once nobody waits for it any more."""

Decode = Callable[[bytes], Pixels]
Predict = Callable[[Pixels], Logits]


@dataclass(eq=False, kw_only=True)
class _Item:
    """One image on its way, and the future of its logits (classes,)."""

    image: bytes
    answer: asyncio.Future[Logits]
    pixels: Pixels | None = None


class Engine:
    """Decode and predict for all requests of one event loop, which alone calls its methods."""

    def __init__(self, *, decode: Decode, predict: Predict, metrics: Metrics) -> None:
        """Take what turns a file into pixels (1, 3, S, S), and (B, 3, S, S) into logits (B, classes)."""
        self._decode, self._predict, self._metrics = decode, predict, metrics
        self._decoders = ThreadPoolExecutor(max(2, os.cpu_count() or 2), thread_name_prefix="decode")
        self._ready: queue.SimpleQueue[_Item | None] = queue.SimpleQueue()
        self._items: set[_Item] = set()
        self._thread = threading.Thread(target=self._work, name="engine", daemon=True)
        self._progress = time.monotonic()
        """When an image was answered, or came and found no other one waiting."""
        self._has_ended = False
        """Set before those who wait hear of it: a ping after their answers must know."""
        self._thread.start()

    @property
    def waiting(self) -> int:
        """Return how many images are on their way."""
        return len(self._items)

    def find_fault(self) -> str | None:
        """Return why no answers are to be expected, None where all is well."""
        if self._has_ended or not self._thread.is_alive():
            return "the engine's thread has ended"
        if self._items and time.monotonic() - self._progress > STUCK_S:
            return f"no image was answered for {STUCK_S:.0f} s"
        return None

    async def submit(self, images: Sequence[bytes]) -> Logits:
        """Return the logits (N, classes) of N image files.

        Raises OverloadedError where there are too many or the engine is at fault, ImageError for what is no
        image, and what the model raised for their batch. Who stops waiting costs no further work.
        """
        fault = self.find_fault()
        if fault or len(self._items) + len(images) > MAX_IMAGES:
            raise OverloadedError(f"{fault or f'{MAX_IMAGES} images are in progress'}: try again in a moment")
        answers = [self._enqueue(image) for image in images]
        try:
            return np.stack(await asyncio.gather(*answers))
        finally:
            for answer in answers:
                answer.cancel()

    async def close(self) -> None:
        """Stop; images that nobody waits for are left."""
        self._decoders.shutdown(wait=False, cancel_futures=True)
        self._ready.put(None)
        await asyncio.to_thread(self._thread.join, CLOSE_S)

    def _enqueue(self, image: bytes) -> asyncio.Future[Logits]:
        if not self._items:
            self._progress = time.monotonic()
        item = _Item(image=image, answer=asyncio.get_running_loop().create_future())
        self._items.add(item)
        self._decoders.submit(self._make_ready, item)
        return item.answer

    def _make_ready(self, item: _Item) -> None:
        """Decode an image, in a decoder's thread."""
        try:
            if not item.answer.done():
                item.pixels = self._decode(item.image)
        except Exception as error:  # noqa: BLE001 - it is the request's answer
            self._hand_back([item], [error])
        else:
            item.image = b""
            self._ready.put(item)

    def _work(self) -> None:
        """Compute batches, in the engine's thread, until the end."""
        try:
            while batch := self._take():
                self._compute(batch)
        except BaseException:  # the end of a thread: whoever waits must hear of it
            self._has_ended = True
            logger.exception("the engine's thread ends")
            left = list(self._items)
            self._hand_back(left, [OverloadedError("the engine's thread has ended: try again")] * len(left))

    def _take(self) -> list[_Item]:
        """Wait for one image, and take all that are ready by then; nothing at the end."""
        found = [self._ready.get()]
        while found[-1] is not None and len(found) < MAX_BATCH:
            try:
                found.append(self._ready.get_nowait())
            except queue.Empty:
                break
        if found[-1] is None:
            self._ready.put(None)  # so that the end comes after the last batch, too
        return [item for item in found if item is not None]

    def _compute(self, batch: list[_Item]) -> None:
        wanted = [item for item in batch if not item.answer.done() and item.pixels is not None]
        started = time.monotonic()
        outcomes: Sequence[Logits | Exception] = []
        try:
            if wanted:
                pixels = [item.pixels for item in wanted if item.pixels is not None]
                outcomes = list(self._predict(pixels[0] if len(pixels) == 1 else np.concatenate(pixels)))
        except Exception as error:
            logger.exception("a batch of %d images failed", len(wanted))
            outcomes = [error] * len(wanted)
        self._metrics.batches.observe(len(wanted))
        self._metrics.predictions.observe(time.monotonic() - started)
        self._hand_back([*wanted, *(item for item in batch if item not in wanted)], outcomes)

    def _hand_back(self, items: list[_Item], outcomes: Sequence[Logits | Exception]) -> None:
        """Give outcomes to the event loop, from any thread, in one hop."""
        if not items:
            return
        try:
            items[0].answer.get_loop().call_soon_threadsafe(self._settle, items, outcomes)
        except RuntimeError:  # the loop is closed: nobody waits
            logger.debug("%d images were left at the end", len(items))

    def _settle(self, items: list[_Item], outcomes: Sequence[Logits | Exception]) -> None:
        """Answer, in the event loop; an item without an outcome is one that nobody waits for."""
        self._progress = time.monotonic()
        self._items.difference_update(items)
        for item, outcome in zip(items, outcomes, strict=False):
            if item.answer.done():
                continue
            if isinstance(outcome, Exception):
                item.answer.set_exception(outcome)
            else:
                item.answer.set_result(outcome)
