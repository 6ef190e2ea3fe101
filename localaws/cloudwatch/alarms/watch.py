"""Look at alarms: read what one watches, evaluate it, and let it take the state."""

from datetime import datetime

from localaws.cloudwatch.alarms import wording
from localaws.cloudwatch.alarms.alarm import LocalAlarm, StateChange, StateView
from localaws.cloudwatch.alarms.evaluation import Datapoint, Verdict, evaluate
from localaws.cloudwatch.alarms.spec import AlarmSpec
from localaws.cloudwatch.queries import DataQueries, StoreOf
from localaws.cloudwatch.spec import MINUTE_S
from localaws.cloudwatch.statistics import Aggregate

SHORT_S = 10
"""Seconds between two looks at an alarm whose period is less than a minute; at others, a minute."""


def is_due(spec: AlarmSpec, *, before_s: float, now_s: float) -> bool:
    """Tell whether a moment at which an alarm is evaluated has passed between two ticks."""
    step = interval_s(spec)
    return now_s // step > before_s // step


def interval_s(spec: AlarmSpec) -> int:
    """Return the seconds between two evaluations."""
    return SHORT_S if spec.period_s < MINUTE_S else MINUTE_S


def look(alarm: LocalAlarm, *, store_of: StoreOf, now: datetime) -> StateChange | None:
    """Evaluate one alarm on the periods that have ended; return the change where its state is another."""
    spec = alarm.spec
    verdict = evaluate(read_datapoints(spec, store_of=store_of, end_s=_ended_s(spec, now)), spec.rule)
    state = verdict.state or alarm.state.value
    if state == alarm.state.value and not (alarm.is_by_hand and verdict.state):
        return None
    return alarm.enter(_view(verdict, state=state, spec=spec, now=now), is_by_hand=False)


def _ended_s(spec: AlarmSpec, now: datetime) -> int:
    """Return when the newest period ended that an evaluation now looks at."""
    step = interval_s(spec)
    return int(now.timestamp() // step * step)


def read_values(spec: AlarmSpec, *, store_of: StoreOf, now: datetime) -> list[float]:
    """Return the values that an evaluation now would count, the newest last."""
    points = read_datapoints(spec, store_of=store_of, end_s=_ended_s(spec, now))
    values = [point.value for point in points if point.value is not None]
    return values[-spec.rule.evaluation_periods :]


def _view(verdict: Verdict, *, state: str, spec: AlarmSpec, now: datetime) -> StateView:
    return StateView(
        value=state,
        reason=wording.state_reason(verdict, state=state, spec=spec),
        reason_data=wording.state_reason_data(verdict, spec=spec, now=now),
        since=now,
    )


def read_datapoints(spec: AlarmSpec, *, store_of: StoreOf, end_s: int) -> list[Datapoint]:
    """Return the periods of the evaluation range that end at `end_s`, the newest last."""
    start_s = end_s - spec.rule.evaluation_range * spec.period_s
    starts = range(start_s, end_s, spec.period_s)
    if spec.metric is None:
        data = DataQueries(store_of, spec.queries, start_s=start_s, end_s=end_s)
        values = data.results[spec.returned_id]
        return [Datapoint(start_s=start, value=values.get(start)) for start in starts]
    found = store_of(spec.metric.namespace).read_whole(
        spec.metric, start_s=start_s, end_s=end_s, period_s=spec.period_s, unit=spec.unit
    )
    return [_datapoint(start, found.get(start), statistic=spec.statistic) for start in starts]


def _datapoint(start_s: int, values: Aggregate | None, *, statistic: str) -> Datapoint:
    if values is None:
        return Datapoint(start_s=start_s)
    return Datapoint(start_s=start_s, value=values.statistic(statistic), sample_count=values.count)
