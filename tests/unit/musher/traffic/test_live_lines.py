"""What is said of a load test while it runs."""

import asyncio

import pytest

from musher.traffic import live
from musher.traffic.live import describe, tell_progress
from musher.traffic.recorder import TIMEOUT, Recorder


def answer(recorder: Recorder, latency_s: float, *, failure: str | None = None) -> None:
    recorder.send(0.0, late_s=0.0, in_flight=1)
    recorder.finish(0.0, latency_s=latency_s, service_s=latency_s, failure=failure)


def test_a_line_is_about_the_time_since_the_last_one() -> None:
    recorder = Recorder(duration_s=30)
    for _ in range(10):
        answer(recorder, 0.100)
    first = describe(recorder, at_s=2, lasted_s=2, duration_s=30)
    assert first == "2 of 30 s: 5.0 requests a second, p99 100 ms"
    answer(recorder, 0.020)
    assert (
        describe(recorder, at_s=4, lasted_s=2, duration_s=30) == "4 of 30 s: 0.5 requests a second, p99 20 ms"
    )


def test_what_fails_and_what_is_never_sent_is_said_and_silence_too() -> None:
    recorder = Recorder(duration_s=30)
    answer(recorder, 1.0, failure=TIMEOUT)
    answer(recorder, 0.001, failure="http_500")
    recorder.drop(1.0)
    line = describe(recorder, at_s=3, lasted_s=1, duration_s=30)
    assert line == "3 of 30 s: 2.0 requests a second, p99 1004 ms, 3 failed or never sent"
    assert (
        describe(recorder, at_s=6, lasted_s=3, duration_s=30) == "6 of 30 s: 0.0 requests a second, no answer"
    )


def test_lines_come_until_the_load_test_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "MIN_PAUSE_S", 0.01)
    told: list[str] = []

    async def run() -> None:
        ended = asyncio.Event()

        def tell(line: str) -> None:
            told.append(line)
            if len(told) == 3:
                ended.set()

        telling = asyncio.ensure_future(tell_progress(Recorder(duration_s=0.1), duration_s=0.1, tell=tell))
        await asyncio.wait_for(ended.wait(), timeout=30)
        telling.cancel()
        await asyncio.gather(telling, return_exceptions=True)

    asyncio.run(run())
    assert len(told) == 3
