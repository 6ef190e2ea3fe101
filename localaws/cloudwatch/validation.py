"""What CloudWatch takes in requests about metrics, as AWS checks it. Pure."""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from moto.cloudwatch.exceptions import InvalidParameterCombination, InvalidParameterValue, ValidationError

from localaws.cloudwatch import wording
from localaws.cloudwatch.spec import MINUTE_S
from localaws.cloudwatch.statistics import parse_percentile

SHORT_PERIODS = (1, 5, 10, 20, 30)
"""Periods of less than a minute, in seconds (API_MetricStat)."""
MAX_DATAPOINTS = 1440
"""Datapoints of one answer of GetMetricStatistics."""
MAX_DATA = 1000
"""Metrics in one PutMetricData."""
MAX_VALUES = 150
"""Values of one metric in one PutMetricData."""
MAX_DIMENSIONS = 30
MAX_QUERIES = 500
"""Queries of one GetMetricData."""
MAX_MAGNITUDE = 2.0**360
"""Values lie between this and its negative (API_MetricDatum)."""
FUTURE_S = 2 * 3600
"""How far ahead a value's time may lie."""
PAST_S = 14 * 86_400
"""How far back a value's time may lie."""
SIZES = tuple(
    f"{prefix}{unit}" for unit in ("bytes", "bits") for prefix in ("", "Kilo", "Mega", "Giga", "Tera")
)
COUNTED = (*(size.capitalize() for size in SIZES), "Count")
"""Units that have a rate, too."""
UNITS = (
    *("Seconds", "Microseconds", "Milliseconds"),
    *COUNTED,
    *(f"{unit}/Second" for unit in COUNTED),
    *("Percent", "None"),
)
"""StandardUnit (API_MetricDatum)."""
QUERY_ID = re.compile(r"[a-z][a-zA-Z0-9_]{0,254}")


def epoch_s(moment: datetime) -> float:
    """Return the epoch seconds of a time in a request, which is naive UTC where moto has parsed it."""
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def check_period(period_s: Any, *, parameter: str = "Period") -> int:
    """Return a period in seconds; refuse one that no data has."""
    if not isinstance(period_s, int) or period_s < 1:
        raise wording.required(parameter) if period_s is None else wording.invalid(parameter, period_s)
    if period_s not in SHORT_PERIODS and period_s % MINUTE_S:
        options = ", ".join(str(period) for period in SHORT_PERIODS)
        raise wording.invalid(parameter, period_s, f"It must be {options}, or a multiple of 60.")
    return period_s


def align_start(start_s: float, *, period_s: int) -> int:
    """Return the start of a range, rounded down to a minute, or to the period where that is shorter."""
    step = min(period_s, MINUTE_S)
    return int(start_s) // step * step


