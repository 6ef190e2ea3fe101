"""When a scheduled action is due: at(), rate() and cron() as Application Auto Scaling writes them. Pure.

Source: https://docs.aws.amazon.com/autoscaling/application/userguide/scheduled-scaling-using-cron-expressions.html
"""

import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

from localaws.autoscaling.cron import Cron, parse_cron

AT, RATE, CRON = (re.compile(rf"{word}\((.+)\)") for word in ("at", "rate", "cron"))
RATE_VALUE = re.compile(r"([1-9][0-9]{0,8}) (minute|hour|day)s?")
UNIT_S = {"minute": 60, "hour": 3600, "day": 86_400}


class Schedule(Protocol):
    """Something that is due now and then."""

    def next_after(self, moment: datetime) -> datetime | None:
        """Return the first time after a moment, in UTC; None where there is none."""
        ...


@dataclass(frozen=True, kw_only=True)
class Once:
    """One time."""

    at: datetime

    def next_after(self, moment: datetime) -> datetime | None:
        """Return that time, or None once it is over."""
        return self.at if self.at > moment else None


@dataclass(frozen=True, kw_only=True)
class Every:
    """Again and again, `step_s` seconds apart, counted from a start."""

    start: datetime
    step_s: int

    def next_after(self, moment: datetime) -> datetime | None:
        """Return the first multiple after a moment; the start itself is none."""
        passed = max((moment - self.start).total_seconds(), 0.0)
        return self.start + timedelta(seconds=(math.floor(passed / self.step_s) + 1) * self.step_s)


@dataclass(frozen=True, kw_only=True)
class ByCalendar:
    """By the clocks of a time zone."""

    cron: Cron
    zone: ZoneInfo

    def next_after(self, moment: datetime) -> datetime | None:
        """Return the first time after a moment. An hour that comes twice in autumn counts once."""
        local = moment.astimezone(self.zone).replace(tzinfo=None)
        while (found := self.cron.next_after(local)) is not None:
            due = found.replace(tzinfo=self.zone).astimezone(UTC)
            if due > moment:
                return due
            local = found
        return None


@dataclass(kw_only=True)
class Remembered:
    """A schedule that is asked again and again, for later moments each time: a search may take long."""

    schedule: Schedule
    _asked: datetime | None = None
    _found: datetime | None = None

    def next_after(self, moment: datetime) -> datetime | None:
        """Return the first time after a moment; the last answer holds until that time has come."""
        is_good = self._asked is not None and self._asked <= moment
        if not is_good or (self._found is not None and self._found <= moment):
            self._asked, self._found = moment, self.schedule.next_after(moment)
        return self._found


def parse_schedule(expression: str, *, zone: ZoneInfo, start: datetime) -> Schedule:
    """Return what an expression means; `start` is what rates are counted from. Raises ValueError."""
    if found := AT.fullmatch(expression):
        local = datetime.strptime(found[1], "%Y-%m-%dT%H:%M:%S")
        return Once(at=local.replace(tzinfo=zone).astimezone(UTC))
    if (found := RATE.fullmatch(expression)) and (rate := RATE_VALUE.fullmatch(found[1])):
        return Every(start=start, step_s=int(rate[1]) * UNIT_S[rate[2]])
    if found := CRON.fullmatch(expression):
        return Remembered(schedule=ByCalendar(cron=parse_cron(found[1]), zone=zone))
    raise ValueError(f"not at(yyyy-mm-ddThh:mm:ss), rate(value unit) or cron(six fields): {expression}")
