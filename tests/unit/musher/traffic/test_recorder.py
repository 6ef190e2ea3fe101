"""What the recorder counts, and that its memory does not grow with the requests."""

import pytest

from musher.traffic.recorder import MAX_WINDOWS, TIMEOUT, Recorder, mean_ms, summarize


def answer(recorder: Recorder, offset_s: float, latency_s: float, *, failure: str | None = None) -> None:
    """Send and finish one request."""
    recorder.send(offset_s, late_s=0.0, in_flight=1)
    recorder.finish(offset_s, latency_s=latency_s, service_s=latency_s, failure=failure)


def test_percentiles_are_exact_to_three_digits() -> None:
    recorder = Recorder(duration_s=10)
    for number in range(1, 1001):
        answer(recorder, 0.0, number / 1000)
    numbers = summarize(recorder.latency)
    assert numbers["p50_ms"] == pytest.approx(500, rel=0.002)
    assert numbers["p99_ms"] == pytest.approx(990, rel=0.002)
    assert numbers["max_ms"] == pytest.approx(1000, rel=0.002)
    assert mean_ms(recorder.latency) == pytest.approx(500.5, rel=0.002)


def test_a_quick_refusal_does_not_lower_the_percentiles() -> None:
    recorder = Recorder(duration_s=10)
    answer(recorder, 0.0, 0.2)
    answer(recorder, 0.0, 0.001, failure="http_429")
    assert summarize(recorder.latency)["p50_ms"] == pytest.approx(200, rel=0.01)
    assert (recorder.succeeded, dict(recorder.errors)) == (1, {"http_429": 1})


def test_a_timeout_counts_with_the_time_that_was_waited() -> None:
    recorder = Recorder(duration_s=10)
    answer(recorder, 0.0, 60.0, failure=TIMEOUT)
    assert summarize(recorder.latency)["p99_ms"] == pytest.approx(60_000, rel=0.01)
    assert mean_ms(recorder.service) is None


def test_each_second_has_its_numbers() -> None:
    recorder = Recorder(duration_s=10)
    answer(recorder, 0.5, 0.01)
    answer(recorder, 2.5, 0.03, failure="http_500")
    recorder.drop(2.7)
    answer(recorder, 3.0, 0.04)
    rows = recorder.windows()
    assert [row["start_s"] for row in rows] == [0, 2, 3]
    assert [(row["sent"], row["succeeded"], row["failed"], row["dropped"]) for row in rows] == [
        (1, 1, 0, 0),
        (1, 0, 1, 1),
        (1, 1, 0, 0),
    ]
    assert rows[0]["p99_ms"] == pytest.approx(10, rel=0.02)
    assert rows[1]["p99_ms"] is None


def test_a_late_answer_belongs_to_the_second_in_which_it_was_due() -> None:
    recorder = Recorder(duration_s=10)
    recorder.send(0.0, late_s=0.0, in_flight=1)
    answer(recorder, 1.0, 0.001)
    answer(recorder, 2.0, 0.001)
    recorder.finish(0.0, latency_s=2.5, service_s=2.5, failure=None)
    assert [row["max_ms"] for row in recorder.windows()] == pytest.approx([2500, 1, 1], rel=0.02)


def test_a_window_gives_its_histogram_up_once_it_is_answered() -> None:
    recorder = Recorder(duration_s=100)
    for second in range(100):
        answer(recorder, second, 0.01)
    held = [window for window in recorder._windows.values() if window.histogram is not None]
    assert len(held) == 1


def test_a_week_has_no_more_windows_than_a_minute_has_numbers() -> None:
    recorder = Recorder(duration_s=604_800)
    for second in range(0, 604_800, 100):
        answer(recorder, second, 0.01)
    assert len(recorder.windows()) <= MAX_WINDOWS
    assert recorder.window_s == 1008


def test_times_beyond_an_hour_and_below_a_microsecond_are_kept_at_the_edge() -> None:
    recorder = Recorder(duration_s=10)
    answer(recorder, 0.0, 1e5)
    answer(recorder, 0.0, 0.0)
    assert summarize(recorder.latency)["max_ms"] == pytest.approx(3_600_000, rel=0.01)
    assert recorder.latency.get_min_value() == 1
