"""The clocks."""

import threading
import time

import pytest

from localaws.clock import ManualClock, ScaledClock


def test_a_scaled_clock_makes_aws_minutes_short() -> None:
    clock = ScaledClock(speed=600)
    before = clock.now()
    assert clock.wait(threading.Event(), 30) is False
    assert 30 <= (clock.now() - before).total_seconds() < 600
    assert clock.real_seconds(600) == 1


def test_a_scaled_clock_refuses_a_speed_that_stops_time() -> None:
    with pytest.raises(ValueError, match="speed must be positive, not 0"):
        ScaledClock(speed=0)


def test_another_speed_counts_from_the_moment_on_and_moves_no_time_that_has_passed() -> None:
    clock = ScaledClock(speed=1)
    begun, real = clock.monotonic(), time.monotonic()
    clock.set_speed(1000)
    assert clock.monotonic() - begun <= (time.monotonic() - real) * 1000
    time.sleep(0.02)
    reached = clock.monotonic()
    assert reached - begun >= 20
    clock.set_speed(0.01)
    assert reached <= clock.monotonic()
    assert (clock.speed, clock.real_seconds(1)) == (0.01, 100)
    with pytest.raises(ValueError, match="must be positive, not 0"):
        clock.set_speed(0)


def test_a_manual_clock_never_sleeps_and_moves_when_waited_on() -> None:
    clock = ManualClock()
    assert clock.wait(threading.Event(), 3600) is False
    clock.advance(400)
    assert clock.monotonic() == 4000
    assert (clock.now() - ManualClock().now()).total_seconds() == 4000


def test_a_manual_clock_does_not_move_for_an_event_that_is_set() -> None:
    clock, event = ManualClock(), threading.Event()
    event.set()
    assert clock.wait(event, 10) is True
    assert clock.monotonic() == 0
