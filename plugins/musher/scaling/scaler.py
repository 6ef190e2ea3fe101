"""Application Auto Scaling of one variant: from a minute's metric to the next desired capacity.

Several policies: out if any says so, to the largest capacity; in only if all that may scale in agree, to
the largest again. While an activity is under way, SageMaker refuses another one, and the alarms ask again a
minute later. A cooldown begins at an activity's end. Scheduled actions heed no cooldown.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from musher.scaling.alarms import ALARM, INSUFFICIENT_DATA, evaluate_alarm, evaluation_range
from musher.scaling.cooldowns import NO_COOLDOWN, Cooldown, start_cooldown
from musher.scaling.decisions import clamp, decide_step, decide_target_tracking
from musher.scaling.policies import (
    HIGH_PERIODS,
    LOW_FACTOR,
    LOW_PERIODS,
    Policy,
    ScalingPlan,
    StepScaling,
    TargetTracking,
)


@dataclass(kw_only=True)
class Watch:
    """One alarm, with the state it is in."""

    policy: Policy
    threshold: float
    comparison: str
    evaluation_periods: int
    datapoints_to_alarm: int
    treat_missing: str = "missing"
    state: str = INSUFFICIENT_DATA

    def evaluate(self, points: list[float | None]) -> None:
        """Take the newest point in."""
        self.state = evaluate_alarm(
            points,
            threshold=self.threshold,
            comparison=self.comparison,
            evaluation_periods=self.evaluation_periods,
            datapoints_to_alarm=self.datapoints_to_alarm,
            treat_missing=self.treat_missing,
            previous_state=self.state,
        )

    def values(self, points: list[float | None]) -> list[float]:
        """Return the values that it has evaluated, the newest last."""
        seen = points[-evaluation_range(self.evaluation_periods) :]
        return [value for value in seen if value is not None][-self.evaluation_periods :]


@dataclass(frozen=True, kw_only=True)
class Change:
    """A new desired capacity, and the cooldown that follows its activity."""

    capacity: int
    cooldown_s: float = 0.0


class Scaler:
    """The alarms, cooldown and bounds of one scalable target."""

    def __init__(self, plan: ScalingPlan) -> None:
        self.min_capacity, self.max_capacity = plan.min_capacity, plan.max_capacity
        self._plan = plan
        self._watches = [watch for policy in plan.policies for watch in _watches_of(policy)]
        longest = max((evaluation_range(watch.evaluation_periods) for watch in self._watches), default=1)
        self._points: deque[float | None] = deque(maxlen=longest)
        self._cooldown: Cooldown = NO_COOLDOWN

    def reschedule(self, *, after_s: float, until_s: float, capacity: int) -> int:
        """Apply the scheduled actions of a stretch of time; return the capacity within the bounds."""
        for action in self._plan.scheduled:
            if action.is_due(after_s=after_s, until_s=until_s):
                self.min_capacity = self.min_capacity if action.min_capacity is None else action.min_capacity
                self.max_capacity = self.max_capacity if action.max_capacity is None else action.max_capacity
        return clamp(capacity, self.min_capacity, self.max_capacity)

    def observe(self, value: float | None) -> None:
        """Take a minute's metric in; every alarm is evaluated."""
        self._points.append(value)
        points = list(self._points)
        for watch in self._watches:
            watch.evaluate(points)

    def decide(self, *, capacity: int, now_s: float) -> Change | None:
        """Return the change that the alarms ask for now, if any; no activity may be under way."""
        return self._scale_out(capacity, now_s) or self._scale_in(capacity, now_s)

    def finish(self, *, before: int, after: int, cooldown_s: float, now_s: float) -> None:
        """Note that an activity of a policy has ended."""
        self._cooldown = start_cooldown(before=before, after=after, now_s=now_s, length_s=cooldown_s)

    def _scale_out(self, capacity: int, now_s: float) -> Change | None:
        base = self._cooldown.counts_from(capacity, now_s=now_s)
        wanted = [change for change in self._asked(base, is_out=True) if change.capacity > capacity]
        return max(wanted, key=lambda change: change.capacity, default=None)

    def _scale_in(self, capacity: int, now_s: float) -> Change | None:
        tracking = [watch for watch in self._watches if isinstance(watch.policy, TargetTracking)]
        if any(watch.state == ALARM for watch in tracking if watch.comparison.startswith("Greater")):
            return None
        lows = [watch for watch in tracking if watch.comparison.startswith("Less")]
        if any(watch.state != ALARM for watch in lows):
            return None
        change = max(self._asked(capacity, is_out=False), key=lambda change: change.capacity, default=None)
        if change is None or change.capacity >= capacity:
            return None
        return change if self._cooldown.allows_scale_in(now_s=now_s) else None

    def _asked(self, capacity: int, *, is_out: bool) -> Iterator[Change]:
        """Yield what each alarm in ALARM asks for, those of target tracking in one direction only."""
        points = list(self._points)
        for watch in self._watches:
            values = watch.values(points)
            if watch.state != ALARM or not values:
                continue
            if isinstance(watch.policy, StepScaling):
                yield from self._step(watch.policy, capacity, values[-1])
            elif watch.comparison.startswith("Greater") == is_out:
                yield self._track(watch.policy, capacity, values[-1] if is_out else max(values), is_out)

    def _track(self, policy: TargetTracking, capacity: int, value: float, is_out: bool) -> Change:
        wanted = decide_target_tracking(
            capacity=capacity,
            metric_value=value,
            target=policy.target,
            min_capacity=self.min_capacity,
            max_capacity=self.max_capacity,
            scale_in=not is_out,
        )
        cooldown_s = policy.scale_out_cooldown_s if is_out else policy.scale_in_cooldown_s
        return Change(capacity=wanted, cooldown_s=cooldown_s)

    def _step(self, policy: StepScaling, capacity: int, value: float) -> Iterator[Change]:
        wanted = decide_step(
            policy.steps,
            adjustment_type=policy.adjustment_type,
            min_magnitude=policy.min_magnitude,
            capacity=capacity,
            metric_value=value,
            threshold=policy.threshold,
            is_above=policy.is_above,
            min_capacity=self.min_capacity,
            max_capacity=self.max_capacity,
        )
        if wanted is not None:
            yield Change(capacity=wanted, cooldown_s=policy.cooldown_s)


def _watches_of(policy: Policy) -> Iterator[Watch]:
    """Yield the alarms that AWS makes for target tracking, or the one that a step policy is hung on."""
    if isinstance(policy, StepScaling):
        yield Watch(
            policy=policy,
            threshold=policy.threshold,
            comparison=policy.comparison,
            evaluation_periods=policy.evaluation_periods,
            datapoints_to_alarm=policy.datapoints_to_alarm,
            treat_missing=policy.treat_missing,
        )
        return
    yield _tracking_watch(policy, policy.target, "GreaterThanThreshold", HIGH_PERIODS)
    if not policy.disable_scale_in:
        yield _tracking_watch(policy, policy.target * LOW_FACTOR, "LessThanThreshold", LOW_PERIODS)


def _tracking_watch(policy: Policy, threshold: float, comparison: str, periods: int) -> Watch:
    return Watch(
        policy=policy,
        threshold=threshold,
        comparison=comparison,
        evaluation_periods=periods,
        datapoints_to_alarm=periods,
    )
