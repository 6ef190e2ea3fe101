"""What PutMetricAlarm takes, as AWS checks it; what localaws would not do is refused too. Pure.

Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
"""

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from moto.cloudwatch.exceptions import ValidationError

from localaws.cloudwatch import expressions, wording
from localaws.cloudwatch.alarms.evaluation import COMPARISONS, TREATMENTS
from localaws.cloudwatch.alarms.spec import ACTION_MEMBERS
from localaws.cloudwatch.queries import DataQueries, check_metric_stat
from localaws.cloudwatch.spec import MINUTE_S
from localaws.cloudwatch.statistics import SIMPLE, parse_percentile
from localaws.cloudwatch.store import MetricStore
from localaws.cloudwatch.validation import check_dimensions, check_period, check_queries, check_unit

ALARM_PERIODS = (10, 20, 30)
"""Periods of less than a minute that an alarm may have, in seconds."""
MAX_SHORT_S, MAX_LONG_S = 86_400, 7 * 86_400
"""Period x EvaluationPeriods at most, with a period of less than an hour and with a longer one."""
MAX_STEPS = 100_000
"""Numbers, names and operators that an alarm's expressions look at in one evaluation: a tenth of a second."""
MAX_ACTIONS = 5
FEW_SAMPLES = ("evaluate", "ignore")
"""What may be asked for where a percentile has few samples (EvaluateLowSampleCountPercentile)."""
NOT_BUILT = (
    "ThresholdMetricId",
    "EvaluationWindow",
    "WarmUpConfiguration",
    "EvaluationCriteria",
    "EvaluationInterval",
    "ActionConfiguration",
)
ARN = re.compile(r"arn:[a-z-]+:[a-z0-9-]+:[a-z0-9-]*:\d{0,12}:.+")
BANDS = ("LessThanLowerOrGreaterThanUpperThreshold", "LessThanLowerThreshold", "GreaterThanUpperThreshold")
"""Comparisons with what an anomaly detector expects."""
ACTED_UPON = re.compile(
    r"arn:[a-z-]+:(sns:[a-z0-9-]+:\d{12}:[^:]+|lambda:[a-z0-9-]+:\d{12}:function:.+"
    r"|autoscaling:[a-z0-9-]+:\d{12}:scalingPolicy:.+)"
)
"""What localaws does something about: topics, functions, policies of Application Auto Scaling."""


def check_alarm(request: Mapping[str, Any]) -> None:
    """Refuse a PutMetricAlarm that AWS would refuse, or that would be accepted and do nothing here."""
    name = request.get("AlarmName")
    if not name or len(name) > 255:
        raise wording.required("AlarmName") if not name else wording.invalid("AlarmName", name)
    for member in NOT_BUILT:
        if request.get(member) is not None:
            raise ValidationError(f"localaws does not evaluate alarms with {member}")
    _check_threshold(request)
    if request.get("Metrics"):
        _check_queries(request)
    else:
        _check_metric(request)
    _check_periods(request)
    _check_cost(request)
    for member in ACTION_MEMBERS.values():
        _check_actions(request.get(member) or (), member=member)


def _check_threshold(request: Mapping[str, Any]) -> None:
    comparison = request.get("ComparisonOperator")
    if comparison not in COMPARISONS:
        if comparison is None:
            raise wording.required("ComparisonOperator")
        if comparison in BANDS:
            raise ValidationError(
                f"localaws does not evaluate alarms with {comparison}: it detects no anomalies"
            )
        raise wording.enum(comparison, "comparisonOperator", (*COMPARISONS, *BANDS))
    threshold = request.get("Threshold")
    if threshold is None or not math.isfinite(threshold):
        raise wording.required("Threshold")
    _check_options(request)


def _check_options(request: Mapping[str, Any]) -> None:
    treat = request.get("TreatMissingData")
    if treat is not None and treat not in TREATMENTS:
        raise unknown_option(treat, parameter="TreatMissingData", options=TREATMENTS)
    low = request.get("EvaluateLowSampleCountPercentile")
    if low is not None and low not in FEW_SAMPLES:
        raise unknown_option(low, parameter="EvaluateLowSampleCountPercentile", options=FEW_SAMPLES)
    if low == "ignore":
        raise ValidationError(
            f"Option {low} is not supported: localaws evaluates percentiles however few samples there are "
            "(EvaluateLowSampleCountPercentile evaluate)."
        )


