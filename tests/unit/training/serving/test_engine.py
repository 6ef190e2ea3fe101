"""Waiting images are computed together, a lone one at once; whatever fails, everybody is answered."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
import weakref
from collections.abc import Callable, Coroutine
from typing import Any

import numpy as np
import pytest

from imgclf.errors import ImageError, OverloadedError
from imgclf.serving import engine as engine_module
from imgclf.serving.answers import Answer
from imgclf.serving.engine import MAX_BATCH, MAX_IMAGES, Engine
from imgclf.serving.metrics import Metrics

WAIT_S = 30


def decode(image: bytes) -> np.ndarray:
    """Take the image's first byte for all of its pixels."""
    if image == b"":
        raise ImageError("not an image")
    return np.full((1, 3, 2, 2), image[0], np.uint8)


def mean(pixels: np.ndarray) -> np.ndarray:
    return pixels.mean(axis=(2, 3), dtype=np.float32)


def run(
    work: Callable[[Engine], Coroutine[Any, Any, Any]], predict: Callable[..., Any] = mean, **options: Any
) -> Any:
    """Let `work` use an engine of this event loop."""

    async def main() -> Any:
        engine = Engine(**{"decode": decode, "predict": predict, "metrics": Metrics(), **options})
        try:
            async with asyncio.timeout(WAIT_S):
                return await work(engine)
        finally:
            await engine.close()

    return asyncio.run(main())


def numbers(logits: np.ndarray) -> list[int]:
    return [int(row[0]) for row in logits]


def test_each_image_gets_its_own_answer() -> None:
    async def work(engine: Engine) -> list[np.ndarray]:
        return await asyncio.gather(*(engine.submit([bytes([number])]) for number in range(40)))

    assert [numbers(answer) for answer in run(work)] == [[number] for number in range(40)]


def test_images_of_one_request_are_answered_in_their_order() -> None:
    assert numbers(run(lambda engine: engine.submit([b"\5", b"\3", b"\4"]))) == [5, 3, 4]


class Gate:
    """A model whose first batch waits until it is let through."""

    def __init__(self) -> None:
        self.sizes: list[int] = []
        self.is_open, self.is_reached = threading.Event(), threading.Event()

    def __call__(self, pixels: np.ndarray) -> np.ndarray:
        self.sizes.append(len(pixels))
        self.is_reached.set()
        assert self.is_open.wait(WAIT_S)
        return mean(pixels)


def test_what_comes_while_a_batch_is_computed_makes_the_next_batches() -> None:
    gate = Gate()

    async def work(engine: Engine) -> None:
        first = asyncio.create_task(engine.submit([b"\1"]))
        await asyncio.to_thread(gate.is_reached.wait, WAIT_S)
        others = asyncio.create_task(engine.submit([b"\2"] * (MAX_BATCH + 4)))
        await asyncio.sleep(0)
        gate.is_open.set()
        await asyncio.gather(first, others)

    run(work, gate)
    assert gate.sizes == [1, MAX_BATCH, 4]


def test_streams_decode_and_compute_at_once() -> None:
    """Each waits for the other: one thread alone would never get there."""
    both = {name: threading.Barrier(2) for name in ("decode", "predict")}

    def meet(name: str) -> None:
        both[name].wait(WAIT_S)

    async def work(engine: Engine) -> list[np.ndarray]:
        return await asyncio.gather(engine.submit([b"\1"]), engine.submit([b"\2"]))

    answers = run(
        work,
        lambda pixels: (meet("predict"), mean(pixels))[1],
        decode=lambda image: (meet("decode"), decode(image))[1],
        streams=2,
    )
    assert [numbers(answer) for answer in answers] == [[1], [2]]


def test_a_stream_takes_its_share_of_those_that_wait() -> None:
    gate = Gate()

    async def work(engine: Engine) -> None:
        first = [asyncio.create_task(engine.submit([b"\1"])) for _ in range(2)]
        while len(gate.sizes) < 2:
            await asyncio.sleep(0.01)
        others = asyncio.create_task(engine.submit([b"\2"] * 8))
        await asyncio.sleep(0)
        gate.is_open.set()
        await asyncio.gather(*first, others)

    run(work, gate, streams=2)
    assert gate.sizes[:3] == [1, 1, 4]
    assert sum(gate.sizes) == 10


