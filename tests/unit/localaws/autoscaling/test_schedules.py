"""Schedules of Application Auto Scaling: at, rate and cron with six fields."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from localaws.autoscaling.cron import Cron, nearest_working_day, parse_cron, read_values
from localaws.autoscaling.schedules import parse_schedule

START = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
"""A Thursday."""


def following(expression: str, *, zone: str = "UTC", count: int = 3, after: datetime = START) -> list[str]:
    """Return the next times of a schedule, in UTC."""
    schedule = parse_schedule(expression, zone=ZoneInfo(zone), start=START)
    found: list[str] = []
    moment: datetime | None = after
    while moment is not None and len(found) < count:
        moment = schedule.next_after(moment)
        if moment is not None:
            found.append(f"{moment:%Y-%m-%d %H:%M}")
    return found


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("cron(0 10 * * ? *)", ["2026-01-02 10:00", "2026-01-03 10:00", "2026-01-04 10:00"]),
        ("cron(0/15 * * * ? *)", ["2026-01-01 12:15", "2026-01-01 12:30", "2026-01-01 12:45"]),
        ("cron(*/20 12 * * ? *)", ["2026-01-01 12:20", "2026-01-01 12:40", "2026-01-02 12:00"]),
        ("cron(15 12 * * ? *)", ["2026-01-01 12:15", "2026-01-02 12:15", "2026-01-03 12:15"]),
        ("cron(0 18 ? * MON-FRI *)", ["2026-01-01 18:00", "2026-01-02 18:00", "2026-01-05 18:00"]),
        ("cron(0 8 ? * 2 *)", ["2026-01-05 08:00", "2026-01-12 08:00", "2026-01-19 08:00"]),
        ("cron(0 8 1 * ? *)", ["2026-02-01 08:00", "2026-03-01 08:00", "2026-04-01 08:00"]),
        ("cron(0 8 L * ? *)", ["2026-01-31 08:00", "2026-02-28 08:00", "2026-03-31 08:00"]),
        ("cron(0 8 31 * ? *)", ["2026-01-31 08:00", "2026-03-31 08:00", "2026-05-31 08:00"]),
        ("cron(0 8 1W * ? *)", ["2026-02-02 08:00", "2026-03-02 08:00", "2026-04-01 08:00"]),
        ("cron(0 8 LW * ? *)", ["2026-01-30 08:00", "2026-02-27 08:00", "2026-03-31 08:00"]),
        ("cron(0 9 ? * 2#1 *)", ["2026-01-05 09:00", "2026-02-02 09:00", "2026-03-02 09:00"]),
        ("cron(0 9 ? * FRIL *)", ["2026-01-30 09:00", "2026-02-27 09:00", "2026-03-27 09:00"]),
        ("cron(0 9 ? * L *)", ["2026-01-03 09:00", "2026-01-10 09:00", "2026-01-17 09:00"]),
        ("cron(0 0 29 2 ? *)", ["2028-02-29 00:00", "2032-02-29 00:00", "2036-02-29 00:00"]),
        ("cron(30 6 1 JAN,jul ? 2026-2027)", ["2026-07-01 06:30", "2027-01-01 06:30", "2027-07-01 06:30"]),
        ("cron(0 0 1 1 ? 2026)", []),
        ("cron(0 0 31 2 ? *)", []),
        ("rate(1 minute)", ["2026-01-01 12:01", "2026-01-01 12:02", "2026-01-01 12:03"]),
        ("rate(2 hours)", ["2026-01-01 14:00", "2026-01-01 16:00", "2026-01-01 18:00"]),
        ("rate(7 days)", ["2026-01-08 12:00", "2026-01-15 12:00", "2026-01-22 12:00"]),
        ("at(2026-01-01T13:30:00)", ["2026-01-01 13:30"]),
        ("at(2025-12-31T13:30:00)", []),
    ],
)
def test_the_next_three_times(expression: str, expected: list[str]) -> None:
    assert following(expression) == expected


@pytest.mark.parametrize(
    ("expression", "zone", "expected"),
    [
        ("at(2026-07-01T12:00:00)", "Europe/Berlin", ["2026-07-01 10:00"]),
        ("cron(0 9 ? * MON *)", "America/New_York", ["2026-01-05 14:00", "2026-01-12 14:00"]),
        ("cron(0 9 29 3 ? 2026)", "Europe/Berlin", ["2026-03-29 07:00"]),
    ],
)
def test_a_time_zone_counts_with_its_summer(expression: str, zone: str, expected: list[str]) -> None:
    assert following(expression, zone=zone, count=2) == expected


def test_an_hour_that_comes_twice_counts_once() -> None:
    after = datetime(2026, 10, 24, 12, 0, tzinfo=UTC)
    found = following("cron(30 2 * * ? *)", zone="Europe/Berlin", count=2, after=after)
    assert found == ["2026-10-25 00:30", "2026-10-26 01:30"]


def test_rates_are_counted_from_their_start_also_before_it() -> None:
    schedule = parse_schedule("rate(10 minutes)", zone=ZoneInfo("UTC"), start=START)
    assert schedule.next_after(START - timedelta(days=1)) == START + timedelta(minutes=10)
    assert schedule.next_after(START + timedelta(minutes=25)) == START + timedelta(minutes=30)


@pytest.mark.parametrize(
    "expression",
    [
        "every day",
        "rate(0 minutes)",
        "rate(1 fortnight)",
        "rate(1.5 hours)",
        "at(tomorrow)",
        "at(2026-13-01T00:00:00)",
        "cron(0 10 * * *)",
        "cron(0 10 * * * *)",
        "cron(0 10 ? * ? *)",
        "cron(60 10 * * ? *)",
        "cron(0 24 * * ? *)",
        "cron(0 10 0 * ? *)",
        "cron(0 10 ? * 8 *)",
        "cron(0 10 ? * FOO *)",
        "cron(5-1 10 * * ? *)",
        "cron(0/0 10 * * ? *)",
        "cron(0/x 10 * * ? *)",
        "cron(0 10 * 13 ? *)",
        "cron(0 10 * * ? 1969)",
        "cron(0 10 32W * ? *)",
        "cron(0 10 ? * 2#6 *)",
        "cron(, 10 * * ? *)",
        "cron(-1 10 * * ? *)",
        "cron(\u0663 10 * * ? *)",
    ],
)
def test_what_is_no_schedule_is_refused(expression: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse_schedule(expression, zone=ZoneInfo("UTC"), start=START)


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("*", {0, 1, 2, 3, 4, 5}),
        ("0/2", {0, 2, 4}),
        ("1-4/2", {1, 3}),
        ("5,1-2", {1, 2, 5}),
        ("3", {3}),
    ],
)
def test_fields_are_lists_of_ranges_and_increments(field: str, expected: set[int]) -> None:
    assert read_values(field, first=0, last=5) == expected


@pytest.mark.parametrize(
    ("month", "number", "expected"),
    [
        (date(2026, 8, 1), 1, 3),
        (date(2026, 1, 1), 31, 30),
        (date(2026, 5, 1), 31, 29),
        (date(2026, 2, 1), 1, 2),
    ],
)
def test_the_nearest_working_day_stays_in_its_month(month: date, number: int, expected: int) -> None:
    assert nearest_working_day(month, number) == month.replace(day=expected)


def test_a_search_ends_where_no_day_fits() -> None:
    assert parse_cron("0 0 30 2 ? *").next_after(datetime(2026, 1, 1)) is None


@pytest.mark.parametrize(("expression", "searches"), [("31 2,4,6,9,11 ?", 1), ("* * ?", 5)])
def test_a_schedule_that_is_asked_at_each_tick_searches_once_for_each_time(
    monkeypatch: pytest.MonkeyPatch, expression: str, searches: int
) -> None:
    """A cron expression that never comes looks at forty years of days: fifty milliseconds, at each tick."""
    search, asked = Cron.next_after, []

    def count(cron: Cron, moment: datetime) -> datetime | None:
        asked.append(moment)
        return search(cron, moment)

    monkeypatch.setattr(Cron, "next_after", count)
    schedule = parse_schedule(f"cron(0 0 {expression} *)", zone=ZoneInfo("UTC"), start=START)
    for hour in range(100):
        schedule.next_after(START + timedelta(hours=hour))
    assert len(asked) == searches