def unknown_option(value: str, *, parameter: str, options: Sequence[str]) -> ValidationError:
    """Return AWS's refusal of a word that is none of a parameter's options."""
    return ValidationError(
        f"Option {value} is not supported. Supported options for parameter {parameter} are "
        f"{', '.join(options[:-1])} and {options[-1]}."
    )


def _check_metric(request: Mapping[str, Any]) -> None:
    for member in ("MetricName", "Namespace", "Period"):
        if not request.get(member):
            raise ValidationError(f"{member} must not be null")
    check_dimensions(request.get("Dimensions"), parameter="Dimensions")
    check_unit(request.get("Unit"))
    _check_statistic(request)
    check_period(request["Period"])


def _check_statistic(request: Mapping[str, Any]) -> None:
    statistic, extended = request.get("Statistic"), request.get("ExtendedStatistic")
    if statistic and extended:
        raise wording.exclusive("Statistic", "ExtendedStatistic")
    if not statistic and not extended:
        raise wording.required("Statistic")
    if statistic and statistic not in SIMPLE:
        raise wording.enum(statistic, "statistic", SIMPLE)
    if extended and parse_percentile(extended) is None:
        raise wording.unsupported("ExtendedStatistic", extended)


def _check_queries(request: Mapping[str, Any]) -> None:
    for member in ("MetricName", "Namespace", "Statistic", "ExtendedStatistic", "Period"):
        if request.get(member):
            raise wording.exclusive("Metrics", member)
    queries = request["Metrics"]
    check_queries(queries)
    for query in queries:
        if "MetricStat" in query:
            check_metric_stat(query["MetricStat"])
    if len({query["MetricStat"]["Period"] for query in queries if "MetricStat" in query}) != 1:
        raise ValidationError("Period must be the same for every metric that an alarm watches.")
    returning = [query["Id"] for query in queries if query.get("ReturnData") is not False]
    if len(returning) != 1:
        raise ValidationError("Exactly one element of the metrics list should return data.")
    _ = DataQueries(lambda namespace: MetricStore(), queries, start_s=0, end_s=0).results


def _check_periods(request: Mapping[str, Any]) -> None:
    metrics = request.get("Metrics") or ()
    periods = [query["MetricStat"]["Period"] for query in metrics if "MetricStat" in query]
    period_s = int(periods[0] if periods else request["Period"])
    if period_s < MINUTE_S and period_s not in ALARM_PERIODS:
        raise ValidationError(f"Period must be 10, 20, 30 or a multiple of 60, not {period_s}.")
    count, needed = request.get("EvaluationPeriods"), request.get("DatapointsToAlarm")
    if count is None:
        raise wording.required("EvaluationPeriods")
    if count < 1:
        raise wording.invalid("EvaluationPeriods", count)
    if needed is not None and not 1 <= needed <= count:
        raise ValidationError(
            f"DatapointsToAlarm must be from 1 to EvaluationPeriods, which is {count}, not {needed}"
        )
    if count * period_s > (MAX_LONG_S if period_s >= 3600 else MAX_SHORT_S):
        raise ValidationError(
            "Metrics cannot be checked across more than a day (EvaluationPeriods * Period must be <= 86400), "
            "or more than seven days where the Period is an hour or longer."
        )


def _check_cost(request: Mapping[str, Any]) -> None:
    """Refuse expressions that would keep all other alarms from being looked at."""
    texts = [query["Expression"] for query in request.get("Metrics") or () if "Expression" in query]
    steps = sum(expressions.count_steps(expressions.parse(text)) for text in texts)
    if steps * request["EvaluationPeriods"] > MAX_STEPS:
        raise ValidationError(
            f"localaws computes at most {MAX_STEPS:,} numbers and operators for one evaluation of an alarm: "
            "shorten its expressions, or take fewer EvaluationPeriods"
        )


def _check_actions(arns: Any, *, member: str) -> None:
    if len(arns) > MAX_ACTIONS:
        raise ValidationError(f"{member} may have {MAX_ACTIONS} members at most, not {len(arns)}.")
    for arn in arns:
        if not ARN.fullmatch(arn):
            raise ValidationError(f"Invalid arn syntax: {arn}")
        if not ACTED_UPON.fullmatch(arn):
            raise ValidationError(
                "localaws carries out alarm actions on SNS topics, Lambda functions and policies of "
                f"Application Auto Scaling, not on {arn}"
            )
