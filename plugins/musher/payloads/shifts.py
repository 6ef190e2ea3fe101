"""Tell how an alias's calls go over to another version, and build the alarm that takes them back.

https://docs.aws.amazon.com/lambda/latest/dg/configuring-alias-routing.html
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from musher import names
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

    Without shares it gets all at once. Each share lasts `bake_s` seconds, under an alarm that rings where
    more than `max_error_percent` of a minute's calls of the new version fail.
    """

    shares_percent: Sequence[int]
    bake_s: int
    max_error_percent: float


def build_shift(params: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the Params ask for as the members of a Shift, which travel between tasks."""
    shift = Shift(
        shares_percent=plan_shares(params["update_policy"], percent=int(params["update_share_percent"])),
        bake_s=max(int(params["update_bake_s"]), LEAST_BAKE_S),
        max_error_percent=float(params["max_error_percent"]),
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


def build_error_alarm(
    *, function_name: str, alias: str, version: str, max_error_percent: float, tags: Mapping[str, str]
) -> dict[str, Any]:
    """Return PutMetricAlarm's request. One bad minute is enough, and a minute without calls is good.

    The share is computed as AWS's page says, as it promises no `Errors` of 0:
    https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
    """
    dimensions = {"FunctionName": function_name, "Resource": f"{function_name}:{alias}", VERSION: version}
    share = {"Id": "share", "Expression": "100 * errors / invocations", "ReturnData": True}
    return {
        "AlarmName": names.function_alarm(function_name),
        "AlarmDescription": f"Percentage of the calls of version {version} by alias {alias} that fail.",
        "Metrics": [share, *(_count(name, dimensions) for name in ("Errors", "Invocations"))],
        "EvaluationPeriods": 1,
        "DatapointsToAlarm": 1,
        "ComparisonOperator": "GreaterThanThreshold",
        "Threshold": max_error_percent,
        "TreatMissingData": "notBreaching",
        "Tags": as_list(dict(tags)),
    }


def _count(name: str, dimensions: Mapping[str, str]) -> dict[str, Any]:
    metric = {
        "Namespace": NAMESPACE,
        "MetricName": name,
        "Dimensions": [{"Name": key, "Value": value} for key, value in dimensions.items()],
    }
    stat = {"Metric": metric, "Period": PERIOD_S, "Stat": "Sum"}
    return {"Id": name.lower(), "MetricStat": stat, "ReturnData": False}
