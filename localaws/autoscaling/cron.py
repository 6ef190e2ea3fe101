"""Cron expressions of six fields, as AWS writes them. Pure.

Source: https://docs.aws.amazon.com/autoscaling/application/userguide/scheduled-scaling-using-cron-expressions.html
"""

import calendar
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

MONTHS = {name.upper(): number for number, name in enumerate(calendar.month_abbr) if number}
WEEKDAYS = {name: number for number, name in enumerate(("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"), 1)}
FIRST_YEAR, LAST_YEAR = 1970, 2199
HORIZON_YEARS = 40
"""Years that are searched: after 28, or 40 over a century without a leap day, dates and weekdays repeat."""
DayRule = Callable[[date], bool]


@dataclass(frozen=True, kw_only=True)
class Cron:
    """The times of a cron expression, by the clock on the wall."""

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    months: frozenset[int]
    years: frozenset[int]
    is_day: DayRule

    def next_after(self, moment: datetime) -> datetime | None:
        """Return the first time after a moment (both naive); None where there is none."""
        day, last = moment.date(), min(moment.year + HORIZON_YEARS, LAST_YEAR)
        while day.year <= last:
            if day.year not in self.years:
                day = date(day.year + 1, 1, 1)
            elif day.month not in self.months:
                day = (day.replace(day=1) + timedelta(days=32)).replace(day=1)
            elif self.is_day(day) and (found := self._on(day, moment)):
                return found
            else:
                day += timedelta(days=1)
        return None

    def _on(self, day: date, moment: datetime) -> datetime | None:
        times = (
            datetime(day.year, day.month, day.day, hour, minute)
            for hour in self.hours
            for minute in self.minutes
        )
        return next((time for time in times if time > moment), None)


def parse_cron(text: str) -> Cron:
    """Read minutes, hours, days of the month, months, days of the week and years. Raises ValueError."""
    fields = text.upper().split()
    if len(fields) != 6:
        raise ValueError(f"cron() has six fields, not {len(fields)}: {text}")
    minute, hour, day, month, weekday, year = fields
    if (day == "?") == (weekday == "?"):
        raise ValueError(f"exactly one of day-of-month and day-of-week must be ?: {text}")
    return Cron(
        minutes=tuple(sorted(read_values(minute, first=0, last=59))),
        hours=tuple(sorted(read_values(hour, first=0, last=23))),
        months=read_values(month, first=1, last=12, names=MONTHS),
        years=read_values(year, first=FIRST_YEAR, last=LAST_YEAR),
        is_day=read_month_days(day) if weekday == "?" else read_weekdays(weekday),
    )


def read_values(
    field: str, *, first: int, last: int, names: Mapping[str, int] | None = None
) -> frozenset[int]:
    """Return the numbers of a field of lists, ranges and increments. Raises ValueError."""
    found: set[int] = set()
    for part in field.split(","):
        span, _, step = part.partition("/")
        low, dash, high = span.partition("-")
        begin = first if low == "*" and not dash else _number(low, first, last, names or {})
        open_end = last if step or low == "*" else begin
        end = _number(high, first, last, names or {}) if dash else open_end
        if begin > end or ("/" in part and not re.fullmatch(r"[1-9][0-9]{0,3}", step)):
            raise ValueError(f"not a part of a cron expression: {part}")
        found.update(range(begin, end + 1, int(step or 1)))
    return frozenset(found)


def _number(text: str, first: int, last: int, names: Mapping[str, int]) -> int:
    if text in names:
        return names[text]
    if not re.fullmatch(r"[0-9]{1,4}", text) or not first <= int(text) <= last:
        raise ValueError(f"not from {first} to {last}: {text!r}")
    return int(text)


def read_month_days(field: str) -> DayRule:
    """Return the rule of days of the month: numbers, L for the last, 15W for the nearest working day."""
    if field == "L":
        return lambda day: day.day == _last_day(day)
    if field == "LW":
        return lambda day: day == nearest_working_day(day, _last_day(day))
    if found := re.fullmatch(r"([0-9]{1,2})W", field):
        wanted = _number(found[1], 1, 31, {})
        return lambda day: wanted <= _last_day(day) and day == nearest_working_day(day, wanted)
    numbers = read_values(field, first=1, last=31)
    return lambda day: day.day in numbers


def _last_day(day: date) -> int:
    return calendar.monthrange(day.year, day.month)[1]


def nearest_working_day(month: date, number: int) -> date:
    """Return the working day that is nearest to a day of a month, within that month."""
    day = month.replace(day=number)
    if day.weekday() == calendar.SATURDAY:
        return day + timedelta(days=-1 if number > 1 else 2)
    if day.weekday() == calendar.SUNDAY:
        return day + timedelta(days=1 if number < _last_day(day) else -2)
    return day


def read_weekdays(field: str) -> DayRule:
    """Return the rule of days of the week: 1 is Sunday; 6L the last Friday, 6#2 the second. ValueError."""
    if field == "L":
        return lambda day: _weekday(day) == WEEKDAYS["SAT"]
    if found := re.fullmatch(r"(\w+)L", field):
        wanted = _number(found[1], 1, 7, WEEKDAYS)
        return lambda day: _weekday(day) == wanted and day.day > _last_day(day) - 7
    if found := re.fullmatch(r"(\w+)#([1-5])", field):
        wanted, count = _number(found[1], 1, 7, WEEKDAYS), int(found[2])
        return lambda day: _weekday(day) == wanted and (day.day - 1) // 7 + 1 == count
    numbers = read_values(field, first=1, last=7, names=WEEKDAYS)
    return lambda day: _weekday(day) in numbers


def _weekday(day: date) -> int:
    """Return the day of the week as AWS counts: Sunday is 1."""
    return day.isoweekday() % 7 + 1
