"""Predict for several waiting requests at once.

A request that is alone goes to the model at once. Only while others are still being decoded does the
model wait for them, and then for a few milliseconds at most.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from imgclf.serving.runtimes import Logits, Pixels

MAX_BATCH = 16
"""Images of one forward pass."""
MAX_WAIT_S = 0.004
"""Longest time that a decoded image waits for others."""

Predict = Callable[[Pixels], Logits]


@dataclass
class _Item:
    """A decoded image (1, 3, S, S) and the future of its logits (1, classes)."""

    pixels: Pixels
    answer: asyncio.Future[Logits]


class Batcher:
    """Collect decoded images into batches for one predicting thread."""

    def __init__(self, predict: Predict) -> None:
        """Take the function that turns (B, 3, S, S) into (B, classes)."""
        self._predict = predict
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="predict")
        self._queue: asyncio.Queue[_Item] = asyncio.Queue()
        self._worker: asyncio.Task[None] | None = None
        self.decoding = 0
        """Requests whose image is on its way here."""

    async def submit(self, pixels: Pixels) -> Logits:
        """Return the logits (1, classes) of one image; raise what the model raised for its batch."""
        if self._worker is None:
            self._worker = asyncio.create_task(self._work())
        item = _Item(pixels, asyncio.get_running_loop().create_future())
        self._queue.put_nowait(item)
        return await item.answer

    async def close(self) -> None:
        """Stop predicting."""
        if self._worker is not None:
            self._worker.cancel()
        self._thread.shutdown(wait=True, cancel_futures=True)

    async def _work(self) -> None:
        """Answer batches until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            batch = await self._collect()
            try:
                pixels = batch[0].pixels if len(batch) == 1 else np.concatenate([one.pixels for one in batch])
                logits = await loop.run_in_executor(self._thread, self._predict, pixels)
            except Exception as error:  # noqa: BLE001 - one bad batch must not end the worker
                _settle(batch, error)
            else:
                for item, row in zip(batch, logits, strict=True):
                    if not item.answer.done():
                        item.answer.set_result(row[np.newaxis])

    async def _collect(self) -> list[_Item]:
        """Wait for one image, then take those that are ready or about to be."""
        batch = [await self._queue.get()]
        deadline = asyncio.get_running_loop().time() + MAX_WAIT_S
        while len(batch) < MAX_BATCH:
            if self._queue.empty() and not self.decoding:
                break
            try:
                async with asyncio.timeout_at(deadline):
                    batch.append(await self._queue.get())
            except TimeoutError:
                break
        return batch


def _settle(batch: list[_Item], error: Exception) -> None:
    """Give every waiting request of a failed batch its error."""
    for item in batch:
        if not item.answer.done():
            item.answer.set_exception(error)
