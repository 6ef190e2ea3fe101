"""The queue of asynchronous invocations, on a clock that is moved by hand."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

import pytest

from localaws.clock import ManualClock
from localaws.functions.errors import ResourceConflictError, ServiceError, ThrottledError
from localaws.functions.events import queue
from localaws.functions.events.queue import Ending, Event, EventQueue
from localaws.functions.invocations import Invocation, Outcome, Result

INVOCATION = Invocation(payload=b"{}", arn="arn:f", trace_id="t", request_id="r-1")
GOOD = Result(outcome=Outcome(payload=b"1"), log_tail=b"", version="1")
BAD = Result(outcome=Outcome(payload=b"{}", error="Unhandled"), log_tail=b"", version="1")


class Endings(list[Ending]):
    """What events ended with."""

    async def note(self, ending: Ending) -> None:
        """Note one."""
        self.append(ending)


def event(run: Callable[[], Awaitable[Result]], endings: Endings | None = None, **options: float) -> Event:
    """Return an event."""
    ended = (Endings() if endings is None else endings).note
    return Event(function_name="dogs", invocation=INVOCATION, run=run, ended=ended, **options)  # type: ignore[arg-type]


def drain(run: Callable[[], Awaitable[Result]], **options: float) -> Ending | None:
    """Run one event until the queue has done with it; return how it ended."""
    endings = Endings()

    async def main() -> None:
        queue = EventQueue(ManualClock())
        queue.put(event(run, endings, **options))
        while queue._tasks:
            await asyncio.sleep(0)

    asyncio.run(asyncio.wait_for(main(), 5))
    return endings[0] if endings else None


def answers(*results: Result | Exception) -> tuple[Callable[[], Awaitable[Result]], list[int]]:
    """Return a function that answers these in turn, and the list that counts its calls."""
    calls: list[int] = []

    async def run() -> Result:
        calls.append(1)
        result = results[min(len(calls), len(results)) - 1]
        if isinstance(result, Exception):
            raise result
        return result

    return run, calls


def test_a_failure_is_tried_again_twice(caplog: pytest.LogCaptureFixture) -> None:
    run, calls = answers(BAD)
    with caplog.at_level(logging.WARNING):
        ending = drain(run)
    assert ending == Ending(condition="RetriesExhausted", attempts=3, result=BAD)
    assert len(calls) == 3
    assert "event r-1 for dogs is dropped: its 3 attempts failed" in caplog.text


def test_a_success_ends_it() -> None:
    run, calls = answers(BAD, GOOD)
    assert drain(run) == Ending(condition="Success", attempts=2, result=GOOD)
    assert len(calls) == 2


def test_the_number_of_retries_is_the_functions(caplog: pytest.LogCaptureFixture) -> None:
    run, calls = answers(BAD)
    drain(run, max_retries=0)
    assert len(calls) == 1


def test_a_throttle_does_not_count_as_an_attempt() -> None:
    run, calls = answers(*[ThrottledError("x")] * 5, BAD, BAD, GOOD)
    drain(run)
    assert len(calls) == 8


def test_a_failure_of_lambda_itself_is_tried_again_as_a_throttle_is() -> None:
    run, calls = answers(*[ServiceError("no process")] * 5, BAD, BAD, GOOD)
    assert drain(run) == Ending(condition="Success", attempts=3, result=GOOD)
    assert len(calls) == 8
    run, _ = answers(ServiceError("no process"))
    assert drain(run, max_age_s=60.0) == Ending(condition="EventAgeExceeded", attempts=0, result=None)


def test_a_function_without_any_concurrency_never_runs_it() -> None:
    run, calls = answers(ThrottledError("x", is_final=True))
    assert drain(run) == Ending(condition="ZeroReservedConcurrency", attempts=0, result=None)
    assert len(calls) == 1


def test_an_event_is_dropped_before_it_is_too_old(caplog: pytest.LogCaptureFixture) -> None:
    run, calls = answers(BAD)
    assert drain(run, max_age_s=59.0) == Ending(condition="EventAgeExceeded", attempts=1, result=BAD)
    assert len(calls) == 1
    assert "it is older than 59 s" in caplog.text


def test_an_error_of_localaws_drops_the_event_and_not_the_queue(caplog: pytest.LogCaptureFixture) -> None:
    run, calls = answers(ResourceConflictError("Failed"))
    drain(run)
    assert len(calls) == 1
    assert "ResourceConflictError" in caplog.text


def test_the_queue_is_bounded_and_dropped_at_the_end(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(queue, "QUEUE_LIMIT", 1)

    async def forever() -> Result:
        await asyncio.sleep(60)
        return GOOD

    async def main() -> None:
        queue = EventQueue(ManualClock())
        queue.put(event(forever))
        await asyncio.sleep(0)
        with pytest.raises(ThrottledError, match="Rate Exceeded"):
            queue.put(event(forever))
        await queue.close()
        assert not queue._tasks

    asyncio.run(main())
    assert "1 events are dropped: localaws is stopping" in caplog.text


RATE = ThrottledError("ConcurrentInvocationLimitExceeded")


@pytest.mark.parametrize(
    ("results", "options", "condition", "attempts"),
    [
        ((BAD, GOOD), {}, "Success", 2),
        ((BAD, BAD, GOOD), {}, "Success", 3),
        ((BAD,), {"max_retries": 1}, "RetriesExhausted", 2),
        ((BAD,), {"max_retries": 0}, "RetriesExhausted", 1),
        ((BAD,), {"max_age_s": 60.0}, "EventAgeExceeded", 2),
        ((BAD,), {"max_age_s": 59.0}, "EventAgeExceeded", 1),
        ((RATE, BAD, RATE, GOOD), {}, "Success", 2),
        ((RATE, RATE, BAD), {"max_retries": 0}, "RetriesExhausted", 1),
        ((RATE,), {"max_age_s": 0.5}, "EventAgeExceeded", 0),
        (
            (ThrottledError("ReservedFunctionConcurrentInvocationLimitExceeded", is_final=True),),
            {},
            "ZeroReservedConcurrency",
            0,
        ),
    ],
)
def test_how_an_event_ends(
    results: tuple[Result | Exception, ...], options: dict[str, float], condition: str, attempts: int
) -> None:
    """The clock stands still but for what is asserted here: an age counts the wait that would follow."""
    run, _ = answers(*results)
    ending = drain(run, **options)
    assert ending is not None
    assert (ending.condition, ending.attempts) == (condition, attempts)


@pytest.mark.parametrize(
    ("ending", "words"),
    [
        (Ending(condition="RetriesExhausted", attempts=3, result=BAD), "its 3 attempts failed"),
        (Ending(condition="EventAgeExceeded", attempts=1, result=BAD), "it is older than 60 s"),
        (Ending(condition="ZeroReservedConcurrency", attempts=0, result=None), "no concurrency at all"),
        (Ending(condition="Success", attempts=1, result=GOOD), "it succeeded"),
    ],
)
def test_an_end_is_told_in_the_log(ending: Ending, words: str) -> None:
    assert words in ending.describe(max_age_s=60)


def test_waits_double_after_throttles_up_to_five_minutes(monkeypatch: pytest.MonkeyPatch) -> None:
    run, waits = answers(*[RATE] * 11, GOOD)[0], []

    async def sleep(delay_s: float) -> None:
        waits.append(delay_s)

    async def main() -> Ending:
        with monkeypatch.context() as patch:
            patch.setattr(queue.asyncio, "sleep", sleep)
            return await EventQueue(ManualClock())._run_to_end(event(run))

    assert asyncio.run(main()).condition == "Success"
    clock = ManualClock()
    expected = [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]
    assert waits == [clock.real_seconds(delay_s) for delay_s in expected]
