"""Which shares of the calls a new version has, and what takes them back."""

from dataclasses import replace
from typing import Any

import pytest

from musher.payloads.canary import Sighting, build_data
from musher.payloads.shifts import LEAST_BAKE_S, Shift, Watched, build_shift, build_watch, next_share

PARAMS = {
    "update_policy": "canary",
    "update_share_percent": 20,
    "update_bake_s": 600,
    "max_error_percent": 5,
    "function_max_p99_ms": 900,
}
SHIFT = Shift(shares_percent=[20], bake_s=600, max_error_percent=5.0, max_p99_ms=900.0)
WATCHED = Watched(
    project="dogs", function_name="f", alias="live", version="2", tags={"musher:run": "0123abcd"}
)
OWN: list[Any] = [
    {"Name": "FunctionName", "Value": "f"},
    {"Name": "Resource", "Value": "f:live"},
    {"Name": "ExecutedVersion", "Value": "2"},
]


@pytest.mark.parametrize(
    ("policy", "percent", "shares"),
    [
        ("all_at_once", 50, []),
        ("canary", 20, [20]),
        ("linear", 30, [30, 60, 90]),
        ("linear", 50, [50]),
        ("rolling", 25, [25, 50, 75]),
    ],
)
def test_shares_are_those_of_the_endpoint_s_update(policy: str, percent: int, shares: list[int]) -> None:
    found = build_shift({**PARAMS, "update_policy": policy, "update_share_percent": percent})
    assert Shift(**found) == replace(SHIFT, shares_percent=shares)


@pytest.mark.parametrize("bake_s", [0, 60, LEAST_BAKE_S])
def test_a_share_lasts_until_its_alarm_can_have_rung(bake_s: int) -> None:
    assert build_shift({**PARAMS, "update_bake_s": bake_s})["bake_s"] == LEAST_BAKE_S


def test_the_share_after_the_last_is_all_calls() -> None:
    assert [next_share([30, 60, 90], after=share) for share in (0, 30, 45, 60, 90)] == [30, 60, 60, 90, None]


def test_the_alarm_counts_the_errors_of_the_new_version_alone() -> None:
    alarm, _, _ = build_watch(WATCHED, SHIFT)
    share, *counts = alarm.pop("Metrics")
    assert share == {"Id": "share", "Expression": "100 * errors / invocations", "ReturnData": True}
    assert [count["Id"] for count in counts] == ["errors", "invocations"]
    for count in counts:
        assert count["MetricStat"]["Metric"]["Dimensions"] == OWN
        assert (count["MetricStat"]["Stat"], count["ReturnData"]) == ("Sum", False)
    assert alarm == {
        "AlarmName": "f-errors",
        "AlarmDescription": "Percentage of the calls of version 2 by alias live that fail.",
        "EvaluationPeriods": 1,
        "DatapointsToAlarm": 1,
        "ComparisonOperator": "GreaterThanThreshold",
        "Threshold": 5.0,
        "TreatMissingData": "notBreaching",
        "Tags": [{"Key": "musher:run", "Value": "0123abcd"}],
    }


def test_the_others_watch_its_duration_and_what_its_test_sees() -> None:
    errors, duration, seen = build_watch(WATCHED, SHIFT)
    assert {alarm["TreatMissingData"] for alarm in (errors, duration, seen)} == {"notBreaching"}
    assert duration["AlarmName"] == "f-duration"
    assert (duration["Namespace"], duration["MetricName"]) == ("AWS/Lambda", "Duration")
    assert (duration["ExtendedStatistic"], duration["Threshold"], duration["Dimensions"]) == ("p99", 900, OWN)
    assert duration["ComparisonOperator"] == "GreaterThanThreshold"
    assert seen["AlarmName"] == "f-canary"
    assert (seen["Namespace"], seen["MetricName"]) == ("Musher", "CanarySuccess")
    assert (seen["Statistic"], seen["Threshold"]) == ("Minimum", 1)
    assert seen["ComparisonOperator"] == "LessThanThreshold"
    assert seen["Dimensions"] == [
        {"Name": "Project", "Value": "dogs"},
        {"Name": "Alias", "Value": "live"},
        {"Name": "Version", "Value": "2"},
    ]


def test_what_is_watched_is_what_the_test_publishes() -> None:
    _, _, seen = build_watch(WATCHED, SHIFT)
    data = build_data(Sighting(is_good=True, version="2"), project="dogs", alias="live")
    assert seen["Dimensions"] in [item["Dimensions"] for item in data]