def test_an_image_that_takes_long_to_decode_holds_up_none_behind_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_module, "PATIENCE_S", 0.1)
    gate, sizes = Gate(), []

    def slow(image: bytes) -> np.ndarray:
        if image == b"\7":
            time.sleep(0.3)
        return decode(image)

    def predict(pixels: np.ndarray) -> np.ndarray:
        sizes.append(pixels[:, 0, 0, 0].tolist())
        return gate(pixels)

    async def work(engine: Engine) -> list[np.ndarray]:
        first = asyncio.create_task(engine.submit([b"\1"]))
        await asyncio.to_thread(gate.is_reached.wait, WAIT_S)
        others = [asyncio.create_task(engine.submit([image])) for image in (b"\2", b"\7", b"\3", b"\4")]
        await asyncio.sleep(0)
        gate.is_open.set()
        return await asyncio.gather(first, *others)

    answers = run(work, predict, decode=slow)
    assert [numbers(answer) for answer in answers] == [[1], [2], [7], [3], [4]]
    assert sizes == [[1], [2, 7], [3, 4]]


def test_images_that_fail_slowly_are_not_decoded_one_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """A batch of damaged photos of 25 million pixels took 36 s: the server counted as dead."""
    monkeypatch.setattr(engine_module, "PATIENCE_S", 0.01)
    gate, engines, began = Gate(), [], set()

    def fail(image: bytes) -> np.ndarray:
        if image == b"\1":
            return decode(image)
        began.update(engines[0]._began)
        time.sleep(0.02)
        raise ImageError("damaged")

    async def work(engine: Engine) -> list[Any]:
        engines.append(engine)
        first = asyncio.create_task(engine.submit([b"\1"]))
        await asyncio.to_thread(gate.is_reached.wait, WAIT_S)
        others = [asyncio.create_task(engine.submit([b"\2"])) for _ in range(4)]
        await asyncio.sleep(0)
        gate.is_open.set()
        return await asyncio.gather(first, *others, return_exceptions=True)

    assert [str(answer) for answer in run(work, gate, decode=fail)[1:]] == ["damaged"] * 4
    assert len(began) == 4  # each in a batch of its own


def test_a_whole_batch_comes_back_in_one_hop(monkeypatch: pytest.MonkeyPatch) -> None:
    settled: list[int] = []
    settle = Engine._settle
    monkeypatch.setattr(
        Engine, "_settle", lambda self, items, found: (settled.append(len(items)), settle(self, items, found))
    )
    gate = Gate()

    async def work(engine: Engine) -> None:
        first = asyncio.create_task(engine.submit([b"\1"]))
        await asyncio.to_thread(gate.is_reached.wait, WAIT_S)
        others = asyncio.create_task(engine.submit([b"\2"] * 7))
        await asyncio.sleep(0.5)
        gate.is_open.set()
        await asyncio.gather(first, others)

    run(work, gate)
    assert settled == gate.sizes


def test_a_failing_batch_fails_its_requests_and_the_next_one_works() -> None:
    def predict(pixels: np.ndarray) -> np.ndarray:
        if int(pixels.max()) == 7:
            raise ValueError("no sevens")
        return mean(pixels)

    async def work(engine: Engine) -> np.ndarray:
        with pytest.raises(ValueError, match="no sevens"):
            await engine.submit([b"\7"])
        assert engine.waiting == 0
        return await engine.submit([b"\1"])

    assert numbers(run(work, predict)) == [1]


def test_what_is_no_image_fails_its_own_request_alone() -> None:
    async def work(engine: Engine) -> list[Any]:
        requests = [engine.submit([b"\1"]), engine.submit([b"\2", b""]), engine.submit([b"\3"])]
        return await asyncio.gather(*requests, return_exceptions=True)

    first, second, third = run(work)
    assert (numbers(first), numbers(third)) == ([1], [3])
    assert isinstance(second, ImageError)


