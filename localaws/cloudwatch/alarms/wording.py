"""AWS's sentences about alarms, as accounts show them in DescribeAlarms and in notifications. Pure."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from localaws.cloudwatch.alarms.evaluation import BREACHING, Datapoint, Rule, Verdict
from localaws.cloudwatch.alarms.spec import AlarmSpec
from localaws.cloudwatch.alarms.states import ALARM, INSUFFICIENT_DATA, OK

INITIAL = "Unchecked: Initial alarm creation"
COMPARED = {
    "GreaterThanOrEqualToThreshold": "greater than or equal to",
    "GreaterThanThreshold": "greater than",
    "LessThanThreshold": "less than",
    "LessThanOrEqualToThreshold": "less than or equal to",
}
OTHER = {ALARM: OK, OK: ALARM}


def state_reason(verdict: Verdict, *, state: str, spec: AlarmSpec) -> str:
    """Return why an alarm is in a state."""
    rule = spec.rule
    if state == INSUFFICIENT_DATA:
        return f"Insufficient Data: {_count(verdict.filled)} unknown."
    if not verdict.used:
        periods = "1 period" if verdict.filled == 1 else f"{verdict.filled} periods"
        return f"Threshold Crossed: no datapoints were received for {periods}{_filled(verdict, rule)}."
    deciding = [point for point in verdict.used if _decides(point, rule, state=state)]
    if not deciding:
        return f"Threshold Crossed:{_filled(verdict, rule).removeprefix(' and')}."
    is_m_of_n = spec.request.get("DatapointsToAlarm") is not None
    which = f"{len(deciding)} out of the last {rule.evaluation_periods} datapoints" if is_m_of_n else ""
    plain = "1 datapoint" if len(deciding) == 1 else f"{len(deciding)} datapoints"
    verb = ("was" if len(deciding) == 1 else "were") + (" not" if state == OK else "")
    return (
        f"Threshold Crossed: {which or plain} [{_listed(deciding)}] {verb} {COMPARED[rule.comparison]} the "
        f"threshold ({rule.threshold}){_filled(verdict, rule)}{_minimum(rule, state) if is_m_of_n else ''}."
    )


def _decides(point: Datapoint, rule: Rule, *, state: str) -> bool:
    return point.value is not None and rule.is_breaching(point.value) == (state == ALARM)


def _count(number: int) -> str:
    return "1 datapoint was" if number == 1 else f"{number} datapoints were"


def _listed(points: Sequence[Datapoint]) -> str:
    """Return values with their times, the newest first."""
    return ", ".join(
        f"{point.value} ({datetime.fromtimestamp(point.start_s, UTC):%d/%m/%y %H:%M:%S})"
        for point in reversed(points)
    )


def _filled(verdict: Verdict, rule: Rule) -> str:
    if not verdict.filled or rule.treat_missing not in TREATED:
        return ""
    missing = (
        "1 missing datapoint was" if verdict.filled == 1 else f"{verdict.filled} missing datapoints were"
    )
    return f" and {missing} treated as [{TREATED[rule.treat_missing]}]"


TREATED = {BREACHING: "Breaching", "notBreaching": "NonBreaching"}


def _minimum(rule: Rule, state: str) -> str:
    least = rule.datapoints_to_alarm
    if state == OK:
        least = rule.evaluation_periods - least + 1
    points = "1 datapoint" if least == 1 else f"{least} datapoints"
    return f" (minimum {points} for {OTHER[state]} -> {state} transition)"


def timestamp(moment: datetime) -> str:
    """Return a time as reasons and notifications write it: 2026-01-01T00:00:00.000+0000."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}+0000"


def state_reason_data(verdict: Verdict, *, spec: AlarmSpec, now: datetime) -> str:
    """Return StateReasonData: what was asked for, and what was found."""
    used = verdict.used
    found: dict[str, Any] = {"version": "1.0", "queryDate": timestamp(now)}
    if used:
        found["startDate"] = _time(used[0])
    if spec.unit:
        found["unit"] = spec.unit
    if spec.statistic:
        found["statistic"] = spec.statistic
    found |= {
        "period": spec.period_s,
        "recentDatapoints": [point.value for point in used],
        "threshold": spec.rule.threshold,
        "evaluatedDatapoints": [_evaluated(point) for point in reversed(used)],
    }
    return json.dumps(found, separators=(",", ":"))


def _time(point: Datapoint) -> str:
    return timestamp(datetime.fromtimestamp(point.start_s, UTC))


def _evaluated(point: Datapoint) -> dict[str, Any]:
    sampled = {} if point.sample_count is None else {"sampleCount": point.sample_count}
    return {"timestamp": _time(point), **sampled, "value": point.value}
