"""Targets, policies, alarms and schedules together, on a capacity and a clock that the test moves."""

from collections.abc import Generator
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, cast

import pytest

from localaws import context as contexts
from localaws.autoscaling import backend as backends
from localaws.autoscaling import policies
from localaws.autoscaling.capacities import InstanceCount, ProvisionedConcurrency, Reading, capacity_of
from localaws.autoscaling.errors import InvalidError, ObjectNotFoundError
from localaws.autoscaling.models import LocalAutoscalingBackend
from localaws.autoscaling.service import AutoscalingService
from localaws.autoscaling.spec import INSTANCE_COUNT, PROVISIONED_CONCURRENCY, Place
from localaws.clock import ManualClock
from localaws.cloudwatch.metrics import Metrics
from localaws.cloudwatch.models import LocalCloudWatchBackend
from localaws.cloudwatch.sources.endpoints import concurrent_key, variant_keys
from localaws.cloudwatch.statistics import Aggregate
from localaws.errors import LocalAwsError

WHERE = ("sagemaker", "endpoint/e/variant/v", INSTANCE_COUNT)
PLACE = Place(namespace=WHERE[0], resource_id=WHERE[1], dimension=WHERE[2])
INVOCATIONS = {
    "PredefinedMetricSpecification": {"PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"}
}
CONCURRENT = "SageMakerVariantConcurrentRequestsPerModelHighResolution"


@dataclass
class AtOnce:
    """A capacity that changes at once, and may go."""

    count: int = 1
    is_there: bool = True

    def least(self) -> int:
        """Return 1."""
        return 1

    def read(self) -> Reading | None:
        """Return what there is."""
        return Reading(current=self.count, desired=self.count) if self.is_there else None

    def ask_for(self, count: int) -> None:
        """Change."""
        self.count = count


class World:
    """Application Auto Scaling and CloudWatch of one account in one region."""

    def __init__(self) -> None:
        self.clock, self.capacity = ManualClock(), AtOnce()
        self.metrics = Metrics(self.clock)
        self.service = AutoscalingService(cast(Any, self))
        self.service._stopping.set()  # the test ticks
        contexts.activate(cast(Any, self))
        self.cloudwatch = LocalCloudWatchBackend("us-east-1", "123456789012")
        self.backend = LocalAutoscalingBackend("us-east-1", "123456789012")

    def find_service(self, kind: Any) -> Any:
        """Return the service that scales, or what delivers."""
        return self.service if kind is AutoscalingService else SimpleNamespace(delivery=self)

    def start(self, change: Any, *, outcome: Any) -> None:
        """Carry out the actions of an alarm that has changed."""
        for arn in change.spec.actions.get(change.now.value, ()):
            self.service.act_on_alarm(change, policy_arn=arn)

    def repeat(self, change: Any) -> None:
        """Carry out the actions of an alarm whose state goes on."""
        self.start(change, outcome=None)

    def register(self, low: int = 1, high: int = 6, **suspended: bool) -> Any:
        """Register the target."""
        return self.backend.register_scalable_target(*WHERE, low, high, "", suspended or None)

    def track(self, target: float = 30.0, name: str = "p", **config: Any) -> Any:
        """Put a policy of invocations for each instance."""
        body = {"TargetValue": target, **(config or INVOCATIONS)}
        return self.backend.put_scaling_policy(name, *WHERE, body, "TargetTrackingScaling")

    def schedule(self, schedule: str, name: str = "a", **options: Any) -> None:
        """Put a scheduled action that sets 2 instances at least."""
        defaults: dict[str, Any] = {"timezone": None, "start_time": None, "end_time": None}
        defaults["scalable_target_action"] = {"MinCapacity": 2}
        self.backend.put_scheduled_action(
            service_namespace=WHERE[0],
            resource_id=WHERE[1],
            scalable_dimension=WHERE[2],
            schedule=schedule,
            scheduled_action_name=name,
            **(defaults | options),
        )

    def pass_s(self, seconds: float) -> None:
        """Let time pass, evaluate alarms, and tick."""
        before_s = self.metrics.now_s()
        self.clock.advance(seconds)
        self.cloudwatch.evaluate_alarms(
            before_s=before_s, now_s=self.metrics.now_s(), delivery=cast(Any, self)
        )
        self.service.tick()

    def pass_minutes(self, *values: float) -> None:
        """Let a minute pass for each number of invocations for each instance."""
        key = variant_keys("e", "v")[1]
        store = self.metrics.store(account_id="123456789012", region="us-east-1")
        for value in values:
            store.add_value(key, value, unit="None", at_s=self.metrics.now_s())
            self.pass_s(60)

    def causes(self) -> list[str]:
        """Return why something scaled, the newest first."""
        found = self.backend.activities.list(
            "sagemaker", resource_id=None, dimension=None, with_not_scaled=False
        )
        return [item.cause for item in found]


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Generator[World, None, None]:
    """Yield a world at the beginning of 2026."""
    found = World()
    monkeypatch.setattr(backends, "find_capacity", lambda place, **where: found.capacity)
    for module in (backends, policies):
        monkeypatch.setattr(module, "alarms_of", lambda account_id, region: found.cloudwatch)
    yield found
    contexts.activate(None)


