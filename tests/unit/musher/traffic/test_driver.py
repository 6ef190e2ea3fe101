"""The open loop, in simulated time: nothing that a server does moves the next request."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from musher.errors import TrafficError
from musher.traffic.arrivals import draw_arrivals
from musher.traffic.driver import MAX_GRACE_S, Bounds, Driver
from musher.traffic.profiles import Constant
from musher.traffic.recorder import Recorder, summarize
from tests.virtual_time import run_in_virtual_time

SERVICE_S = 0.002
UNBOUND = Bounds()

Server = Callable[[float], Awaitable[str | None]]
"""Answer a request that comes at this moment after the start."""


def drive(
    server: Server,
    *,
    rate: float = 100,
    duration_s: float = 10,
    bounds: Bounds = UNBOUND,
    stop_after_s: float | None = None,
) -> tuple[Recorder, float]:
    """Drive a server at a constant rate; return what was recorded, and the simulated seconds."""

    async def run() -> tuple[Recorder, float]:
        loop = asyncio.get_running_loop()
        start, stop = loop.time(), asyncio.Event()
        recorder = Recorder(duration_s=duration_s)
        driver = Driver(lambda: server(loop.time() - start), recorder=recorder, bounds=bounds)
        if stop_after_s is not None:
            loop.call_later(stop_after_s, stop.set)
        arrivals = draw_arrivals(Constant(rate=rate, duration_s=duration_s))
        return recorder, await driver.run(arrivals, stop=stop)

    return run_in_virtual_time(run())


async def quick(now_s: float) -> None:
    """Answer at once."""
    await asyncio.sleep(SERVICE_S)


async def stalling(now_s: float) -> None:
    """Answer nothing between the seconds 3 and 4."""
    await asyncio.sleep(SERVICE_S + max(0.0, 4 - now_s) * (now_s >= 3))


async def hanging(now_s: float) -> None:
    """Never answer."""
    await asyncio.sleep(1e6)


def test_all_requests_are_sent_and_answered() -> None:
    recorder, took_s = drive(quick)
    assert (recorder.sent, recorder.succeeded, recorder.dropped) == (1000, 1000, 0)
    assert summarize(recorder.latency)["p99_ms"] == pytest.approx(2, rel=0.01)
    assert took_s == pytest.approx(9.99 + SERVICE_S)


def test_a_stall_shows_in_the_percentiles_as_long_as_it_was() -> None:
    """One request in ten is due within the stall; of all, one in a hundred waits for over 0.9 s."""
    recorder, _ = drive(stalling)
    assert summarize(recorder.latency)["p99_ms"] == pytest.approx(900, rel=0.02)
    assert summarize(recorder.latency)["p90_ms"] == pytest.approx(2, abs=10)
    assert summarize(recorder.latency)["max_ms"] == pytest.approx(1002, rel=0.01)


def test_a_closed_loop_would_hide_the_same_stall() -> None:
    """What is wrong with waiting for an answer: one request meets the stall, the others are not sent."""

    async def run() -> Recorder:
        loop, recorder = asyncio.get_running_loop(), Recorder(duration_s=10)
        start = loop.time()
        while (sent := loop.time()) - start < 10:
            recorder.send(0.0, late_s=0.0, in_flight=1)
            await stalling(sent - start)
            took_s = loop.time() - sent
            recorder.finish(0.0, latency_s=took_s, service_s=took_s, failure=None)
            await asyncio.sleep(max(0.0, 0.01 - took_s))
        return recorder

    assert summarize(run_in_virtual_time(run()).latency)["p99_ms"] == pytest.approx(2, rel=0.01)


def test_requests_beyond_the_bound_are_dropped_and_counted() -> None:
    recorder, took_s = drive(hanging, bounds=Bounds(max_in_flight=30, timeout_s=2))
    assert recorder.sent + recorder.dropped == 1000
    assert recorder.dropped == pytest.approx(850, abs=5)
    assert recorder.max_in_flight == 30
    assert recorder.errors["timeout"] == recorder.sent
    assert took_s < 12.5


def test_a_request_that_hangs_ends_with_its_time_limit() -> None:
    recorder, took_s = drive(hanging, rate=1, duration_s=3, bounds=Bounds(timeout_s=7))
    assert recorder.errors == {"timeout": 3}
    assert took_s == pytest.approx(9, abs=0.01)


def test_a_stop_gives_what_was_measured_so_far() -> None:
    recorder, took_s = drive(quick, duration_s=3600, stop_after_s=5.005)
    assert recorder.sent == recorder.succeeded == 501
    assert took_s < 5.1


def test_a_stop_gives_requests_in_flight_a_little_time_then_counts_them() -> None:
    recorder, took_s = drive(hanging, duration_s=3600, stop_after_s=1.005)
    assert recorder.errors == {"unfinished": 101}
    assert took_s == pytest.approx(1.005 + MAX_GRACE_S, abs=0.01)
    assert summarize(recorder.latency)["p50_ms"] == pytest.approx(1000 * (0.505 + MAX_GRACE_S), rel=0.02)


def test_a_stop_is_heard_while_only_answers_are_waited_for() -> None:
    _, took_s = drive(hanging, rate=1, duration_s=1, stop_after_s=10)
    assert took_s == pytest.approx(10 + MAX_GRACE_S, abs=0.01)


def test_connections_that_break_are_failures_by_name() -> None:
    async def breaking(now_s: float) -> None:
        raise ConnectionResetError

    recorder, _ = drive(breaking, duration_s=1)
    assert recorder.errors == {"ConnectionResetError": 100}


def test_whatever_else_is_raised_is_a_failure_too() -> None:
    async def odd(now_s: float) -> None:
        raise ValueError("no HTTP")

    recorder, _ = drive(odd, duration_s=1)
    assert recorder.errors == {"ValueError": 100}
    assert (recorder.sent, recorder.succeeded) == (100, 0)


def test_failures_that_the_exchange_names_are_counted() -> None:
    async def refusing(now_s: float) -> str:
        return "http_429"

    recorder, _ = drive(refusing, duration_s=1)
    assert recorder.errors == {"http_429": 100}


@pytest.mark.parametrize("wrong", [{"max_in_flight": 0}, {"timeout_s": 0}, {"timeout_s": 901}])
def test_bounds_that_hold_nothing_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(TrafficError, match=next(iter(wrong))):
        Bounds(**wrong)
