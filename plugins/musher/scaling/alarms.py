"""Which state CloudWatch puts an alarm in. Pure.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html and
.../alarms-and-missing-data.html
"""

from collections.abc import Callable, Mapping, Sequence
from operator import ge, gt, le, lt

from musher.errors import ScalingError

OK, ALARM, INSUFFICIENT_DATA = "OK", "ALARM", "INSUFFICIENT_DATA"

COMPARISONS: Mapping[str, Callable[[float, float], bool]] = {
    "GreaterThanThreshold": gt,
    "GreaterThanOrEqualToThreshold": ge,
    "LessThanThreshold": lt,
    "LessThanOrEqualToThreshold": le,
}
TREATMENTS = ("missing", "ignore", "breaching", "notBreaching")


def evaluation_range(evaluation_periods: int) -> int:
    """Return how many periods CloudWatch looks at: some more than it evaluates (AWS's example: 5 for 3)."""
    return evaluation_periods + max(2, evaluation_periods // 3)


def evaluate_alarm(
    points: Sequence[float | None],
    *,
    threshold: float,
    comparison: str,
    evaluation_periods: int,
    datapoints_to_alarm: int,
    treat_missing: str,
    previous_state: str,
) -> str:
    """Return the state after the newest of `points` (the last; None: missing).

    The newest values within the range count, however old they are. Missing ones count only where there are
    too few values, and then as `treat_missing` says.
    """
    if comparison not in COMPARISONS or treat_missing not in TREATMENTS:
        raise ScalingError(f"{comparison!r} or {treat_missing!r} is not a word of CloudWatch's alarms.")
    breaks = COMPARISONS[comparison]
    seen = points[-evaluation_range(evaluation_periods) :]
    breaches = [breaks(value, threshold) for value in seen if value is not None][-evaluation_periods:]
    lacking = evaluation_periods - len(breaches)
    certain = sum(breaches)
    if certain >= datapoints_to_alarm:
        return ALARM
    if not lacking or treat_missing == "notBreaching":
        return OK
    if treat_missing == "breaching":
        return ALARM if certain + lacking >= datapoints_to_alarm else OK
    if certain < len(breaches):
        return OK
    if treat_missing == "ignore":
        return previous_state
    if not breaches:
        return INSUFFICIENT_DATA
    return ALARM if _age_of_oldest(seen) >= datapoints_to_alarm else previous_state


def _age_of_oldest(points: Sequence[float | None]) -> int:
    """Return how many periods ago the oldest value is; 1 is the newest.

    An alarm is premature where all that is known breaches and no later value can undo it in time.
    """
    return next(len(points) - index for index, value in enumerate(points) if value is not None)