def test_alarms_take_a_target_out_and_in_again(world: World) -> None:
    world.register()
    world.track(ScaleOutCooldown=0, ScaleInCooldown=0, **INVOCATIONS)
    world.pass_minutes(90.0, 90.0)
    assert world.capacity.count == 1, "three datapoints are asked for"
    world.pass_minutes(90.0)
    assert world.capacity.count == 3
    world.pass_minutes(*[10.0] * 14)
    assert world.capacity.count == 3
    world.pass_minutes(10.0)
    assert world.capacity.count == 1
    assert [cause.split("-Alarm")[1][:4].strip("-") for cause in world.causes()] == ["Low", "High"]


def test_no_data_never_scales_in(world: World) -> None:
    world.capacity.count = 4
    world.register()
    world.track()
    for _ in range(40):
        world.pass_s(60)
    assert world.capacity.count == 4


def test_a_metric_of_high_resolution_scales_out_within_a_minute(world: World) -> None:
    world.register()
    world.track(5.0, PredefinedMetricSpecification={"PredefinedMetricType": CONCURRENT})
    store = world.metrics.store(account_id="123456789012", region="us-east-1")
    for _ in range(3):
        values = Aggregate()
        values.add(12.0)
        store.add(
            concurrent_key("e", "v"), values, unit="None", at_s=world.metrics.now_s(), is_high_resolution=True
        )
        world.pass_s(10)
    assert world.capacity.count == 3
    high, low = (alarm.spec for alarm in world.backend.policies.popitem()[1].alarms)
    assert (high.period_s, high.rule.evaluation_periods) == (10, 3)
    assert (low.period_s, low.rule.evaluation_periods) == (10, 90)


def test_metric_math_scales_too(world: World) -> None:
    world.register()
    metric = {
        "Namespace": "AWS/SageMaker",
        "MetricName": "InvocationsPerInstance",
        "Dimensions": [{"Name": "EndpointName", "Value": "e"}, {"Name": "VariantName", "Value": "v"}],
    }
    queries = [
        {"Id": "m", "MetricStat": {"Metric": metric, "Stat": "Sum"}, "ReturnData": False},
        {"Id": "e", "Expression": "m / 10"},
    ]
    world.track(3.0, CustomizedMetricSpecification={"Metrics": queries})
    world.pass_minutes(60.0, 60.0, 60.0)
    assert world.capacity.count == 2


def test_a_metric_that_cannot_be_watched_is_refused_and_leaves_nothing(world: World) -> None:
    world.register()
    with pytest.raises(InvalidError):
        world.track(3.0, CustomizedMetricSpecification={"MetricName": "m", "Statistic": "Sum"})
    assert world.backend.policies == {}
    assert world.cloudwatch.local_alarms() == []


@pytest.mark.parametrize(
    ("schedule", "due_s"),
    [("rate(10 minutes)", 600), ("at(2026-01-01T00:20:00)", 1200), ("cron(15 0 * * ? *)", 900)],
)
def test_a_scheduled_action_sets_bounds_when_it_is_due(world: World, schedule: str, due_s: int) -> None:
    world.register()
    world.schedule(schedule)
    world.pass_s(due_s - 1)
    assert world.capacity.count == 1
    world.pass_s(2)
    assert world.capacity.count == 2
    assert world.causes() == ["minimum capacity was set to 2", "scheduled action name a was triggered"]


def test_a_scheduled_action_heeds_its_first_and_last_time_and_suspension(world: World) -> None:
    world.register()
    now_s = world.clock.now().timestamp()
    world.schedule("rate(1 minute)", start_time=now_s + 600)
    world.schedule("rate(1 minute)", name="over", end_time=now_s - 1)
    world.pass_s(300)
    assert world.capacity.count == 1
    world.register(1, 6, ScheduledScalingSuspended=True)
    world.pass_s(600)
    assert world.capacity.count == 1
    world.register(1, 6, ScheduledScalingSuspended=False)
    world.pass_s(120)
    assert world.capacity.count == 2


@pytest.mark.parametrize(
    "options",
    [
        {"start_time": 1e20},
        {"end_time": 1e20},
        {"schedule": "rate(999999999 days)"},
        {"schedule": "at(9999-12-31T23:59:59)", "timezone": "America/New_York"},
        {"timezone": "../etc/passwd"},
        {"timezone": "Europe"},
    ],
)
def test_times_beyond_the_calendar_are_refused(world: World, options: dict[str, Any]) -> None:
    """They would stop every tick that follows."""
    world.register()
    with pytest.raises(InvalidError):
        world.schedule(**({"schedule": "rate(1 hour)"} | options))
    assert world.backend.scheduled_actions == []


