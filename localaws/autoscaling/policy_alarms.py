"""The two alarms that a target tracking policy makes. Pure.

Names, thresholds and periods are those that accounts show
(https://docs.aws.amazon.com/autoscaling/application/userguide/target-tracking-scaling-policy-overview.html
describes them without figures).
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from localaws.autoscaling import wording
from localaws.autoscaling.spec import INSTANCE_COUNT, PROVISIONED_CONCURRENCY, Place

PERIOD_S = 60
OUT_PERIODS = 3
IN_AFTER_S = 900
"""Seconds for which a metric is below the threshold before a policy scales in, whatever the period."""
LOW_SHARE = 0.9
"""Share of the target below which a policy scales in."""


@dataclass(frozen=True, kw_only=True)
class Predefined:
    """A metric that a policy names by a word."""

    namespace: str
    name: str
    statistic: str
    period_s: int = PERIOD_S


PREDEFINED: Mapping[str, Mapping[str, Predefined]] = {
    INSTANCE_COUNT: {
        "SageMakerVariantInvocationsPerInstance": Predefined(
            namespace="AWS/SageMaker", name="InvocationsPerInstance", statistic="Sum"
        ),
        "SageMakerVariantConcurrentRequestsPerModelHighResolution": Predefined(
            namespace="AWS/SageMaker", name="ConcurrentRequestsPerModel", statistic="Maximum", period_s=10
        ),
    },
    PROVISIONED_CONCURRENCY: {
        "LambdaProvisionedConcurrencyUtilization": Predefined(
            namespace="AWS/Lambda", name="ProvisionedConcurrencyUtilization", statistic="Average"
        ),
    },
}
"""By dimension and PredefinedMetricType."""


def alarm_requests(config: Mapping[str, Any], *, place: Place, policy_arn: str) -> list[dict[str, Any]]:
    """Return the PutMetricAlarm requests of a policy: the high one, and the low one if any."""
    watched, period_s = _watched(config, place)
    target = float(config["TargetValue"])
    common = {
        "AlarmDescription": wording.describe_alarm(policy_arn),
        "ActionsEnabled": True,
        "AlarmActions": [f"{policy_arn}:createdBy/{uuid.uuid4()}"],
        **watched,
    }
    high = {
        "AlarmName": _name(place, "High"),
        "ComparisonOperator": "GreaterThanThreshold",
        "Threshold": target,
        "EvaluationPeriods": OUT_PERIODS,
    }
    low = {
        "AlarmName": _name(place, "Low"),
        "ComparisonOperator": "LessThanThreshold",
        "Threshold": round(target * LOW_SHARE, 12),
        "EvaluationPeriods": IN_AFTER_S // period_s,
    }
    return [common | high] if config.get("DisableScaleIn") else [common | high, common | low]


def _name(place: Place, which: str) -> str:
    return f"TargetTracking-{place.resource_id}-Alarm{which}-{uuid.uuid4()}"


def _watched(config: Mapping[str, Any], place: Place) -> tuple[dict[str, Any], int]:
    """Return the members of PutMetricAlarm that say what is watched, and its period in seconds."""
    custom = config.get("CustomizedMetricSpecification")
    if custom is None:
        kind = config["PredefinedMetricSpecification"]["PredefinedMetricType"]
        metric = PREDEFINED[place.dimension][kind]
        return {
            "Namespace": metric.namespace,
            "MetricName": metric.name,
            "Statistic": metric.statistic,
            "Dimensions": dimensions_of(place),
            "Period": metric.period_s,
        }, metric.period_s
    if custom.get("Metrics"):
        return {"Metrics": [_with_period(query) for query in custom["Metrics"]]}, PERIOD_S
    members = ("Namespace", "MetricName", "Statistic", "Unit", "Dimensions")
    given = {name: custom[name] for name in members if custom.get(name) is not None}
    return {"Dimensions": [], **given, "Period": PERIOD_S}, PERIOD_S


def _with_period(query: Mapping[str, Any]) -> dict[str, Any]:
    if "MetricStat" not in query:
        return dict(query)
    return {**query, "MetricStat": {**query["MetricStat"], "Period": PERIOD_S}}


def dimensions_of(place: Place) -> list[dict[str, str]]:
    """Return the dimensions of a place's own metrics."""
    if place.dimension == INSTANCE_COUNT:
        _, endpoint, _, variant = place.resource_id.split("/")
        names = {"EndpointName": endpoint, "VariantName": variant}
    else:
        _, function, qualifier = place.resource_id.split(":")
        names = {"FunctionName": function, "Resource": f"{function}:{qualifier}"}
    return [{"Name": name, "Value": value} for name, value in names.items()]
