"""What topics and functions are told, in the shape of AWS's own notifications."""

import json
from datetime import UTC, datetime
from typing import Any

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