def test_a_change_of_an_action_keeps_what_it_does_not_name(world: World) -> None:
    world.register()
    world.schedule("rate(10 minutes)")
    world.schedule("", scalable_target_action={"MinCapacity": 3})
    world.pass_s(601)
    assert world.capacity.count == 3


def test_what_is_not_registered_has_no_policies_and_no_actions(world: World) -> None:
    for put in (world.track, lambda: world.schedule("rate(1 hour)")):
        with pytest.raises(ObjectNotFoundError, match="No scalable target registered for"):
            put()


def test_all_goes_with_the_target_and_the_target_with_its_resource(world: World) -> None:
    world.register()
    world.track()
    world.schedule("rate(1 hour)")
    world.capacity.is_there = False
    world.pass_s(10)
    assert world.backend.describe_scalable_targets("sagemaker", None, None) == []
    assert (world.backend.policies, world.backend.scheduled_actions) == ({}, [])
    assert world.cloudwatch.local_alarms() == []
    with pytest.raises(ObjectNotFoundError, match="No scalable target found for"):
        world.backend.deregister_scalable_target(*WHERE)


def test_registering_again_keeps_what_it_does_not_name(world: World) -> None:
    world.register(2, 4, DynamicScalingInSuspended=True)
    target = world.backend.register_scalable_target(*WHERE, None, 5, "", None)
    assert (target.min_capacity, target.max_capacity, world.capacity.count) == (2, 5, 2)
    state: Any = target.suspended_state
    assert state["DynamicScalingInSuspended"]
    with pytest.raises(InvalidError):
        world.backend.register_scalable_target(*WHERE, None, 1, "", None)
    assert target.max_capacity == 5


def test_an_alarm_of_a_policy_that_is_gone_is_told_so(world: World) -> None:
    change: Any = SimpleNamespace()
    for region in ("us-east-1", "eu-west-1"):
        arn = f"arn:aws:autoscaling:{region}:123456789012:scalingPolicy:0:resource/r:policyName/p:createdBy/1"
        with pytest.raises(LocalAwsError, match="localaws scales nothing by the policy"):
            world.service.act_on_alarm(change, policy_arn=arn)


def test_a_tick_that_fails_leaves_the_next(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.register()
    world.schedule("rate(10 minutes)")
    with monkeypatch.context() as patched:
        patched.setattr(world.capacity, "read", lambda: 1 / 0)
        world.pass_s(10)
    world.pass_s(600)
    assert world.capacity.count == 2


def test_a_place_names_a_variant_or_an_alias() -> None:
    where = {"account_id": "123456789012", "region": "us-east-1"}
    assert capacity_of(PLACE, **where) == InstanceCount(**where, endpoint="e", variant="v")
    function = Place(namespace="lambda", resource_id="function:f:live", dimension=PROVISIONED_CONCURRENCY)
    assert isinstance(capacity_of(function, **where), ProvisionedConcurrency)


def test_no_bound_fills_the_machine_with_processes() -> None:
    count = InstanceCount(account_id="123456789012", region="us-east-1", endpoint="e", variant="v")
    with pytest.raises(LocalAwsError, match="service limit for endpoint usage is 32 Instances"):
        count.ask_for(33)


@pytest.mark.parametrize(
    ("dimension", "resource_id"),
    [
        (INSTANCE_COUNT, "endpoint/e"),
        (INSTANCE_COUNT, "endpoint/e/variant/"),
        (INSTANCE_COUNT, "model/e/variant/v"),
        (PROVISIONED_CONCURRENCY, "function:f"),
        (PROVISIONED_CONCURRENCY, "function:f:$LATEST"),
        (PROVISIONED_CONCURRENCY, "alias:f:live"),
    ],
)
def test_names_of_another_form_are_refused(dimension: str, resource_id: str) -> None:
    place = Place(namespace="any", resource_id=resource_id, dimension=dimension)
    with pytest.raises(InvalidError, match="Unsupported service namespace"):
        capacity_of(place, account_id="123456789012", region="us-east-1")


@pytest.mark.parametrize("how", ["registered", "scheduled"])
def test_other_bounds_leave_a_scale_in_cooling_down(world: World, how: str) -> None:
    """Only a scale-out ends it: what moves a capacity into its bounds has no cooldown of its own."""
    world.capacity.count = 6
    world.register()
    world.track(ScaleOutCooldown=0, ScaleInCooldown=3600, **INVOCATIONS)
    world.pass_minutes(*[25.0] * 15)
    assert world.capacity.count == 5
    if how == "registered":
        world.register(1, 4)
    else:
        world.schedule("rate(1 minute)", scalable_target_action={"MaxCapacity": 4})
    world.pass_minutes(*[15.0] * 40)
    assert world.capacity.count == 4, "an hour is not over"
    world.pass_minutes(*[15.0] * 22)
    assert world.capacity.count == 2
