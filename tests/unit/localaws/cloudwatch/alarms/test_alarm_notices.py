"""What topics and functions are told, in the shape of AWS's own notifications."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from localaws.cloudwatch.alarms import notices
from localaws.cloudwatch.alarms.alarm import StateChange, StateView, new_alarm
from localaws.cloudwatch.alarms.spec import read_spec

NOW = datetime(2026, 3, 12, 14, 36, 48, 821_000, tzinfo=UTC)
METRIC = {
    "Namespace": "AWS/SageMaker",
    "MetricName": "ModelLatency",
    "Dimensions": [{"Name": "EndpointName", "Value": "e"}],
}


def change_of(**members: Any) -> StateChange:
    """Return a change to ALARM of an alarm in Ohio."""
    request = {
        "AlarmName": "slow",
        "AlarmDescription": "the model is slow",
        "EvaluationPeriods": 2,
        "Threshold": 10.0,
        "ComparisonOperator": "GreaterThanThreshold",
    } | members
    alarm = new_alarm(read_spec(request), account_id="123456789012", region="us-east-2", now=NOW)
    state = StateView(value="ALARM", reason="Threshold Crossed", reason_data="{}", since=NOW)
    change = alarm.enter(state, is_by_hand=False)
    assert change is not None
    return change


def test_a_topic_is_told_of_the_metric_and_the_rule() -> None:
    change = change_of(**METRIC, Period=60, ExtendedStatistic="p99", Unit="Microseconds")
    told = json.loads(notices.topic_message(change))
    assert notices.subject(change) == 'ALARM: "slow" in US East (Ohio)'
    assert told["StateChangeTime"] == "2026-03-12T14:36:48.821+0000"
    assert (told["OldStateValue"], told["NewStateValue"]) == ("INSUFFICIENT_DATA", "ALARM")
    assert told["AlarmArn"] == "arn:aws:cloudwatch:us-east-2:123456789012:alarm:slow"
    assert told["Trigger"] == {
        "MetricName": "ModelLatency",
        "Namespace": "AWS/SageMaker",
        "StatisticType": "ExtendedStatistic",
        "ExtendedStatistic": "p99",
        "Unit": "Microseconds",
        "Dimensions": [{"value": "e", "name": "EndpointName"}],
        "Period": 60,
        "EvaluationPeriods": 2,
        "DatapointsToAlarm": 2,
        "ComparisonOperator": "GreaterThanThreshold",
        "Threshold": 10.0,
        "TreatMissingData": "missing",
        "EvaluateLowSampleCountPercentile": "",
    }


def test_a_function_is_told_of_both_states_and_of_the_metric() -> None:
    event = json.loads(notices.function_event(change_of(**METRIC, Period=60, Statistic="Average")))
    alarm = event["alarmData"]
    assert (event["source"], event["region"], alarm["alarmName"]) == ("aws.cloudwatch", "us-east-2", "slow")
    assert alarm["state"]["reasonData"] == "{}"
    assert alarm["previousState"]["value"] == "INSUFFICIENT_DATA"
    assert alarm["configuration"]["description"] == "the model is slow"
    (query,) = alarm["configuration"]["metrics"]
    assert query["metricStat"] == {
        "metric": {
            "namespace": "AWS/SageMaker",
            "name": "ModelLatency",
            "dimensions": {"EndpointName": "e"},
        },
        "period": 60,
        "stat": "Average",
    }


def test_metric_math_is_told_as_its_queries() -> None:
    queries = [
        {"Id": "m1", "MetricStat": {"Metric": METRIC, "Period": 60, "Stat": "Sum"}, "ReturnData": False},
        {"Id": "half", "Expression": "m1 / 2"},
    ]
    change = change_of(Metrics=queries)
    first, second = json.loads(notices.function_event(change))["alarmData"]["configuration"]["metrics"]
    assert (first["metricStat"]["stat"], first["returnData"]) == ("Sum", False)
    assert second == {"id": "half", "returnData": True, "expression": "m1 / 2"}
    assert json.loads(notices.topic_message(change))["Trigger"]["Metrics"] == queries


@pytest.mark.parametrize(
    ("statistic", "told"),
    [
        ("SampleCount", "SAMPLE_COUNT"),
        ("Average", "AVERAGE"),
        ("Sum", "SUM"),
        ("Minimum", "MINIMUM"),
        ("Maximum", "MAXIMUM"),
    ],
)
def test_a_topic_is_told_statistics_in_capitals(statistic: str, told: str) -> None:
    trigger = json.loads(notices.topic_message(change_of(**METRIC, Period=60, Statistic=statistic)))[
        "Trigger"
    ]
    assert (trigger["StatisticType"], trigger["Statistic"]) == ("Statistic", told)
    assert "ExtendedStatistic" not in trigger


def test_a_topic_is_told_all_actions_and_that_there_is_no_description() -> None:
    topic = "arn:aws:sns:us-east-2:123456789012:t"
    members = {"AlarmActions": [topic], "OKActions": [], "AlarmDescription": None}
    told = json.loads(notices.topic_message(change_of(**METRIC, Period=60, Statistic="Sum", **members)))
    assert (told["AlarmActions"], told["OKActions"], told["InsufficientDataActions"]) == ([topic], [], [])
    assert told["AlarmDescription"] is None
    assert (told["AWSAccountId"], told["Region"]) == ("123456789012", "US East (Ohio)")


@pytest.mark.parametrize(
    ("region", "name"), [("eu-central-1", "EU (Frankfurt)"), ("mars-north-1", "mars-north-1")]
)
def test_the_subject_names_the_region(region: str, name: str) -> None:
    change = replace(change_of(**METRIC, Period=60, Statistic="Sum"), region=region)
    assert notices.subject(change) == f'ALARM: "slow" in {name}'


def test_a_state_without_data_has_none_in_the_event() -> None:
    event = json.loads(notices.function_event(change_of(**METRIC, Period=60, Statistic="Sum")))
    assert "reasonData" not in event["alarmData"]["previousState"]
    assert event["time"] == event["alarmData"]["state"]["timestamp"] == "2026-03-12T14:36:48.821+0000"
