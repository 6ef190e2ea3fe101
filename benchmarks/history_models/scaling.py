"""Application Auto Scaling: targets, policies, alarms and schedules on random metrics.

What must hold: no number is asked for outside the bounds of the moment, nor while the resource takes no
change; nothing scales in while that is suspended or disabled, nor while a scale-in cools down; a scale-out
that cools down counts as part of the next; what is there is within the bounds once the resource has taken
every change; scaling goes with its resource, and nothing of it stays.
"""

from contextlib import suppress
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, cast
from unittest import mock

from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule
from moto.core.exceptions import JsonRESTError, ServiceException

from benchmarks.history_models.capacity import SlowCapacity
from benchmarks.history_models.machine import ACCOUNT, REGION, History
from localaws.autoscaling import backend as backends
from localaws.autoscaling import policies
from localaws.autoscaling.errors import InvalidError
from localaws.autoscaling.models import LocalAutoscalingBackend
from localaws.autoscaling.service import AutoscalingService
from localaws.autoscaling.spec import INSTANCE_COUNT
from localaws.cloudwatch.models import LocalCloudWatchBackend
from localaws.cloudwatch.sources.endpoints import variant_keys
from localaws.errors import LocalAwsError

WHERE = ("sagemaker", "endpoint/e/variant/v", INSTANCE_COUNT)
METRIC = {"PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"}
VALUES = (0.0, 1e-9, 5.0, 26.9, 27.0, 30.0, 30.1, 60.0, 90.0, 1e6, 1e300)
"""Of the metric whose target is 30; the largest makes a quotient that no count can be."""
REFUSED = (JsonRESTError, ServiceException)
counts, cooldowns = st.integers(0, 8), st.sampled_from((0, 60, 300, 900))
names = st.sampled_from(("a", "b"))
rarely = st.integers(0, 4)
"""A step is taken at 0 only: what ends everything else is not to end most histories."""


