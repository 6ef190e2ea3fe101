"""Reasons as accounts show them (public dumps of DescribeAlarms and of notifications)."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from localaws.cloudwatch.alarms.evaluation import Datapoint, evaluate
from localaws.cloudwatch.alarms.spec import AlarmSpec, read_spec
from localaws.cloudwatch.alarms.wording import state_reason, state_reason_data, timestamp

START_S = int(datetime(2022, 11, 8, 2, 20, tzinfo=UTC).timestamp())
NOW = datetime(2022, 11, 8, 2, 51, 18, 729_000, tzinfo=UTC)


def spec_with(**members: Any) -> AlarmSpec:
    """Return an alarm on a metric."""
    request = {
        "AlarmName": "a",
        "Namespace": "n",
        "MetricName": "m",
        "Statistic": "Average",
        "Period": 600,
        "EvaluationPeriods": 1,
        "Threshold": 10.7,
        "ComparisonOperator": "GreaterThanThreshold",
    }
    return read_spec(request | members)


def reason_for(values: list[float | None], **members: Any) -> tuple[str, str]:
    """Return the state and the reason that values lead to."""
    spec = spec_with(**members)
    points = [Datapoint(start_s=START_S + 600 * i, value=value) for i, value in enumerate(values)]
    verdict = evaluate(points, spec.rule)
    assert verdict.state is not None
    return verdict.state, state_reason(verdict, state=verdict.state, spec=spec)


@pytest.mark.parametrize(
    ("values", "members", "state", "reason"),
    [
        pytest.param(
            [None, None, 99.5],
            {},
            "ALARM",
            "Threshold Crossed: 1 datapoint [99.5 (08/11/22 02:40:00)] was greater than the threshold "
            "(10.7).",
            id="one datapoint",
        ),
        pytest.param(
            [2.0, 3.0, 1.0],
            {"Threshold": 0, "EvaluationPeriods": 3},
            "ALARM",
            "Threshold Crossed: 3 datapoints [1.0 (08/11/22 02:40:00), 3.0 (08/11/22 02:30:00), 2.0 "
            "(08/11/22 02:20:00)] were greater than the threshold (0.0).",
            id="the newest first",
        ),
        pytest.param(
            [0.0],
            {"ComparisonOperator": "GreaterThanOrEqualToThreshold", "Threshold": 1},
            "OK",
            "Threshold Crossed: 1 datapoint [0.0 (08/11/22 02:20:00)] was not greater than or equal to the "
            "threshold (1.0).",
            id="OK",
        ),
        pytest.param(
            [1.0, 10.791661891275925, 10.708333333333332, 2.0],
            {"EvaluationPeriods": 4, "DatapointsToAlarm": 2},
            "ALARM",
            "Threshold Crossed: 2 out of the last 4 datapoints [10.708333333333332 (08/11/22 02:40:00), "
            "10.791661891275925 (08/11/22 02:30:00)] were greater than the threshold (10.7) (minimum 2 "
            "datapoints for OK -> ALARM transition).",
            id="M of N",
        ),
        pytest.param(
            [0.5],
            {"DatapointsToAlarm": 1},
            "OK",
            "Threshold Crossed: 1 out of the last 1 datapoints [0.5 (08/11/22 02:20:00)] was not greater "
            "than the threshold (10.7) (minimum 1 datapoint for ALARM -> OK transition).",
            id="M of N, back to OK",
        ),
        pytest.param(
            [None, None, None],
            {"TreatMissingData": "notBreaching"},
            "OK",
            "Threshold Crossed: no datapoints were received for 1 period and 1 missing datapoint was treated "
            "as [NonBreaching].",
            id="nothing came, and that is good",
        ),
        pytest.param(
            [None] * 4,
            {"TreatMissingData": "breaching", "EvaluationPeriods": 2},
            "ALARM",
            "Threshold Crossed: no datapoints were received for 2 periods and 2 missing datapoints were "
            "treated as [Breaching].",
            id="nothing came, and that is bad",
        ),
        pytest.param(
            [None, 1.0, None],
            {
                "TreatMissingData": "breaching",
                "EvaluationPeriods": 2,
                "Threshold": 1,
                "ComparisonOperator": "LessThanThreshold",
            },
            "OK",
            "Threshold Crossed: 1 datapoint [1.0 (08/11/22 02:30:00)] was not less than the threshold (1.0) "
            "and 1 missing datapoint was treated as [Breaching].",
            id="some came",
        ),
        pytest.param(
            [None] * 3, {}, "INSUFFICIENT_DATA", "Insufficient Data: 1 datapoint was unknown.", id="1"
        ),
        pytest.param(
            [None] * 7,
            {"EvaluationPeriods": 5},
            "INSUFFICIENT_DATA",
            "Insufficient Data: 5 datapoints were unknown.",
            id="5",
        ),
    ],
)
def test_the_reason_for_a_state(
    values: list[float | None], members: dict[str, Any], state: str, reason: str
) -> None:
    assert reason_for(values, **members) == (state, reason)


def test_the_data_behind_a_reason() -> None:
    spec = spec_with(EvaluationPeriods=2, Unit="Count")
    points = [
        Datapoint(start_s=START_S, value=20.0, sample_count=2.0),
        Datapoint(start_s=START_S + 600, value=30.0, sample_count=1.0),
    ]
    data = json.loads(state_reason_data(evaluate(points, spec.rule), spec=spec, now=NOW))
    assert data == {
        "version": "1.0",
        "queryDate": "2022-11-08T02:51:18.729+0000",
        "startDate": "2022-11-08T02:20:00.000+0000",
        "unit": "Count",
        "statistic": "Average",
        "period": 600,
        "recentDatapoints": [20.0, 30.0],
        "threshold": 10.7,
        "evaluatedDatapoints": [
            {"timestamp": "2022-11-08T02:30:00.000+0000", "sampleCount": 1.0, "value": 30.0},
            {"timestamp": "2022-11-08T02:20:00.000+0000", "sampleCount": 2.0, "value": 20.0},
        ],
    }
    assert timestamp(NOW) == "2022-11-08T02:51:18.729+0000"
