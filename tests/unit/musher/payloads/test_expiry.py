"""What has outlived its time, and what that costs."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from musher.payloads.expiry import Resource, dearest_first, hourly_price, monthly_price, reason_to_remove
from musher.payloads.tags import live_tags, resource_tags
from musher.settings import Settings

NOW = datetime(2026, 1, 2, 12, tzinfo=UTC)
PROJECT, EXPIRES = "musher:project", "musher:expires-at"


def reason(tags: dict[str, str], *, needed: tuple[str, ...] = ()) -> str | None:
    made = Resource(kind="endpoint", name="musher-0123abcd", arn="a", tags=tags)
    return reason_to_remove(made, project="musher", now=NOW, needed=needed)


@pytest.mark.parametrize(("hours", "is_over"), [(23.9, False), (24, True), (100, True)])
def test_what_a_run_makes_goes_once_its_hours_are_over(
    settings: Settings, hours: float, is_over: bool
) -> None:
    tags = resource_tags(settings, slug="0123abcd", started_at=NOW - timedelta(hours=hours))
    assert (reason(tags) is not None) == is_over


def test_what_is_live_stays_until_a_person_gives_it_a_time(settings: Settings) -> None:
    tags = live_tags(settings, slug="0123abcd")
    assert reason(tags) is None
    assert reason({**tags, EXPIRES: "2026-01-01T00:00:00Z"}) == "its time ended 2026-01-01T00:00:00+00:00"


@pytest.mark.parametrize(
    "tags",
    [
        {},
        {EXPIRES: "2020-01-01T00:00:00Z"},
        {PROJECT: "another", EXPIRES: "2020-01-01T00:00:00Z"},
        {PROJECT: "musher"},
        {PROJECT: "musher", EXPIRES: "soon"},
        {PROJECT: "musher", EXPIRES: "2020-01-01T00:00:00"},
    ],
)
def test_nothing_without_the_project_s_tag_and_a_time_goes(tags: dict[str, str]) -> None:
    assert reason(tags) is None


def test_what_others_use_stays() -> None:
    tags = {PROJECT: "musher", EXPIRES: "2020-01-01T00:00:00Z"}
    assert reason(tags) is not None
    assert reason(tags, needed=("musher-0123abcd",)) is None


def test_prices_are_those_noted_or_none() -> None:
    assert hourly_price({"ml.m5.large": 2, "ml.m5.xlarge": 1}) == pytest.approx(0.46)
    assert hourly_price({"ml.m5.large": 2, "ml.new.large": 1}) is None
    assert hourly_price({"m5.xlarge": 1}) == pytest.approx(0.192), "EC2's instances have prices of their own"
    assert hourly_price({}) == 0


def test_the_dearest_come_first_and_a_price_that_is_not_known_before_them() -> None:
    def priced(name: str, price: float | None) -> Resource:
        return Resource(kind="endpoint", name=name, arn=name, tags={}, usd_per_hour=price)

    found = [priced("a", 0.1), priced("b", None), priced("c", 2.0), priced("d", 0.1)]
    assert [one.name for one in sorted(found, key=dearest_first)] == ["b", "c", "a", "d"]
    busy = replace(priced("e", 9.0), is_busy=True)  # its removal waits, and would keep the others waiting
    assert sorted([busy, *found], key=dearest_first)[-1] is busy
    assert [monthly_price(one) for one in found] == [73.0, None, 1460.0, 73.0]