@dataclass(frozen=True, kw_only=True)
class Cooling:
    """A change by a policy that holds others back."""

    until_s: float
    before: int
    is_out: bool


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A change by a policy that the resource has taken, and not made yet."""

    policy: str
    before: int
    wanted: int
    cooldown_s: float


class ScalingHistory(History):
    """One target, its policies and its scheduled actions."""

    def __init__(self) -> None:
        super().__init__()
        self.capacity = SlowCapacity(on_ask=self.judge)
        self.service = AutoscalingService(cast(Any, self))
        self.service._stopping.set()  # the history ticks
        self.cloudwatch = LocalCloudWatchBackend(REGION, ACCOUNT)
        self.backend = LocalAutoscalingBackend(REGION, ACCOUNT)
        self.enter(mock.patch.object(backends, "find_capacity", self.find_capacity))
        for module in (backends, policies):
            self.enter(mock.patch.object(module, "alarms_of", return_value=self.cloudwatch))
        self.configs: dict[str, dict[str, Any]] = {}
        self.cooling: Cooling | None = None
        self.asked: Asked | None = None
        self.is_settled = True
        """Whether no change since the last look may have left the capacity outside the bounds."""
        self.is_seen = True
        """Whether localaws has looked since the resource takes changes again."""

    def find_capacity(self, place: Any, **where: str) -> SlowCapacity:
        """Return the capacity of the resource, as localaws looks for it. Raises InvalidError."""
        if not self.capacity.is_there:
            raise InvalidError(f"SageMaker endpoint variant doesn't exist: {place.resource_id}")
        return self.capacity

    def find_service(self, kind: Any) -> Any:
        """Return the service that scales, or what delivers."""
        return self.service if kind is AutoscalingService else SimpleNamespace(delivery=self)

    def start(self, change: Any, *, outcome: Any) -> None:
        """Carry out the actions of an alarm that has changed; an alarm may outlive its policy.

        What another alarm has asked for at the same moment may be there already.
        """
        self.note()
        for arn in change.spec.actions.get(change.now.value, ()):
            with suppress(LocalAwsError):
                self.service.act_on_alarm(change, policy_arn=arn)

    def repeat(self, change: Any) -> None:
        """Carry out the actions of an alarm whose state goes on."""
        self.start(change, outcome=None)

    @property
    def target(self) -> Any:
        """The registration, or None."""
        return next(iter(self.backend.describe_scalable_targets("sagemaker", None, None)), None)

    # -- what must hold ----------------------------------------------------------------------------------

    def judge(self, wanted: int) -> None:
        """Hold a number that is asked for against what is allowed now."""
        target, before = self.target, self.capacity.desired
        self.must(target is not None, f"{wanted} instances were asked for without a target")
        if target is None:
            return
        low, high = target.min_capacity, target.max_capacity
        self.must(low <= wanted <= high, f"{wanted} instances were asked for outside {low} to {high}")
        self.must(not self.capacity.is_busy, f"{wanted} instances were asked for during another change")
        self.must(wanted != before, f"{wanted} instances were asked for, which there are")
        cause = self.newest_cause()
        if "triggered policy" in cause:
            self.judge_policy(cause.rpartition(" ")[2], wanted=wanted, before=before, target=target)
        else:
            self.reach("kept to its bounds")
            self.asked = None

    def newest_cause(self) -> str:
        """Return why something scales now."""
        found = self.backend.activities.list(
            WHERE[0], resource_id=WHERE[1], dimension=WHERE[2], with_not_scaled=False
        )
        return found[0].cause

    def judge_policy(self, name: str, *, wanted: int, before: int, target: Any) -> None:
        """Hold what a policy asks for against suspensions and cooldowns."""
        is_out, config, now_s = wanted > before, self.configs[name], self.clock.monotonic()
        kind = "DynamicScalingOutSuspended" if is_out else "DynamicScalingInSuspended"
        self.reach("scaled out" if is_out else "scaled in")
        self.must(not target.suspended_state[kind], f"{name} scaled although {kind}")
        self.must(is_out or not config.get("DisableScaleIn"), f"{name} scaled in although it must not")
        cooling = self.cooling if self.cooling is not None and now_s < self.cooling.until_s else None
        if cooling is not None and is_out:
            self.reach("scaled out in a cooldown")
        if cooling is not None and not is_out:
            self.must(cooling.is_out, f"{name} scaled in {cooling.until_s - now_s} s before it might")
        if cooling is not None and cooling.is_out and is_out and "Step" in config:
            most = max(min(cooling.before, before) + config["Step"], target.min_capacity)
            self.must(wanted <= most, f"{name} scaled out twice in one cooldown: to {wanted}, not {most}")
        cooldown_s = config["ScaleOutCooldown" if is_out else "ScaleInCooldown"]
        self.asked = Asked(policy=name, before=before, wanted=wanted, cooldown_s=cooldown_s)

    @invariant()
    def what_is_settled_is_within_its_bounds(self) -> None:
        """Compare the capacity with the bounds, once nothing is under way."""
        target = self.target
        is_settled = self.is_settled and self.is_seen and self.capacity.is_there
        if target is None or not is_settled or self.capacity.is_busy:
            return
        low, high, found = target.min_capacity, target.max_capacity, self.capacity.desired
        assert low <= found <= high, f"{found} instances, outside {low} to {high}"

    def note(self) -> None:
        """Begin the cooldown of a change that has come to its end; localaws sees it as it looks."""
        asked, reading = self.asked, self.capacity.read()
        if asked is None or reading is None or reading.is_busy:
            return
        self.asked = None
        if reading.current == reading.desired == asked.wanted and not reading.failure:
            self.cooling = Cooling(
                until_s=self.clock.monotonic() + asked.cooldown_s,
                before=asked.before,
                is_out=asked.wanted > asked.before,
            )

    # -- steps -------------------------------------------------------------------------------------------

    @initialize(high=st.integers(2, 8), first=cooldowns, second=cooldowns, policies=st.integers(0, 3))
    def begin(self, high: int, first: int, second: int, policies: int) -> None:
        """Register the target, with policies that track, step, or do both."""
        self.register(1, high, {})
        if policies != 1:
            self.track("a", first, second, is_disabled=False)
        if policies:
            self.step_by(True, 2, first)
            self.step_by(False, 1, second)

    @rule(
        low=counts,
        high=counts,
        suspended=st.fixed_dictionaries({}, optional={name: st.booleans() for name in backends.SUSPENDABLE}),
    )
    def register(self, low: int, high: int, suspended: dict[str, bool]) -> None:
        """Register the target, or change it; what cannot be is refused and changes nothing."""
        known = self.target
        before = None if known is None else (known.min_capacity, known.max_capacity)
        try:
            self.backend.register_scalable_target(*WHERE, low, high, "", suspended or None)
        except REFUSED:
            now = self.target
            after = None if now is None else (now.min_capacity, now.max_capacity)
            is_right = 1 <= low <= high and self.capacity.is_there
            self.must(not is_right, f"bounds of {low} to {high} were refused")
            self.must(before == after, f"refused bounds were taken: {after}")
        else:
            self.must(1 <= low <= high, f"bounds of {low} to {high} were taken")
            self.is_settled, self.is_seen = not self.capacity.is_refusing, True
        self.note()

    @rule(chance=rarely)
    def deregister(self, chance: int) -> None:
        """Forget the target and all that belongs to it."""
        if chance:
            return
        with suppress(*REFUSED):
            self.backend.deregister_scalable_target(*WHERE)
        self.cooling = self.asked = None
        self.must(not self.backend.policies, "policies have stayed behind their target")
        self.must(not self.backend.scheduled_actions, "scheduled actions have stayed behind their target")

    @rule(name=names, scale_in=cooldowns, scale_out=cooldowns, is_disabled=st.booleans())
    def track(self, name: str, scale_in: int, scale_out: int, is_disabled: bool) -> None:
        """Put a target tracking policy."""
        config = {
            "TargetValue": 30.0,
            "ScaleInCooldown": scale_in,
            "ScaleOutCooldown": scale_out,
            "DisableScaleIn": is_disabled,
        }
        with suppress(*REFUSED):
            body = config | {"PredefinedMetricSpecification": METRIC}
            self.backend.put_scaling_policy(name, *WHERE, body, "TargetTrackingScaling")
            self.configs[name] = config

    @rule(is_above=st.booleans(), change=st.integers(1, 4), cooldown=cooldowns)
    def step_by(self, is_above: bool, change: int, cooldown: int) -> None:
        """Put a step scaling policy with an alarm of its own."""
        name, sign = ("above", 1) if is_above else ("below", -1)
        edge = "MetricIntervalLowerBound" if is_above else "MetricIntervalUpperBound"
        adjustment = {edge: 0.0, "ScalingAdjustment": sign * change}
        body = {"AdjustmentType": "ChangeInCapacity", "StepAdjustments": [adjustment], "Cooldown": cooldown}
        with suppress(*REFUSED):
            policy = self.backend.put_scaling_policy(name, *WHERE, body, "StepScaling")
            self.configs[name] = {
                "ScaleInCooldown": cooldown,
                "ScaleOutCooldown": cooldown,
                "Step": sign * change,
            }
            self.watch(name, policy.policy_arn, is_above=is_above)

    def watch(self, name: str, policy_arn: str, *, is_above: bool) -> None:
        """Put the alarm of a step scaling policy, on one minute."""
        self.cloudwatch.put_alarm(
            {
                "AlarmName": name,
                "Namespace": "AWS/SageMaker",
                "MetricName": "InvocationsPerInstance",
                "Statistic": "Sum",
                "Dimensions": [
                    {"Name": "EndpointName", "Value": "e"},
                    {"Name": "VariantName", "Value": "v"},
                ],
                "Period": 60,
                "EvaluationPeriods": 1,
                "Threshold": 50.0 if is_above else 10.0,
                "ComparisonOperator": "GreaterThanThreshold" if is_above else "LessThanThreshold",
                "AlarmActions": [policy_arn],
            }
        )

    @rule(name=st.sampled_from(("a", "b", "above", "below")))
    def delete_policy(self, name: str) -> None:
        """Delete a policy, and the alarm that was put for it."""
        with suppress(*REFUSED):
            self.backend.delete_scaling_policy(name, *WHERE)
        self.cloudwatch.delete_alarms([name])

    @rule(
        schedule=st.sampled_from(("rate(5 minutes)", "at(2026-01-01T00:10:00)", "cron(*/15 * * * ? *)")),
        bounds=st.fixed_dictionaries({}, optional={"MinCapacity": counts, "MaxCapacity": counts}),
        name=names,
    )
    def schedule(self, schedule: str, bounds: dict[str, int], name: str) -> None:
        """Put a scheduled action."""
        with suppress(*REFUSED):
            self.backend.put_scheduled_action(
                service_namespace=WHERE[0],
                resource_id=WHERE[1],
                scalable_dimension=WHERE[2],
                schedule=schedule,
                scheduled_action_name=name,
                timezone=None,
                start_time=None,
                end_time=None,
                scalable_target_action=bounds,
            )

    @rule(value=st.sampled_from((60.0, 90.0, 31.0, 1e6)), minutes=st.sampled_from((1, 2, 3, 4)))
    def load(self, value: float, minutes: int) -> None:
        """Let minutes pass with so much load that there is too little."""
        self.pass_minutes(value, minutes)

    @rule(value=st.sampled_from((5.0, 0.0, 26.9)), minutes=st.sampled_from((1, 2, 15, 16)))
    def idle(self, value: float, minutes: int) -> None:
        """Let minutes pass with so little load that there is too much."""
        self.pass_minutes(value, minutes)

    @rule(value=st.none() | st.sampled_from(VALUES), minutes=st.sampled_from((1, 1, 3, 16)))
    def pass_minutes(self, value: float | None, minutes: int) -> None:
        """Let minutes pass with the same load in each, or without a value."""
        store = self.metrics.store(account_id=ACCOUNT, region=REGION)
        for _ in range(minutes):
            if value is not None:
                key = variant_keys("e", "v")[1]
                store.add_value(key, value, unit="None", at_s=self.metrics.now_s())
            before_s = self.metrics.now_s()
            self.clock.advance(60)
            self.note()
            self.is_settled = self.is_settled and not self.capacity.is_refusing
            self.cloudwatch.evaluate_alarms(
                before_s=before_s, now_s=self.metrics.now_s(), delivery=cast(Any, self)
            )
            self.note()
            self.service.tick()
            self.is_seen = True
            self.note()
        if not self.capacity.is_there:
            self.must(self.target is None, "a target has stayed behind its resource")
            self.configs.clear()
            self.cooling = self.asked = None

    @rule(is_slow=st.booleans(), is_refusing=st.booleans())
    def behave(self, is_slow: bool, is_refusing: bool) -> None:
        """Let the resource take its time, or refuse, from now on."""
        self.capacity.is_slow, self.capacity.is_refusing = is_slow, is_refusing

    @precondition(lambda self: self.capacity.is_busy)
    @rule(is_success=st.booleans())
    def end_change(self, is_success: bool) -> None:
        """End what the resource does."""
        self.is_settled, self.is_seen = self.is_settled and is_success, False
        (self.capacity.finish if is_success else self.capacity.fail)()

    @precondition(lambda self: not self.capacity.is_busy and self.capacity.is_there)
    @rule(count=st.integers(1, 10))
    def change_by_hand(self, count: int) -> None:
        """Change the capacity as a person may, outside the bounds too."""
        self.note()
        self.is_settled = False
        self.capacity.set(count)

    @precondition(lambda self: not self.capacity.is_busy and self.capacity.is_there)
    @rule(chance=rarely)
    def update(self, chance: int) -> None:
        """Let the resource be busy with something else."""
        if chance:
            return
        self.capacity.is_busy = True

    @rule(chance=rarely)
    def lose_or_find_the_resource(self, chance: int) -> None:
        """Delete the resource, or make it anew."""
        if chance and self.capacity.is_there:
            return
        self.capacity.is_there = not self.capacity.is_there
        self.capacity.is_busy = self.is_settled = False
        self.capacity.count = self.capacity.desired
