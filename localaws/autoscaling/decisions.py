"""What an alarm of a policy comes to: another capacity, or the reason why not.

Source: https://docs.aws.amazon.com/autoscaling/application/userguide/target-tracking-scaling-policy-overview.html
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from localaws.autoscaling import wording
from localaws.autoscaling.capacities import Reading
from localaws.autoscaling.policies import LocalPolicy
from localaws.autoscaling.scaling import Scaling
from localaws.autoscaling.spec import STEPS, in_cooldown_s, out_cooldown_s
from localaws.autoscaling.stepping import decide_step
from localaws.autoscaling.tracking import decide_target_tracking
from localaws.cloudwatch.alarms.alarm import StateChange
from localaws.cloudwatch.alarms.states import ALARM

OUT_SUSPENDED, IN_SUSPENDED = "DynamicScalingOutSuspended", "DynamicScalingInSuspended"


class ReadsAlarms(Protocol):
    """CloudWatch's alarms of the same account and region."""

    def state_of(self, name: str) -> str:
        """Return the state of an alarm; empty where it is gone."""
        ...

    def recent_values(self, name: str) -> Sequence[float]:
        """Return what an alarm looks at now, the oldest first."""
        ...


@dataclass(frozen=True, kw_only=True)
class Decision:
    """One look at a target because of an alarm that is in a state."""

    scaling: Scaling
    policy: LocalPolicy
    policies: Sequence[LocalPolicy]
    """All of the target."""
    change: StateChange
    alarms: ReadsAlarms

    def act(self) -> None:
        """Carry the policy out."""
        reading = self.scaling.follow()
        if reading is None:
            return
        if self.policy.policy_type == STEPS:
            self._step(reading)
        elif self.change.now.value == ALARM and self.change.spec.name == self.policy.high:
            self._track_out(reading)
        elif self.change.now.value == ALARM and self.change.spec.name == self.policy.low:
            self._track_in(reading)

    @property
    def _now_s(self) -> float:
        return self.scaling.clock.monotonic()

    def _track_out(self, reading: Reading) -> None:
        """Scale out to what the most demanding of the policies in alarm asks for."""
        base = self.scaling.cooldown.base_for_out(reading.desired, now_s=self._now_s)
        wanted = [
            self._track(policy, capacity=base, value=values[-1], scale_in=False)
            for policy in self.policies
            if policy.high and self.alarms.state_of(policy.high) == ALARM
            if (values := self.alarms.recent_values(policy.high))
        ]
        if wanted:
            self._move_out(reading, wanted=max(wanted), base=base)

    def _track_in(self, reading: Reading) -> None:
        """Scale in only where every policy that may do so agrees, and none asks for more.

        The highest value counts that the alarm has looked at.
        """
        highs = [policy.high for policy in self.policies if policy.high]
        going_in = [policy for policy in self.policies if policy.low]
        if any(self.alarms.state_of(name) == ALARM for name in highs) or not all(
            self.alarms.state_of(policy.low) == ALARM for policy in going_in
        ):
            return
        wanted = [
            self._track(policy, capacity=reading.desired, value=max(values), scale_in=True)
            for policy in going_in
            if (values := self.alarms.recent_values(policy.low))
        ]
        if wanted:
            self._move_in(reading, wanted=max(wanted))

    def _track(self, policy: LocalPolicy, *, capacity: int, value: float, scale_in: bool) -> int:
        low, high = self.scaling.bounds
        return decide_target_tracking(
            capacity=capacity,
            metric_value=value,
            target=float(policy.config["TargetValue"]),
            min_capacity=low,
            max_capacity=high,
            scale_in=scale_in,
        )

    def _step(self, reading: Reading) -> None:
        base = self.scaling.cooldown.base_for_out(reading.desired, now_s=self._now_s)
        wanted = self._step_from(base)
        if wanted is not None and (wanted > reading.desired or base < reading.desired):
            self._move_out(reading, wanted=wanted, base=base)
        elif wanted is not None:
            self._move_in(reading, wanted=wanted)

    def _step_from(self, capacity: int) -> int | None:
        values = self.alarms.recent_values(self.change.spec.name)
        rule, (low, high) = self.change.spec.rule, self.scaling.bounds
        if not values:
            return None
        return decide_step(
            self.policy.config,
            capacity=capacity,
            metric_value=values[-1],
            threshold=rule.threshold,
            is_above=rule.comparison.startswith("Greater"),
            min_capacity=low,
            max_capacity=high,
        )

    def _move_out(self, reading: Reading, *, wanted: int, base: int) -> None:
        if self.scaling.is_suspended(OUT_SUSPENDED):
            return
        if wanted > reading.desired:
            cooldown_s = out_cooldown_s(self.policy.config, dimension=self.scaling.place.dimension)
            self._move(reading, wanted, cooldown_s=cooldown_s)
        elif base == reading.desired:
            self._stay(reading)

    def _move_in(self, reading: Reading, *, wanted: int) -> None:
        if self.scaling.is_suspended(IN_SUSPENDED):
            return
        if wanted >= reading.desired:
            self._stay(reading)
        elif self.scaling.cooldown.allows_in(now_s=self._now_s):
            cooldown_s = in_cooldown_s(self.policy.config, dimension=self.scaling.place.dimension)
            self._move(reading, wanted, cooldown_s=cooldown_s)

    def _move(self, reading: Reading, wanted: int, *, cooldown_s: float) -> None:
        if not reading.is_busy:
            self.scaling.change(wanted, before=reading.desired, cause=self._cause(), cooldown_s=cooldown_s)
        elif self.scaling.under_way is None:
            self._skip(wording.UNSCALABLE)

    def _stay(self, reading: Reading) -> None:
        low, high = self.scaling.bounds
        if reading.desired >= high:
            self._skip(wording.AT_MAX, MaxCapacity=high, CurrentCapacity=reading.desired)
        elif reading.desired <= low:
            self._skip(wording.AT_MIN, MinCapacity=low, CurrentCapacity=reading.desired)
        else:
            self._skip(wording.AT_DESIRED, CurrentCapacity=reading.desired)

    def _skip(self, code: str, **capacities: int) -> None:
        self.scaling.activities.skip(self.scaling.place, cause=self._cause(), code=code, **capacities)

    def _cause(self) -> str:
        change = self.change
        return wording.triggered(
            alarm=change.spec.name, policy=self.policy.policy_name, state=change.now.value
        )
