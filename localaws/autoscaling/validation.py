"""What is refused of targets, policies and scheduled actions that scale here. Pure."""

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from localaws.autoscaling.errors import InvalidError
from localaws.autoscaling.policy_alarms import PREDEFINED
from localaws.autoscaling.schedules import Schedule, parse_schedule
from localaws.autoscaling.spec import PROVISIONED_CONCURRENCY, STEPS, TRACKING, Place
from localaws.autoscaling.stepping import CHANGE, EXACT, PERCENT

CONFIGURATIONS = {
    TRACKING: "TargetTrackingScalingPolicyConfiguration",
    STEPS: "StepScalingPolicyConfiguration",
}
UNSCALED = "Unsupported service namespace, resource type or scalable dimension"


def check_bounds(low: int | None, high: int | None, *, least: int) -> None:
    """Refuse bounds that contradict each other, or that are below what the resource can have."""
    if low is None or high is None:
        raise InvalidError("MinCapacity and MaxCapacity are required to register a scalable target")
    if low < least or high < 0:
        raise InvalidError(f"Minimum capacity cannot be less than {least}")
    if high < low:
        raise InvalidError("Maximum capacity cannot be less than minimum capacity")


def check_policy(kind: str, config: Mapping[str, Any] | None, *, place: Place) -> None:
    """Refuse a policy that AWS would refuse, or that would do nothing here."""
    if kind not in CONFIGURATIONS:
        raise InvalidError(f"localaws does not carry out policies of the type {kind}")
    if config is None:
        raise InvalidError(f"{CONFIGURATIONS[kind]} is required for the policy type {kind}")
    if kind == TRACKING:
        _check_tracking(config, place)
    else:
        _check_steps(config, place)


def _check_tracking(config: Mapping[str, Any], place: Place) -> None:
    predefined = config.get("PredefinedMetricSpecification")
    custom = config.get("CustomizedMetricSpecification")
    if (predefined is None) == (custom is None):
        raise InvalidError(
            "Exactly one of PredefinedMetricSpecification and CustomizedMetricSpecification is required"
        )
    target = config.get("TargetValue")
    if target is None or not 0 < float(target) < math.inf:  # "NaN" is a number in JSON, too
        raise InvalidError(f"TargetValue must be greater than 0, and finite, not {target}")
    known = PREDEFINED[place.dimension]
    if predefined is not None and predefined["PredefinedMetricType"] not in known:
        raise InvalidError(
            f"Scalable dimension {place.dimension} only supports the following predefined metric types: "
            f"{', '.join(known)}"
        )
    if custom is not None and bool(custom.get("Metrics")) == bool(custom.get("MetricName")):
        raise InvalidError("CustomizedMetricSpecification has either MetricName or Metrics")


def _check_steps(config: Mapping[str, Any], place: Place) -> None:
    if place.dimension == PROVISIONED_CONCURRENCY:
        raise InvalidError(f"Step scaling is not supported for the scalable dimension {place.dimension}")
    if config.get("AdjustmentType") not in (CHANGE, EXACT, PERCENT):
        raise InvalidError("AdjustmentType is required in StepScalingPolicyConfiguration")
    steps = config.get("StepAdjustments") or ()
    if not steps:
        raise InvalidError("StepAdjustments is required in StepScalingPolicyConfiguration")
    edges = sorted(_interval(step) for step in steps)
    if any(low >= high for low, high in edges):
        raise InvalidError("MetricIntervalLowerBound must be less than MetricIntervalUpperBound")
    if any(former[1] != latter[0] for former, latter in pairwise(edges)):
        raise InvalidError("The intervals of StepAdjustments must not overlap, nor leave gaps")


def _interval(step: Mapping[str, Any]) -> tuple[float, float]:
    low, high = step.get("MetricIntervalLowerBound"), step.get("MetricIntervalUpperBound")
    return float("-inf") if low is None else float(low), float("inf") if high is None else float(high)


def read_action(request: Mapping[str, Any], *, now: datetime, least: int) -> Schedule:
    """Return the schedule of a PutScheduledAction; refuses one that would do nothing, or too little."""
    wanted = request.get("ScalableTargetAction") or {}
    low, high = wanted.get("MinCapacity"), wanted.get("MaxCapacity")
    if low is None and high is None:
        raise InvalidError("ScalableTargetAction must have MinCapacity or MaxCapacity")
    check_bounds(least if low is None else low, max(least, low or 0) if high is None else high, least=least)
    expression = request.get("Schedule")
    if not expression:
        raise InvalidError("Schedule is required for a new scheduled action")
    try:
        start, _ = (_moment(request.get(member), now) for member in ("StartTime", "EndTime"))
        schedule = parse_schedule(expression, zone=_zone(request.get("Timezone")), start=start)
        schedule.next_after(now)
    except (ValueError, OverflowError, OSError) as error:
        raise InvalidError(f"Invalid schedule expression. {error}") from error
    return schedule


def _moment(second: float | None, default: datetime) -> datetime:
    return default if second is None else datetime.fromtimestamp(float(second), UTC)


def _zone(name: str | None) -> ZoneInfo:
    try:
        return ZoneInfo(name or "UTC")
    except (KeyError, ValueError, OSError) as error:
        raise InvalidError(f"Unknown timezone: {name}") from error