def test_an_image_that_fails_does_not_stay_in_memory() -> None:
    """Forty damaged photos of 25 million pixels took 1.8 GB at once, until Python's collector came by."""
    kept: list[weakref.ref[np.ndarray]] = []

    def fail(image: bytes) -> np.ndarray:
        pixels = np.zeros(1000)
        kept.append(weakref.ref(pixels))
        try:
            raise ValueError(len(pixels))
        except ValueError as error:
            raise ImageError("damaged") from error

    async def work(engine: Engine) -> int:
        await ask(engine)
        while any(each() is not None for each in kept):  # the loop holds the error until its turn ends
            await asyncio.sleep(0.01)
        return len(kept)

    async def ask(engine: Engine) -> None:
        request = np.zeros(1000)
        kept.append(weakref.ref(request))
        try:
            await engine.submit([request.tobytes()])
        except ImageError as error:
            Answer.of_error(error)

    gc.disable()
    try:
        assert run(work, decode=fail) == 2
    finally:
        gc.enable()


def test_more_images_than_may_wait_are_refused_and_none_is_kept() -> None:
    gate = Gate()

    async def work(engine: Engine) -> None:
        waiting = asyncio.create_task(engine.submit([b"\1"] * MAX_IMAGES))
        await asyncio.to_thread(gate.is_reached.wait, WAIT_S)
        with pytest.raises(OverloadedError, match=f"{MAX_IMAGES} images are in progress") as refused:
            await engine.submit([b"\1"])
        assert refused.value.retry_after_s == 1
        gate.is_open.set()
        assert len(await waiting) == MAX_IMAGES
        assert engine.waiting == 0
        assert len(await engine.submit([b"\1"])) == 1

    run(work, gate)


def test_who_stops_waiting_costs_no_computation() -> None:
    gate = Gate()

    async def work(engine: Engine) -> None:
        first = asyncio.create_task(engine.submit([b"\1"]))
        await asyncio.to_thread(gate.is_reached.wait, WAIT_S)
        late = asyncio.create_task(engine.submit([b"\2"] * 5))
        await asyncio.sleep(0.1)
        late.cancel()
        await asyncio.wait([late])
        assert engine.waiting == 6  # their memory is still held
        gate.is_open.set()
        await first
        await engine.submit([b"\3"])
        assert engine.waiting == 0

    run(work, gate)
    assert gate.sizes == [1, 1]


def test_the_end_of_the_thread_is_a_fault_and_answers_those_who_wait() -> None:
    def predict(_: np.ndarray) -> np.ndarray:
        raise SystemExit

    async def work(engine: Engine) -> None:
        assert engine.find_fault() is None
        with pytest.raises(OverloadedError, match="has ended"):
            await engine.submit([b"\1"])
        await asyncio.to_thread(engine._threads[0].join, WAIT_S)
        assert engine.find_fault() == "the engine's thread has ended"
        with pytest.raises(OverloadedError, match="has ended"):
            await engine.submit([b"\1"])

    run(work, predict)


def test_a_model_that_never_answers_is_a_fault_until_it_does(monkeypatch: pytest.MonkeyPatch) -> None:
    gate = Gate()
    monkeypatch.setattr(engine_module, "STUCK_S", 0.3)

    async def work(engine: Engine) -> None:
        await asyncio.sleep(0.4)
        assert engine.find_fault() is None  # nobody waits
        waiting = asyncio.create_task(engine.submit([b"\1"]))
        await asyncio.sleep(0.5)
        assert engine.find_fault() == "a batch was not answered for 0 s"
        gate.is_open.set()
        await waiting
        assert engine.find_fault() is None

    run(work, gate)


def test_an_engine_ends_after_the_batch_that_was_ready_at_its_end() -> None:
    gate = Gate()

    async def work(engine: Engine) -> None:
        first = asyncio.create_task(engine.submit([b"\1"]))
        await asyncio.to_thread(gate.is_reached.wait, WAIT_S)
        last = asyncio.create_task(engine.submit([b"\2"]))
        await asyncio.sleep(0)
        closing = asyncio.create_task(engine.close())
        await asyncio.sleep(0.1)
        gate.is_open.set()
        await asyncio.gather(first, last, closing)
        assert not any(thread.is_alive() for thread in engine._threads)

    run(work, gate)


def test_batches_are_counted() -> None:
    metrics = Metrics()
    run(lambda engine: engine.submit([b"\1"]), metrics=metrics)
    page = metrics.render({}).decode()
    assert "imgclf_batch_images_count 1\n" in page
    assert "imgclf_batch_images_sum 1.0\n" in page
    assert "imgclf_predict_seconds_count 1\n" in page


