"""Build the PutMetricAlarm requests of the alarms that take an update back.

https://docs.aws.amazon.com/sagemaker/latest/dg/monitoring-cloudwatch.html
"""

from dataclasses import dataclass
from typing import Any

from musher import names
from musher.payloads.autoscaling import scaling_alarms
from musher.payloads.endpoints import VARIANT
from musher.payloads.tags import as_list, live_tags
from musher.settings import Settings

NAMESPACE = "AWS/SageMaker"
PERIOD_S = 60
ERRORS, LATENCY = "errors", "latency"
KINDS = (ERRORS, LATENCY)


def alarm_names(settings: Settings) -> list[str]:
    """Return the names of all alarms that a run may have made for the live endpoint.

    The last are those that scale it, which take no update back.
    """
    watching = [names.live_alarm(settings, what=kind) for kind in KINDS]
    return [*watching, *scaling_alarms(names.live_endpoint(settings))]


@dataclass(frozen=True, kw_only=True)
class Watched:
    """What an alarm is about."""

    name: str
    is_endpoint: bool
    """Else it is a function."""


def find_watched(settings: Settings, *, alarm_name: str) -> Watched | None:
    """Return what an alarm of the project's runs watches; None for an alarm of any other name."""
    name = alarm_name.rpartition("-")[0]
    is_live = name == names.live_endpoint(settings)
    of_endpoint = alarm_names(settings) if is_live else scaling_alarms(name)
    if names.is_endpoint(settings, name=name) and alarm_name in of_endpoint:
        return Watched(name=name, is_endpoint=True)
    if names.is_function(settings, name=name) and alarm_name in names.function_alarms(name):
        return Watched(name=name, is_endpoint=False)
    return None


@dataclass(frozen=True, kw_only=True)
class AlarmLimits:
    """Say from where on the live endpoint does not do its work."""

    max_error_percent: float
    """Of a minute's invocations that end with a 5XX."""
    max_latency_ms: float
    """The 99th percentile of a minute's ModelLatency."""


def build_alarms(settings: Settings, *, slug: str, limits: AlarmLimits) -> list[dict[str, Any]]:
    """Return the requests of both alarms. One bad minute is enough, and a minute without traffic is good."""
    shared = {
        "Namespace": NAMESPACE,
        "Dimensions": [
            {"Name": "EndpointName", "Value": names.live_endpoint(settings)},
            {"Name": "VariantName", "Value": VARIANT},
        ],
        "Period": PERIOD_S,
        "EvaluationPeriods": 1,
        "DatapointsToAlarm": 1,
        "ComparisonOperator": "GreaterThanThreshold",
        "TreatMissingData": "notBreaching",
        "Tags": as_list(live_tags(settings, slug=slug)),
    }
    return [
        {
            **shared,
            "AlarmName": names.live_alarm(settings, what=ERRORS),
            "AlarmDescription": "Share of the live endpoint's answers that are 5XX.",
            "MetricName": "Invocation5XXErrors",
            "Statistic": "Average",
            "Threshold": limits.max_error_percent / 100,
        },
        {
            **shared,
            "AlarmName": names.live_alarm(settings, what=LATENCY),
            "AlarmDescription": "99th percentile of the live endpoint's ModelLatency, in microseconds.",
            "MetricName": "ModelLatency",
            "ExtendedStatistic": "p99",
            "Threshold": limits.max_latency_ms * 1000,
        },
    ]
