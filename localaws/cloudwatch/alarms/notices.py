"""What topics and functions are told of an alarm that has changed its state. Pure."""

import json
from collections.abc import Mapping
from typing import Any

from localaws.cloudwatch.alarms.alarm import StateChange, StateView
from localaws.cloudwatch.alarms.evaluation import MISSING
from localaws.cloudwatch.alarms.wording import timestamp
from localaws.cloudwatch.statistics import SIMPLE

REGION_NAMES: Mapping[str, str] = {
    "us-east-1": "US East (N. Virginia)",
    "us-east-2": "US East (Ohio)",
    "us-west-1": "US West (N. California)",
    "us-west-2": "US West (Oregon)",
    "ca-central-1": "Canada (Central)",
    "eu-central-1": "EU (Frankfurt)",
    "eu-west-1": "EU (Ireland)",
    "eu-west-2": "EU (London)",
    "eu-west-3": "EU (Paris)",
    "eu-north-1": "EU (Stockholm)",
    "ap-northeast-1": "Asia Pacific (Tokyo)",
    "ap-northeast-2": "Asia Pacific (Seoul)",
    "ap-southeast-1": "Asia Pacific (Singapore)",
    "ap-southeast-2": "Asia Pacific (Sydney)",
    "ap-south-1": "Asia Pacific (Mumbai)",
    "sa-east-1": "South America (Sao Paulo)",
}
"""What notifications call a region; others are named as they are."""


def subject(change: StateChange) -> str:
    """Return the subject of a notification."""
    region = REGION_NAMES.get(change.region, change.region)
    return f'{change.now.value}: "{change.spec.name}" in {region}'


def topic_message(change: StateChange) -> str:
    """Return the message that a topic gets."""
    described = change.spec.described()
    return json.dumps(
        {
            "AlarmName": change.spec.name,
            "AlarmDescription": change.spec.request.get("AlarmDescription"),
            "AWSAccountId": change.account_id,
            "AlarmConfigurationUpdatedTimestamp": timestamp(change.configured),
            "NewStateValue": change.now.value,
            "NewStateReason": change.now.reason,
            "StateChangeTime": timestamp(change.now.since),
            "Region": REGION_NAMES.get(change.region, change.region),
            "AlarmArn": change.arn,
            "OldStateValue": change.before.value,
            "OKActions": described["OKActions"],
            "AlarmActions": described["AlarmActions"],
            "InsufficientDataActions": described["InsufficientDataActions"],
            "Trigger": _trigger(change),
        }
    )


def _trigger(change: StateChange) -> dict[str, Any]:
    spec, request = change.spec, change.spec.request
    found: dict[str, Any] = {
        "Period": spec.period_s,
        "EvaluationPeriods": spec.rule.evaluation_periods,
        "DatapointsToAlarm": spec.rule.datapoints_to_alarm,
        "ComparisonOperator": spec.rule.comparison,
        "Threshold": spec.rule.threshold,
        "TreatMissingData": request.get("TreatMissingData") or MISSING,
        "EvaluateLowSampleCountPercentile": request.get("EvaluateLowSampleCountPercentile") or "",
    }
    if spec.metric is None:
        return {"Metrics": list(spec.queries)} | found
    is_simple = spec.statistic in SIMPLE
    statistic = (
        {"StatisticType": "Statistic", "Statistic": STATISTIC_NAMES[spec.statistic]}
        if is_simple
        else {"StatisticType": "ExtendedStatistic", "ExtendedStatistic": spec.statistic}
    )
    dimensions = [{"value": value, "name": name} for name, value in spec.metric.dimensions]
    named = {"MetricName": spec.metric.name, "Namespace": spec.metric.namespace}
    return named | statistic | {"Unit": spec.unit, "Dimensions": dimensions} | found


STATISTIC_NAMES = {name: name.upper() for name in SIMPLE} | {"SampleCount": "SAMPLE_COUNT"}


def function_event(change: StateChange) -> bytes:
    """Return the event that a function gets."""
    event = {
        "source": "aws.cloudwatch",
        "alarmArn": change.arn,
        "accountId": change.account_id,
        "time": timestamp(change.now.since),
        "region": change.region,
        "alarmData": {
            "alarmName": change.spec.name,
            "state": _state(change.now),
            "previousState": _state(change.before),
            "configuration": _configuration(change),
        },
    }
    return json.dumps(event).encode()


def _state(state: StateView) -> dict[str, str]:
    found = {"value": state.value, "reason": state.reason, "timestamp": timestamp(state.since)}
    return found | ({"reasonData": state.reason_data} if state.reason_data else {})


def _configuration(change: StateChange) -> dict[str, Any]:
    spec = change.spec
    text = spec.request.get("AlarmDescription")
    described = {"description": text} if text else {}
    if spec.metric is None:
        return described | {"metrics": [_event_query(query) for query in spec.queries]}
    metric = {
        "namespace": spec.metric.namespace,
        "name": spec.metric.name,
        "dimensions": dict(spec.metric.dimensions),
    }
    stat = {"metric": metric, "period": spec.period_s, "stat": spec.statistic}
    return described | {"metrics": [{"id": "m1", "metricStat": stat, "returnData": True}]}


def _event_query(query: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {"id": query["Id"], "returnData": query.get("ReturnData") is not False}
    if "Expression" in query:
        return found | {"expression": query["Expression"]}
    wanted, metric = query["MetricStat"], query["MetricStat"]["Metric"]
    dimensions = {item["Name"]: item["Value"] for item in metric.get("Dimensions") or ()}
    named = {"namespace": metric["Namespace"], "name": metric["MetricName"], "dimensions": dimensions}
    return found | {"metricStat": {"metric": named, "period": wanted["Period"], "stat": wanted["Stat"]}}
