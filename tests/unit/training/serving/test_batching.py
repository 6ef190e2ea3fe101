"""Waiting images are predicted together; a lone one at once."""

from __future__ import annotations

import asyncio
import time

import numpy as np
import pytest

from imgclf.serving import batching
from imgclf.serving.batching import MAX_BATCH, Batcher


def submit_all(batcher: Batcher, count: int) -> list[np.ndarray]:
    """Submit images 0..count-1 at once and return their answers in order."""

    async def run() -> list[np.ndarray]:
        images = [np.full((1, 3, 2, 2), number) for number in range(count)]
        answers = await asyncio.gather(*(batcher.submit(image) for image in images))
        await batcher.close()
        return list(answers)

    return asyncio.run(run())


def test_each_request_gets_its_own_answer_from_few_batches() -> None:
    sizes: list[int] = []

    def predict(pixels: np.ndarray) -> np.ndarray:
        sizes.append(len(pixels))
        time.sleep(0.01)
        return pixels.mean(axis=(2, 3))

    answers = submit_all(Batcher(predict), 40)
    assert [int(answer[0, 0]) for answer in answers] == list(range(40))
    assert all(answer.shape == (1, 3) for answer in answers)
    assert sum(sizes) == 40
    assert max(sizes) == MAX_BATCH
    assert len(sizes) <= 5


def test_a_lone_image_does_not_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batching, "MAX_WAIT_S", 60)
    started = time.monotonic()
    submit_all(Batcher(lambda pixels: pixels.astype(np.float32)), 1)
    assert time.monotonic() - started < 10


def test_an_image_waits_a_bounded_time_for_one_that_is_being_decoded() -> None:
    batcher = Batcher(lambda pixels: pixels.astype(np.float32))
    batcher.decoding = 1
    assert len(submit_all(batcher, 1)) == 1


def test_a_failing_batch_fails_its_requests_and_the_next_one_works() -> None:
    def predict(pixels: np.ndarray) -> np.ndarray:
        if int(pixels.max()) == 7:
            raise ValueError("no sevens")
        return pixels.mean(axis=(2, 3))

    async def run() -> tuple[object, np.ndarray]:
        batcher = Batcher(predict)
        [failed] = await asyncio.gather(batcher.submit(np.full((1, 3, 2, 2), 7)), return_exceptions=True)
        good = await batcher.submit(np.full((1, 3, 2, 2), 1))
        await batcher.close()
        return failed, good

    failed, good = asyncio.run(run())
    assert str(failed) == "no sevens"
    assert good.shape == (1, 3)
