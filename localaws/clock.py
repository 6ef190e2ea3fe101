"""Time, as an object that is handed in: real, sped up, or moved by hand in tests."""

import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Protocol

MIN_SPEED, MAX_SPEED = 0.01, 10_000
"""Beyond them dates leave the calendar, or the waits of threads what the system takes."""

TICK_S = 10.0
"""AWS seconds between two looks at what is due: how often alarms with short periods are evaluated."""
TICK_MIN_S, TICK_MAX_S = 0.05, 1.0
"""Real seconds between them, whatever the speed."""


class Clock(Protocol):
    """What localaws asks of time. All durations are seconds of *AWS* time."""

    def now(self) -> datetime:
        """Return the current time, aware, in UTC."""
        ...

    def monotonic(self) -> float:
        """Return seconds since an arbitrary start; never goes back."""
        ...

    def wait(self, event: threading.Event, timeout_s: float) -> bool:
        """Wait for `event` for at most `timeout_s`; return whether it is set."""
        ...

    def real_seconds(self, aws_seconds: float) -> float:
        """Convert a duration on AWS into the seconds that pass here."""
        ...


class ScaledClock:
    """Real time, with `speed` seconds of AWS time in each second here. Thread-safe."""

    def __init__(self, *, speed: float = 1.0) -> None:
        if speed <= 0:
            raise ValueError(f"speed must be positive, not {speed}")
        self._started = datetime.now(UTC)
        self._pace = (time.monotonic(), 0.0, speed)
        """Since when the speed holds, in real seconds; which AWS second that was; the speed."""

    @property
    def speed(self) -> float:
        """AWS seconds in one second here."""
        return self._pace[2]

    def set_speed(self, speed: float) -> None:
        """Go on from the present moment at another speed; waits that have begun keep their length."""
        if speed <= 0:
            raise ValueError(f"speed must be positive, not {speed}")
        since_s, reached_s, before = self._pace
        now_s = time.monotonic()
        self._pace = (now_s, reached_s + (now_s - since_s) * before, speed)

    def now(self) -> datetime:
        """Return the start plus the scaled time since."""
        return self._started + timedelta(seconds=self.monotonic())

    def monotonic(self) -> float:
        """Return AWS seconds since this clock was made."""
        since_s, reached_s, speed = self._pace
        return reached_s + (time.monotonic() - since_s) * speed

    def wait(self, event: threading.Event, timeout_s: float) -> bool:
        """Wait for `event`, at most `timeout_s` AWS seconds."""
        return event.wait(self.real_seconds(timeout_s))

    def real_seconds(self, aws_seconds: float) -> float:
        """Convert a duration on AWS into the seconds that pass here."""
        return aws_seconds / self.speed


class ManualClock:
    """A clock that a test moves; `wait` moves it too and never sleeps."""

    def __init__(self, *, start: datetime | None = None) -> None:
        self._start = start or datetime(2026, 1, 1, tzinfo=UTC)
        self._elapsed_s = 0.0

    def advance(self, seconds: float) -> None:
        """Move time forward by `seconds`."""
        self._elapsed_s += seconds

    def now(self) -> datetime:
        """Return the start plus what was advanced."""
        return self._start + timedelta(seconds=self._elapsed_s)

    def monotonic(self) -> float:
        """Return the seconds advanced so far."""
        return self._elapsed_s

    def wait(self, event: threading.Event, timeout_s: float) -> bool:
        """Return at once, `timeout_s` later on this clock unless `event` is set."""
        if not event.is_set():
            self.advance(timeout_s)
        return event.is_set()

    def real_seconds(self, aws_seconds: float) -> float:
        """Nothing takes real time under this clock."""
        return 0.0


def naive_utc(moment: datetime) -> datetime:
    """Return a time as moto keeps times: in UTC, and without saying so."""
    return moment.astimezone(UTC).replace(tzinfo=None)


def tick_pause_s(clock: Clock) -> float:
    """Return the real seconds until the next look at what is due, at the speed of now."""
    return min(max(clock.real_seconds(TICK_S), TICK_MIN_S), TICK_MAX_S)
