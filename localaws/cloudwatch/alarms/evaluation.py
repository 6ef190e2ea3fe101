"""Which state an alarm's datapoints put it in. Pure.

Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html and
.../alarms-and-missing-data.html
"""

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from localaws.cloudwatch.alarms.states import ALARM, INSUFFICIENT_DATA, OK

COMPARISONS: Mapping[str, Callable[[float, float], bool]] = {
    "GreaterThanOrEqualToThreshold": operator.ge,
    "GreaterThanThreshold": operator.gt,
    "LessThanThreshold": operator.lt,
    "LessThanOrEqualToThreshold": operator.le,
}
MISSING, IGNORE, BREACHING, NOT_BREACHING = "missing", "ignore", "breaching", "notBreaching"
TREATMENTS = (BREACHING, NOT_BREACHING, IGNORE, MISSING)
EXTRA_DATAPOINTS = 2
"""Datapoints behind the evaluation periods that are looked at, at least: AWS's examples take 5 for 3."""


@dataclass(frozen=True, kw_only=True)
class Rule:
    """When datapoints mean ALARM: `datapoints_to_alarm` of `evaluation_periods` breach the threshold."""

    comparison: str
    threshold: float
    evaluation_periods: int
    datapoints_to_alarm: int
    treat_missing: str = MISSING

    @property
    def evaluation_range(self) -> int:
        """How many of the most recent periods are looked at."""
        return self.evaluation_periods + max(self.evaluation_periods // 3, EXTRA_DATAPOINTS)

    def is_breaching(self, value: float) -> bool:
        """Tell whether a value is on the wrong side of the threshold."""
        return COMPARISONS[self.comparison](value, self.threshold)


@dataclass(frozen=True, kw_only=True)
class Datapoint:
    """One period: its begin in epoch seconds, and its value unless that is missing."""

    start_s: int
    value: float | None = None
    sample_count: float | None = None


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What an evaluation comes to."""

    state: str | None
    """None where the alarm keeps the state that it has."""
    used: tuple[Datapoint, ...]
    """The datapoints with values that were evaluated, the newest last."""
    filled: int
    """Missing datapoints that stood in for those that the evaluation periods lack."""


def evaluate(datapoints: Sequence[Datapoint], rule: Rule) -> Verdict:
    """Evaluate the periods of the evaluation range, the newest last."""
    real = [point for point in datapoints if point.value is not None]
    used = tuple(real[-rule.evaluation_periods :])
    filled = rule.evaluation_periods - len(used)
    breaching = sum(_breaches(point, rule) for point in used)
    if breaching >= rule.datapoints_to_alarm:
        state: str | None = ALARM
    elif filled:
        state = _state_with_missing(datapoints, used, breaching=breaching, rule=rule)
    else:
        state = OK
    return Verdict(state=state, used=used, filled=filled)


def _breaches(point: Datapoint, rule: Rule) -> bool:
    return point.value is not None and rule.is_breaching(point.value)


def _state_with_missing(
    datapoints: Sequence[Datapoint], used: Sequence[Datapoint], *, breaching: int, rule: Rule
) -> str | None:
    """Return the state where fewer periods have a value than are to be evaluated."""
    if rule.treat_missing == NOT_BREACHING:
        return OK
    if rule.treat_missing == BREACHING:
        filled = rule.evaluation_periods - len(used)
        return ALARM if breaching + filled >= rule.datapoints_to_alarm else OK
    if breaching < len(used):
        return OK
    is_ignoring = rule.treat_missing == IGNORE
    if not used:
        return None if is_ignoring else INSUFFICIENT_DATA
    return ALARM if not is_ignoring and _is_old_enough(datapoints, rule) else None


def _is_old_enough(datapoints: Sequence[Datapoint], rule: Rule) -> bool:
    """Tell whether the oldest breach lies so far back that nothing will contradict it.

    Younger ones wait: the next datapoint may be a good one ("premature transitions to alarm state").
    """
    first = next(index for index, point in enumerate(datapoints) if point.value is not None)
    return len(datapoints) - first >= rule.datapoints_to_alarm


def evaluate_alarm(
    points: Sequence[float | None],
    *,
    threshold: float,
    comparison: str,
    evaluation_periods: int,
    datapoints_to_alarm: int | None,
    treat_missing: str,
    previous_state: str,
) -> str:
    """Return the state of an alarm after one evaluation of values, the newest last; None is a missing one.

    Of the values, the evaluation range is looked at: more than `evaluation_periods`, as AWS does.
    """
    rule = Rule(
        comparison=comparison,
        threshold=threshold,
        evaluation_periods=evaluation_periods,
        datapoints_to_alarm=datapoints_to_alarm or evaluation_periods,
        treat_missing=treat_missing,
    )
    recent = points[-rule.evaluation_range :]
    datapoints = [Datapoint(start_s=index, value=value) for index, value in enumerate(recent)]
    return evaluate(datapoints, rule).state or previous_state
