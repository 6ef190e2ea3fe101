"""GetMetricStatistics and GetMetricData on a store of metrics.

Sources: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricStatistics.html
and API_GetMetricData.html
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from typing import Any

from moto.cloudwatch.exceptions import ValidationError

from localaws.cloudwatch import expressions, wording
from localaws.cloudwatch.series import Point
from localaws.cloudwatch.spec import MetricKey, requested_key
from localaws.cloudwatch.statistics import is_known
from localaws.cloudwatch.store import MetricStore
from localaws.cloudwatch.validation import align_start, check_dimensions, check_period, check_unit

TOLD_APART_BY = ("Stat", "Period")
"""Members of a MetricStat that its label tells where one request asks for several values of them."""
StoreOf = Callable[[str], MetricStore]
"""Namespace -> the store that has its metrics."""


def moment(second: float) -> datetime:
    """Return a time as answers carry it."""
    return datetime.fromtimestamp(second, UTC)


def datapoint(point: Point, *, statistics: Sequence[str], extended: Sequence[str]) -> dict[str, Any]:
    """Return one datapoint of GetMetricStatistics."""
    found: dict[str, Any] = {"Timestamp": moment(point.start_s), "Unit": point.unit or "None"}
    found |= {name: point.statistic(name) for name in statistics}
    shares = {name: value for name in extended if (value := point.statistic(name)) is not None}
    return found | ({"ExtendedStatistics": shares} if shares else {})


class DataQueries:
    """The queries of one GetMetricData, or of one alarm, over one range of time (epoch seconds)."""

    def __init__(
        self, store_of: StoreOf, queries: Sequence[Mapping[str, Any]], *, start_s: float, end_s: float
    ) -> None:
        self._store_of = store_of
        self._queries = {str(query["Id"]): query for query in queries}
        self._start_s, self._end_s = start_s, end_s
        self._trees = {
            query_id: expressions.parse(query["Expression"])
            for query_id, query in self._queries.items()
            if "Expression" in query
        }

    @cached_property
    def results(self) -> dict[str, dict[int, float]]:
        """The values of each query by its id, and by the second at which their period begins."""
        found: dict[str, dict[int, float]] = {}
        budget = expressions.Budget()
        for query_id in self._in_order():
            tree = self._trees.get(query_id)
            if tree is None:
                found[query_id] = self._read(self._queries[query_id])
            else:
                found[query_id] = expressions.evaluate(tree, found, budget=budget)
        return found

    def _in_order(self) -> tuple[str, ...]:
        """Return the ids, each behind those that its expression reads."""
        reads: dict[str, set[str]] = {query_id: set() for query_id in self._queries}
        for query_id, tree in self._trees.items():
            reads[query_id] = expressions.used_ids(tree)
            if missing := sorted(reads[query_id] - set(self._queries)):
                raise ValidationError(
                    f"Error in expression '{query_id}': metric id '{missing[0]}' is not defined"
                )
        try:
            return tuple(TopologicalSorter(reads).static_order())
        except CycleError as error:
            raise ValidationError(f"Error in expression '{error.args[1][0]}': it reads itself") from error

    def _read(self, query: Mapping[str, Any]) -> dict[int, float]:
        wanted = query["MetricStat"]
        key, period_s = check_metric_stat(wanted)
        found = self._store_of(key.namespace).read_whole(
            key,
            start_s=align_start(self._start_s, period_s=period_s),
            end_s=int(-(-self._end_s // 1)),
            period_s=period_s,
            unit=wanted.get("Unit"),
        )
        values = {start: part.statistic(wanted["Stat"]) for start, part in found.items()}
        return {start: value for start, value in values.items() if value is not None}


def check_metric_stat(wanted: Mapping[str, Any]) -> tuple[MetricKey, int]:
    """Return the metric and the period of a MetricStat."""
    metric = wanted.get("Metric") or {}
    for name, value in (
        ("MetricStat.Metric.Namespace", metric.get("Namespace")),
        ("MetricStat.Metric.MetricName", metric.get("MetricName")),
        ("MetricStat.Stat", wanted.get("Stat")),
    ):
        if not value:
            raise wording.required(name)
    check_dimensions(metric.get("Dimensions"), parameter="MetricStat.Metric.Dimensions")
    if not is_known(wanted["Stat"]):
        raise wording.unsupported("MetricStat.Stat", wanted["Stat"])
    check_unit(wanted.get("Unit"))
    period_s = check_period(wanted.get("Period"), parameter="MetricStat.Period")
    return requested_key(metric["Namespace"], metric["MetricName"], metric.get("Dimensions")), period_s


def label_queries(queries: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Return the label of each query by its id; it tells statistic and period where they differ."""
    wanted = [query["MetricStat"] for query in queries if "MetricStat" in query]
    differing = [name for name in TOLD_APART_BY if len({stat.get(name) for stat in wanted}) > 1]
    return {query["Id"]: query.get("Label") or make_label(query, differing) for query in queries}


def make_label(query: Mapping[str, Any], differing: Sequence[str]) -> str:
    """Return the label of a query that asks for none."""
    if "MetricStat" not in query:
        return str(query["Id"])
    stat = query["MetricStat"]
    return " ".join([stat["Metric"]["MetricName"], *(str(stat[name]) for name in differing)])


def data_result(
    query: Mapping[str, Any], values: Mapping[int, float], *, label: str, descending: bool
) -> dict[str, Any]:
    """Return one MetricDataResult."""
    times = sorted(values, reverse=descending)
    return {
        "Id": query["Id"],
        "Label": label,
        "Timestamps": [moment(time) for time in times],
        "Values": [values[time] for time in times],
        "StatusCode": "Complete",
    }
