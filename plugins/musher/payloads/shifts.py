"""Tell how an alias's calls go over to another version, and build the alarms that take them back.

https://docs.aws.amazon.com/lambda/latest/dg/configuring-alias-routing.html
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from musher import names
from musher.payloads import canary
from musher.payloads.choices import ALL_AT_ONCE, CANARY
from musher.payloads.tags import as_list

NAMESPACE = "AWS/Lambda"
PERIOD_S = 60
VERSION = "ExecutedVersion"
"""The dimension that tells the versions of an alias apart."""

LEAST_BAKE_S = 180
"""An alarm looks at whole minutes, once a minute, and Lambda's metrics arrive up to a minute late: what fails
from the first second on may ring only after so long."""


@dataclass(frozen=True, kw_only=True)
class Shift:
    """Say which shares of the calls (percent, rising) a new version gets one after the other, before all.

    Without shares it gets all at once. Each share lasts `bake_s` seconds, under three alarms on the new
    version. They ring where more than `max_error_percent` of a minute's calls fail, where the 99th percentile
    of a minute's durations is over `max_p99_ms`, and where the live function's test meets a bad answer.
    """

    shares_percent: Sequence[int]
    bake_s: int
    max_error_percent: float
    max_p99_ms: float


def build_shift(params: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the Params ask for as the members of a Shift, which travel between tasks."""
    shift = Shift(
        shares_percent=plan_shares(params["update_policy"], percent=int(params["update_share_percent"])),
        bake_s=max(int(params["update_bake_s"]), LEAST_BAKE_S),
        max_error_percent=float(params["max_error_percent"]),
        max_p99_ms=float(params["function_max_p99_ms"]),
    )
    return asdict(shift)


def plan_shares(policy: str, *, percent: int) -> list[int]:
    """Return the shares: none, one, or one for each step; a function has no batches, so rolling is linear."""
    if policy == ALL_AT_ONCE:
        return []
    return [percent] if policy == CANARY else list(range(percent, 100, percent))


def next_share(shares_percent: Sequence[int], *, after: int) -> int | None:
    """Return the share that follows one; None where that is all calls."""
    return next((share for share in shares_percent if share > after), None)


@dataclass(frozen=True, kw_only=True)
class Watched:
    """Say which version is watched while it shares the calls of an alias."""

    project: str
    function_name: str
    alias: str
    version: str
    tags: Mapping[str, str]

    @property
    def dimensions(self) -> list[dict[str, str]]:
        """Return the dimensions of Lambda's own metrics of the version."""
        resource = f"{self.function_name}:{self.alias}"
        return as_dimensions(
            {"FunctionName": self.function_name, "Resource": resource, VERSION: self.version}
        )


def build_watch(watched: Watched, shift: Shift) -> list[dict[str, Any]]:
    """Return PutMetricAlarm's requests. One bad minute is enough, and a minute without calls is good."""
    errors, duration, seen = names.function_alarms(watched.function_name)
    said = f"of version {watched.version} by alias {watched.alias}"
    shared = {
        "EvaluationPeriods": 1,
        "DatapointsToAlarm": 1,
        "TreatMissingData": "notBreaching",
        "Tags": as_list(dict(watched.tags)),
    }
    above = {**shared, "ComparisonOperator": "GreaterThanThreshold"}
    return [
        {
            "AlarmName": errors,
            "AlarmDescription": f"Percentage of the calls {said} that fail.",
            "Metrics": _error_share(watched.dimensions),
            "Threshold": shift.max_error_percent,
            **above,
        },
        {
            "AlarmName": duration,
            "AlarmDescription": f"99th percentile of the durations {said}, in milliseconds.",
            "Namespace": NAMESPACE,
            "MetricName": "Duration",
            "Dimensions": watched.dimensions,
            "Period": PERIOD_S,
            "ExtendedStatistic": "p99",
            "Threshold": shift.max_p99_ms,
            **above,
        },
        {
            "AlarmName": seen,
            "AlarmDescription": f"Whether all answers {said} to the test are good.",
            "Namespace": canary.NAMESPACE,
            "MetricName": canary.SUCCESS,
            "Dimensions": as_dimensions(
                {
                    canary.PROJECT: watched.project,
                    canary.ALIAS: watched.alias,
                    canary.VERSION: watched.version,
                }
            ),
            "Period": PERIOD_S,
            "Statistic": "Minimum",
            "Threshold": 1.0,
            "ComparisonOperator": "LessThanThreshold",
            **shared,
        },
    ]


def as_dimensions(members: Mapping[str, str]) -> list[dict[str, str]]:
    """Return dimensions as CloudWatch takes them."""
    return [{"Name": key, "Value": value} for key, value in members.items()]


def _error_share(dimensions: Sequence[Mapping[str, str]]) -> list[dict[str, Any]]:
    """Return the share of calls that fail, computed as AWS's page says: it promises no `Errors` of 0.

    https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
    """
    share = {"Id": "share", "Expression": "100 * errors / invocations", "ReturnData": True}
    return [share, *(_count(name, dimensions) for name in ("Errors", "Invocations"))]


def _count(name: str, dimensions: Sequence[Mapping[str, str]]) -> dict[str, Any]:
    metric = {"Namespace": NAMESPACE, "MetricName": name, "Dimensions": list(dimensions)}
    stat = {"Metric": metric, "Period": PERIOD_S, "Stat": "Sum"}
    return {"Id": name.lower(), "MetricStat": stat, "ReturnData": False}
