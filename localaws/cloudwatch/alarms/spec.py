"""What an alarm watches, and what it does; taken from PutMetricAlarm."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from localaws.cloudwatch.alarms.evaluation import MISSING, Rule
from localaws.cloudwatch.alarms.states import ALARM, INSUFFICIENT_DATA, OK
from localaws.cloudwatch.spec import MetricKey, requested_key

ACTION_MEMBERS = {OK: "OKActions", ALARM: "AlarmActions", INSUFFICIENT_DATA: "InsufficientDataActions"}
WATCHED_MEMBERS = (
    "AlarmDescription",
    "MetricName",
    "Namespace",
    "Statistic",
    "ExtendedStatistic",
    "Dimensions",
    "Period",
    "Unit",
    "EvaluationPeriods",
    "DatapointsToAlarm",
    "Threshold",
    "ComparisonOperator",
    "TreatMissingData",
    "EvaluateLowSampleCountPercentile",
    "Metrics",
)
"""Members of PutMetricAlarm that DescribeAlarms gives back as they came."""


@dataclass(frozen=True, kw_only=True)
class AlarmSpec:
    """The configuration of a metric alarm."""

    name: str
    rule: Rule
    period_s: int
    metric: MetricKey | None
    """What it watches; None where `queries` say so."""
    statistic: str = ""
    unit: str | None = None
    queries: Sequence[Mapping[str, Any]] = ()
    """Metric math: one of them returns the data."""
    actions: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """State -> ARNs of what is told or called as the alarm enters it."""
    request: Mapping[str, Any] = field(default_factory=dict)
    """The members of PutMetricAlarm."""

    @property
    def returned_id(self) -> str:
        """The id of the query that returns the data."""
        returning = [query for query in self.queries if query.get("ReturnData") is not False]
        return str(returning[0]["Id"])

    def described(self) -> dict[str, Any]:
        """Return the configuration as DescribeAlarms answers it."""
        kept = {name: self.request[name] for name in WATCHED_MEMBERS if self.request.get(name) is not None}
        actions = {member: list(self.actions.get(state, ())) for state, member in ACTION_MEMBERS.items()}
        return {"Dimensions": []} | kept | actions


def read_spec(request: Mapping[str, Any]) -> AlarmSpec:
    """Return what a checked PutMetricAlarm asks for."""
    queries = request.get("Metrics") or ()
    periods = [query["MetricStat"]["Period"] for query in queries if "MetricStat" in query]
    periods += [query["Period"] for query in queries if query.get("Period")]
    count = request["EvaluationPeriods"]
    return AlarmSpec(
        name=request["AlarmName"],
        rule=Rule(
            comparison=request["ComparisonOperator"],
            threshold=float(request["Threshold"]),
            evaluation_periods=count,
            datapoints_to_alarm=request.get("DatapointsToAlarm") or count,
            treat_missing=request.get("TreatMissingData") or MISSING,
        ),
        period_s=max(periods) if queries else request["Period"],
        metric=None
        if queries
        else requested_key(request["Namespace"], request["MetricName"], request.get("Dimensions")),
        statistic=request.get("Statistic") or request.get("ExtendedStatistic") or "",
        unit=request.get("Unit"),
        queries=tuple(queries),
        actions={state: tuple(request.get(member) or ()) for state, member in ACTION_MEMBERS.items()},
        request=dict(request),
    )