def test_images_that_are_none_are_no_batch() -> None:
    metrics = Metrics()
    with pytest.raises(ImageError):
        run(lambda engine: engine.submit([b""]), metrics=metrics)
    page = metrics.render({}).decode()
    assert "imgclf_batch_images_count 0\n" in page
    assert "imgclf_predict_seconds_count 0\n" in page


class Table:
    """A model that is nearly free, and notes which threads ask it, on a clock of its own."""

    def __init__(self) -> None:
        self.threads: list[str] = []
        self.now, self.slow_s = 100.0, 0.0
        """`slow_s` is what one further batch takes."""

    def monotonic(self) -> float:
        """Tell the time."""
        return self.now

    def __call__(self, pixels: np.ndarray) -> np.ndarray:
        self.threads.append(threading.current_thread().name)
        self.now += self.slow_s
        self.slow_s = 0.0
        return mean(pixels)

    async def ask(self, engine: Engine, times: int = 1) -> None:
        """Ask one after the other."""
        for _ in range(times):
            await engine.submit([b"\1"])


HERE, THERE = "MainThread", "engine-0"
LEARNED = 200
"""Batches after which a quick model is known to be one."""


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> Table:
    """Return a model, whose clock is the engine's."""
    made = Table()
    monkeypatch.setattr(engine_module, "time", made)
    return made


def test_what_takes_less_than_a_thread_s_wake_up_is_computed_in_the_event_loop(table: Table) -> None:
    run(lambda engine: table.ask(engine, LEARNED), table)
    assert (table.threads[0], table.threads[-1]) == (THERE, HERE)
    assert THERE not in table.threads[table.threads.index(HERE) :]


def test_a_model_of_a_usual_size_is_left_to_the_threads(table: Table) -> None:
    def usual(pixels: np.ndarray) -> np.ndarray:
        table.slow_s = 0.0001
        return table(pixels)

    run(lambda engine: table.ask(engine, LEARNED), usual)
    assert set(table.threads) == {THERE}


def test_one_batch_that_took_long_sends_the_next_ones_to_the_threads(table: Table) -> None:
    async def work(engine: Engine) -> None:
        await table.ask(engine, LEARNED)
        table.slow_s = 0.5
        await table.ask(engine, 20)

    run(work, table)
    assert table.threads[LEARNED:] == [HERE, *[THERE] * 19]


def test_images_that_are_none_tell_nothing_of_those_that_are(table: Table) -> None:
    async def work(engine: Engine) -> None:
        table.slow_s = 0.5
        await table.ask(engine)
        for _ in range(LEARNED):
            with pytest.raises(ImageError):
                await engine.submit([b""])
        await table.ask(engine)

    run(work, table)
    assert table.threads == [THERE, THERE]


def test_nothing_is_computed_in_the_event_loop_while_a_thread_computes(table: Table) -> None:
    gate = Gate()

    async def work(engine: Engine) -> None:
        await table.ask(engine, LEARNED)
        engine._image_s = 1.0  # as after a slow batch
        first = asyncio.ensure_future(engine.submit([b"\1"]))
        await asyncio.to_thread(gate.is_reached.wait, WAIT_S)
        engine._image_s = 0.0
        second = asyncio.ensure_future(engine.submit([b"\2"]))
        await asyncio.sleep(0.05)
        assert not second.done()
        gate.is_open.set()
        assert [numbers(await answer) for answer in (first, second)] == [[1], [2]]

    def predict(pixels: np.ndarray) -> np.ndarray:
        return gate(pixels) if len(table.threads) >= LEARNED else table(pixels)

    run(work, predict)


def test_a_failing_batch_in_the_event_loop_fails_its_requests_alone(table: Table) -> None:
    async def work(engine: Engine) -> None:
        await table.ask(engine, LEARNED)
        with pytest.raises(ValueError, match="no such row"):
            await engine.submit([b"\xff"])
        await table.ask(engine)

    def predict(pixels: np.ndarray) -> np.ndarray:
        answer = table(pixels)
        if pixels.max() == 255:
            raise ValueError("no such row")
        return answer

    run(work, predict)
    assert table.threads[-2:] == [HERE, HERE]