def check_range(start: datetime, end: datetime, *, period_s: int) -> tuple[int, int]:
    """Return the range of GetMetricStatistics in epoch seconds."""
    if start >= end:
        raise InvalidParameterValue("The parameter StartTime must be less than the parameter EndTime.")
    start_s, end_s = align_start(epoch_s(start), period_s=period_s), int(-(-epoch_s(end) // 1))
    wanted = -(-(end_s - start_s) // period_s)
    if wanted > MAX_DATAPOINTS:
        raise InvalidParameterCombination(
            f"You have requested up to {wanted:,} datapoints, which exceeds the limit of {MAX_DATAPOINTS:,}. "
            "You may reduce the datapoints requested by increasing Period, or decreasing the time range."
        )
    return start_s, end_s


def check_statistics(statistics: Sequence[str], extended: Sequence[str]) -> None:
    """Refuse a request with none or both kinds of statistics, and those that are not computed here."""
    if not statistics and not extended:
        raise InvalidParameterCombination("Must specify either Statistics or ExtendedStatistics")
    if statistics and extended:
        raise wording.exclusive("Statistics", "ExtendedStatistics")
    for name in extended:
        if parse_percentile(name) is None:
            raise wording.unsupported("ExtendedStatistics", name)


def check_unit(unit: str | None) -> None:
    """Refuse a unit that is none of CloudWatch's."""
    if unit is not None and unit not in UNITS:
        raise wording.enum(unit, "unit", UNITS)


def check_dimensions(dimensions: Iterable[Mapping[str, Any]] | None, *, parameter: str) -> None:
    """Refuse dimensions without name or value, and more than AWS takes."""
    given = list(dimensions or ())
    if len(given) > MAX_DIMENSIONS:
        raise wording.invalid(parameter, f"of {len(given)} members", f"At most {MAX_DIMENSIONS} are allowed.")
    for number, item in enumerate(given, start=1):
        for member in ("Name", "Value"):
            if not item.get(member):
                raise wording.required(f"{parameter}.member.{number}.{member}")


def check_namespace(namespace: str | None) -> None:
    """Refuse a namespace that is missing, malformed, or AWS's own."""
    if not namespace:
        raise wording.required("Namespace")
    if namespace.startswith(("AWS/", ":")) or len(namespace) > 255:
        raise wording.invalid("Namespace", namespace)


def check_datum(datum: Mapping[str, Any], *, number: int, now_s: float) -> None:
    """Refuse what moto takes of one metric of PutMetricData, and AWS does not."""
    name = f"MetricData.member.{number}"
    if not datum.get("MetricName"):
        raise wording.required(f"{name}.MetricName")
    check_dimensions(datum.get("Dimensions"), parameter=f"{name}.Dimensions")
    _check_names(datum.get("Dimensions") or ())
    _check_values(datum, name=name)
    _check_set(datum.get("StatisticValues"), parameter=f"{name}.StatisticValues")
    if datum.get("StorageResolution") not in (None, 1, MINUTE_S):
        raise wording.invalid(f"{name}.StorageResolution", datum["StorageResolution"])
    if (moment := datum.get("Timestamp")) is not None:
        _check_time(epoch_s(moment), name=f"{name}.Timestamp", now_s=now_s)


def _check_names(dimensions: Sequence[Mapping[str, Any]]) -> None:
    """Refuse two dimensions of one name, as in https://github.com/jdamick/dropwizard-metrics-cloudwatch/issues/3."""
    if len({item["Name"] for item in dimensions}) < len(dimensions):
        raise InvalidParameterValue("No metric may specify the same dimension name twice.")


def _check_values(datum: Mapping[str, Any], *, name: str) -> None:
    if datum.get("Value") is None and not datum.get("Values") and not datum.get("StatisticValues"):
        raise wording.required(f"{name}.Value")
    values = datum.get("Values") or [datum.get("Value") or 0.0]
    if len(values) > MAX_VALUES:
        raise wording.invalid(f"{name}.Values", f"of {len(values)} members", f"At most {MAX_VALUES}.")
    for value in values:
        if not abs(value) <= MAX_MAGNITUDE:
            raise wording.invalid(f"{name}.Value", value)
    if not all(0 < count <= MAX_MAGNITUDE for count in datum.get("Counts") or ()):
        raise wording.invalid(f"{name}.Counts", datum["Counts"], "Every count must be above zero.")


def _check_time(at_s: float, *, name: str, now_s: float) -> None:
    if at_s > now_s + FUTURE_S:
        raise InvalidParameterValue(
            f"The parameter {name} must specify a time no more than two hours in the future."
        )
    if at_s < now_s - PAST_S:
        raise InvalidParameterValue(f"The parameter {name} must specify a time within the past two weeks.")


def _check_set(values: Mapping[str, float] | None, *, parameter: str) -> None:
    if not values:
        return
    if not all(abs(value) <= MAX_MAGNITUDE for value in values.values()):
        raise wording.invalid(parameter, dict(values))
    if values["SampleCount"] <= 0 or values["Minimum"] > values["Maximum"]:
        raise wording.invalid(
            parameter, dict(values), "SampleCount must be above zero, and Minimum no more than Maximum."
        )


def check_queries(queries: Sequence[Mapping[str, Any]]) -> None:
    """Refuse queries of GetMetricData without a valid id of their own, or with two kinds of content."""
    if not 1 <= len(queries) <= MAX_QUERIES:
        raise ValidationError(f"MetricDataQueries must have 1 to {MAX_QUERIES} members, not {len(queries)}.")
    seen: set[str] = set()
    for number, query in enumerate(queries, start=1):
        name = f"MetricDataQueries.member.{number}"
        query_id = query.get("Id") or ""
        if not QUERY_ID.fullmatch(query_id):
            raise wording.invalid(f"{name}.Id", query_id)
        if query_id in seen:
            raise ValidationError(f"The values for parameter id in {name} must be unique: {query_id}")
        seen.add(query_id)
        _check_content(query, name=name)


def _check_content(query: Mapping[str, Any], *, name: str) -> None:
    if "MetricStat" in query and "Expression" in query:
        raise wording.exclusive(f"{name}.MetricStat", f"{name}.Expression")
    if "MetricStat" not in query and "Expression" not in query:
        raise ValidationError(f"The parameter {name}.MetricStat is required.\n")  # AWS's has the line's end
    if "${" in (query.get("Label") or ""):
        raise ValidationError(f"localaws does not fill dynamic labels in: {query['Label']}")
