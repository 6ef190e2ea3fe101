"""Run one load test and say what it measured, as JSON can hold it."""

import asyncio
import contextlib
import logging
import signal
import time
from collections.abc import Generator
from dataclasses import asdict, dataclass, field
from typing import Any

from musher.traffic.arrivals import Spacing, draw_arrivals
from musher.traffic.driver import Bounds, Driver
from musher.traffic.exchanges import HttpExchange
from musher.traffic.limits import MAX_LATE_MS
from musher.traffic.live import Tell, tell_progress
from musher.traffic.origins import Origin
from musher.traffic.profiles import Profile, describe
from musher.traffic.recorder import Recorder, mean_ms, summarize
from musher.traffic.traces import ArrivalsTrace

logger = logging.getLogger(__name__)

SIGNALS = (signal.SIGTERM, signal.SIGINT)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a load test sends."""

    load: Profile | ArrivalsTrace
    spacing: Spacing = "even"
    seed: int = 0
    bounds: Bounds = field(default_factory=Bounds)


async def run_load_test(
    plan: Plan, origin: Origin, *, stop: asyncio.Event, tell: Tell = logger.info
) -> dict[str, Any]:
    """Send the load to the origin's target; return the result, also of a load test that `stop` cut short.

    `tell` gets a line every few seconds.
    """
    recorder = Recorder(duration_s=plan.load.duration_s)
    async with HttpExchange(origin, connections=plan.bounds.max_in_flight) as exchange:
        driver = Driver(exchange, recorder=recorder, bounds=plan.bounds)
        arrivals = draw_arrivals(plan.load, spacing=plan.spacing, seed=plan.seed)
        cpu_s, started_at_s = time.process_time(), time.time()
        telling = asyncio.ensure_future(tell_progress(recorder, duration_s=plan.load.duration_s, tell=tell))
        try:
            took_s = await driver.run(arrivals, stop=stop)
        finally:
            telling.cancel()
        cpu_s = time.process_time() - cpu_s
    return {
        "target": origin.describe(),
        "profile": describe(plan.load),
        "spacing": plan.spacing,
        "seed": plan.seed,
        **asdict(plan.bounds),
        "started_at_s": round(started_at_s, 3),
        "cpu_s": round(cpu_s, 3),
        **measured(recorder, took_s=took_s, is_complete=not stop.is_set()),
    }


def run(plan: Plan, origin: Origin, *, tell: Tell = logger.info) -> dict[str, Any]:
    """Run a load test to its end, or to the first SIGTERM or SIGINT; return the result.

    `tell` gets a line every few seconds about how it goes.
    """
    return asyncio.run(_run(plan, origin, tell))


async def _run(plan: Plan, origin: Origin, tell: Tell) -> dict[str, Any]:
    stop = asyncio.Event()
    with stopping_at_signals(stop):
        logger.info("Sending for %.0f s to %s.", plan.load.duration_s, origin.describe()["url"])
        return await run_load_test(plan, origin, stop=stop, tell=tell)


@contextlib.contextmanager
def stopping_at_signals(stop: asyncio.Event) -> Generator[None]:
    """Set `stop` at SIGTERM and SIGINT; afterwards, they do what they did before."""
    loop = asyncio.get_running_loop()
    before = {number: signal.getsignal(number) for number in SIGNALS}
    for number in SIGNALS:
        loop.add_signal_handler(number, stop.set)
    try:
        yield
    finally:
        for number, handler in before.items():
            loop.remove_signal_handler(number)
            signal.signal(number, handler)


def measured(recorder: Recorder, *, took_s: float, is_complete: bool) -> dict[str, Any]:
    """Return the numbers of a load test."""
    failed = sum(recorder.errors.values())
    return {
        "is_complete": is_complete,
        "took_s": round(took_s, 3),
        "sent": recorder.sent,
        "succeeded": recorder.succeeded,
        "failed": failed,
        "errors": dict(sorted(recorder.errors.items())),
        "dropped": recorder.dropped,
        "highest_in_flight": recorder.max_in_flight,
        "sent_per_s": round(recorder.sent / took_s, 3) if took_s else 0.0,
        "succeeded_per_s": round(recorder.succeeded / took_s, 3) if took_s else 0.0,
        "latency": {"mean_ms": mean_ms(recorder.latency), **summarize(recorder.latency)},
        "service": {"mean_ms": mean_ms(recorder.service), **summarize(recorder.service)},
        "lateness": summarize(recorder.lateness, (50.0, 99.0)),
        "window_s": recorder.window_s,
        "windows": recorder.windows(),
        "latency_histogram": recorder.latency.encode().decode("ascii"),
        "service_histogram": recorder.service.encode().decode("ascii"),
        "warnings": find_warnings(recorder, is_complete=is_complete),
    }


def find_warnings(recorder: Recorder, *, is_complete: bool) -> list[str]:
    """Return what a reader must know before trusting the percentiles."""
    found = []
    if not is_complete:
        found.append("It was stopped before its end: the numbers are of what was sent until then.")
    if recorder.dropped:
        found.append(
            f"{recorder.dropped} requests were due while max_in_flight were waiting, and were never sent: "
            "the percentiles leave them out, so the truth is worse."
        )
    late_ms = summarize(recorder.lateness, (99.0,))["p99_ms"]
    if late_ms is not None and late_ms > MAX_LATE_MS:
        found.append(
            f"The generator itself sent {late_ms:.0f} ms late at its p99: its host is too slow or too busy "
            "for this rate, and part of the latency is its own."
        )
    return found
