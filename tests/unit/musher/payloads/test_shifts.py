"""Which shares of the calls a new version has, and what takes them back."""

from typing import Any

import pytest

from musher.payloads.shifts import LEAST_BAKE_S, Shift, build_error_alarm, build_shift, next_share

PARAMS = {
    "update_policy": "canary",
    "update_share_percent": 20,
    "update_bake_s": 600,
    "max_error_percent": 5,
}


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
    assert Shift(**found) == Shift(shares_percent=shares, bake_s=600, max_error_percent=5.0)


@pytest.mark.parametrize("bake_s", [0, 60, LEAST_BAKE_S])
def test_a_share_lasts_until_its_alarm_can_have_rung(bake_s: int) -> None:
    assert build_shift({**PARAMS, "update_bake_s": bake_s})["bake_s"] == LEAST_BAKE_S


def test_the_share_after_the_last_is_all_calls() -> None:
    assert [next_share([30, 60, 90], after=share) for share in (0, 30, 45, 60, 90)] == [30, 60, 60, 90, None]


def test_the_alarm_counts_the_errors_of_the_new_version_alone() -> None:
    alarm = build_error_alarm(
        function_name="f", alias="live", version="2", max_error_percent=5.0, tags={"musher:run": "0123abcd"}
    )
    share, *counts = alarm.pop("Metrics")
    assert share == {"Id": "share", "Expression": "100 * errors / invocations", "ReturnData": True}
    dimensions: list[Any] = [
        {"Name": "FunctionName", "Value": "f"},
        {"Name": "Resource", "Value": "f:live"},
        {"Name": "ExecutedVersion", "Value": "2"},
    ]
    assert [count["Id"] for count in counts] == ["errors", "invocations"]
    for count in counts:
        assert count["MetricStat"]["Metric"]["Dimensions"] == dimensions
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
