"""What alarms of policies come to, on a capacity and a clock that the test moves."""

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

import pytest
from moto.sagemaker.exceptions import ValidationError

from localaws.autoscaling.activities import Activities
from localaws.autoscaling.capacities import Reading
from localaws.autoscaling.decisions import Decision
from localaws.autoscaling.scaling import Scaling
from localaws.autoscaling.spec import INSTANCE_COUNT, STEPS, TRACKING, Place
from localaws.clock import ManualClock
from localaws.cloudwatch.alarms.evaluation import Rule

PLACE = Place(namespace="sagemaker", resource_id="endpoint/e/variant/v", dimension=INSTANCE_COUNT)
STEP = {
    "AdjustmentType": "ChangeInCapacity",
    "StepAdjustments": [
        {"MetricIntervalLowerBound": 0.0, "MetricIntervalUpperBound": 10.0, "ScalingAdjustment": 2},
        {"MetricIntervalLowerBound": 10.0, "ScalingAdjustment": 3},
    ],
}


@dataclass
class FakeCapacity:
    """A capacity that is busy from a request until the test says that it is done."""

    current: int = 1
    desired: int = 1
    is_busy: bool = False
    failure: str = ""
    refusal: str = ""

    def least(self) -> int:
        """Return 1."""
        return 1

    def read(self) -> Reading | None:
        """Return what there is."""
        return Reading(current=self.current, desired=self.desired, is_busy=self.is_busy, failure=self.failure)

    def ask_for(self, count: int) -> None:
        """Begin to change, or refuse."""
        if self.refusal:
            raise ValidationError(message=self.refusal)
        self.desired, self.is_busy = count, True

    def finish(self, *, failure: str = "") -> None:
        """End the change."""
        self.is_busy, self.failure = False, failure
        if failure:
            self.desired = self.current
        self.current = self.desired


@dataclass
class World:
    """A target of 1 to 6 instances with policies, and what their alarms say."""

    capacity: FakeCapacity = field(default_factory=FakeCapacity)
    clock: ManualClock = field(default_factory=ManualClock)
    policies: list[Any] = field(default_factory=list)
    states: dict[str, str] = field(default_factory=dict)
    values: dict[str, list[float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.target = SimpleNamespace(min_capacity=1, max_capacity=6, suspended_state={})
        self.activities = Activities(self.clock.now)
        self.scaling = Scaling(
            place=PLACE,
            target=self.target,
            capacity=self.capacity,
            activities=self.activities,
            clock=self.clock,
        )
        self.add("p")

    def add(self, name: str, *, kind: str = TRACKING, low: str | None = None, **config: Any) -> Any:
        """Add a policy with a target of 30; its alarms are `NAME-high` and `NAME-low`."""
        policy = SimpleNamespace(
            policy_name=name,
            policy_type=kind,
            high=f"{name}-high" if kind == TRACKING else "",
            low=f"{name}-low" if low is None and kind == TRACKING else "",
            config={"TargetValue": 30.0, **config},
        )
        self.policies.append(policy)
        return policy

    def state_of(self, name: str) -> str:
        """Return the state of an alarm."""
        return self.states.get(name, "OK")

    def recent_values(self, name: str) -> list[float]:
        """Return what an alarm looks at."""
        return self.values.get(name, [])

    def alarm(self, name: str, *values: float, state: str = "ALARM") -> None:
        """Let an alarm be in a state on values, and act."""
        self.states[name], self.values[name] = state, list(values)
        rule = Rule(
            comparison="GreaterThanThreshold", threshold=30.0, evaluation_periods=3, datapoints_to_alarm=3
        )
        change = SimpleNamespace(spec=SimpleNamespace(name=name, rule=rule), now=SimpleNamespace(value=state))
        policy = next(item for item in self.policies if name.startswith(item.policy_name))
        Decision(
            scaling=self.scaling,
            policy=policy,
            policies=self.policies,
            change=cast(Any, change),
            alarms=self,
        ).act()

    def told(self, *, with_not_scaled: bool = False) -> list[str]:
        """Return what has become of the target, the newest first."""
        found = self.activities.list(
            "sagemaker", resource_id=None, dimension=None, with_not_scaled=with_not_scaled
        )
        return [f"{item.status} {item.reason['Code'] if item.reason else item.description}" for item in found]

    def finish(self) -> None:
        """Let the change under way end, and be noticed."""
        self.capacity.finish()
        self.scaling.follow()


@pytest.fixture
def world() -> World:
    """Return a target with one policy."""
    return World()


def test_a_scale_out_goes_to_what_is_needed_in_one_step_and_is_followed(world: World) -> None:
    world.alarm("p-high", 60.0, 75.0, 90.0)
    (activity,) = world.activities.list("sagemaker", resource_id=None, dimension=None, with_not_scaled=True)
    assert activity.message == (
        "Successfully set desired instance count to 3. Waiting for change to be fulfilled by sagemaker."
    )
    assert world.told() == ["InProgress Setting desired instance count to 3."]
    world.finish()
    assert activity.described() | {"ActivityId": "", "StartTime": 0, "EndTime": 0} == {
        "ActivityId": "",
        "ServiceNamespace": "sagemaker",
        "ResourceId": "endpoint/e/variant/v",
        "ScalableDimension": INSTANCE_COUNT,
        "Description": "Setting desired instance count to 3.",
        "Cause": "monitor alarm p-high in state ALARM triggered policy p",
        "StartTime": 0,
        "EndTime": 0,
        "StatusCode": "Successful",
        "StatusMessage": "Successfully set desired instance count to 3. Change successfully fulfilled by "
        "sagemaker.",
    }


def test_nothing_more_is_asked_while_a_change_is_under_way(world: World) -> None:
    world.alarm("p-high", 90.0)
    world.alarm("p-high", 180.0)
    assert world.capacity.desired == 3
    assert len(world.told(with_not_scaled=True)) == 1


def test_old_values_do_not_scale_out_again_while_it_cools_down(world: World) -> None:
    world.alarm("p-high", 90.0)
    world.finish()
    world.alarm("p-high", 90.0)
    assert world.capacity.desired == 3
    world.alarm("p-high", 150.0)
    assert world.capacity.desired == 5, "only a larger scale-out passes"
    world.finish()
    world.clock.advance(300)
    world.alarm("p-high", 36.0)
    assert world.capacity.desired == 6


def test_the_most_demanding_policy_wins(world: World) -> None:
    world.add("q")
    world.states["q-high"], world.values["q-high"] = "ALARM", [120.0]
    world.alarm("p-high", 60.0)
    assert world.capacity.desired == 4


def test_a_scale_in_needs_every_policy_that_may_scale_in(world: World) -> None:
    world.capacity.current = world.capacity.desired = 4
    world.add("q")
    world.add("r", low="", DisableScaleIn=True)
    for state in ("OK", "INSUFFICIENT_DATA"):
        world.states["q-low"] = state
        world.alarm("p-low", 5.0)
        assert world.capacity.desired == 4
    world.states["q-low"], world.values["q-low"] = "ALARM", [2.0, 20.0, 1.0]
    world.states["r-high"] = "ALARM"
    world.alarm("p-low", 5.0)
    assert world.capacity.desired == 4, "a policy asks for more"
    world.states["r-high"] = "OK"
    world.alarm("p-low", 5.0)
    assert world.capacity.desired == 3, "the highest value of the least ready policy counts"


def test_a_scale_in_cools_down_and_a_scale_out_does_not_wait(world: World) -> None:
    world.capacity.current = world.capacity.desired = 6
    world.alarm("p-low", 20.0)
    world.finish()
    assert world.capacity.current == 4
    world.alarm("p-low", 1.0)
    assert world.capacity.desired == 4
    world.states["p-low"] = "OK"
    world.alarm("p-high", 45.0)
    assert world.capacity.desired == 6


def test_missing_data_and_other_states_scale_nothing(world: World) -> None:
    world.capacity.current = world.capacity.desired = 4
    for state in ("INSUFFICIENT_DATA", "OK"):
        world.alarm("p-low", state=state)
        world.alarm("p-high", state=state)
    world.alarm("p-low")
    world.alarm("p-high")
    assert world.capacity.desired == 4
    assert world.told(with_not_scaled=True) == []


@pytest.mark.parametrize(
    ("suspended", "alarm"),
    [("DynamicScalingOutSuspended", "p-high"), ("DynamicScalingInSuspended", "p-low")],
)
def test_what_is_suspended_does_not_scale(world: World, suspended: str, alarm: str) -> None:
    world.capacity.current = world.capacity.desired = 3
    world.target.suspended_state = {suspended: True}
    world.alarm(alarm, 60.0 if alarm == "p-high" else 1.0)
    assert world.capacity.desired == 3
    world.target.suspended_state = {}
    world.alarm(alarm, 60.0 if alarm == "p-high" else 1.0)
    assert world.capacity.desired != 3


@pytest.mark.parametrize(
    ("capacity", "alarm", "value", "reason"),
    [
        (6, "p-high", 60.0, {"Code": "AlreadyAtMaxCapacity", "MaxCapacity": 6, "CurrentCapacity": 6}),
        (1, "p-low", 0.0, {"Code": "AlreadyAtMinCapacity", "MinCapacity": 1, "CurrentCapacity": 1}),
        (3, "p-low", 29.0, {"Code": "AlreadyAtDesiredCapacity", "CurrentCapacity": 3}),
    ],
)
def test_why_nothing_was_scaled_is_told_once(
    world: World, capacity: int, alarm: str, value: float, reason: dict[str, Any]
) -> None:
    world.capacity.current = world.capacity.desired = capacity
    world.alarm(alarm, value)
    world.alarm(alarm, value)
    assert world.told() == []
    (item,) = world.activities.list("sagemaker", resource_id=None, dimension=None, with_not_scaled=True)
    answer = item.described()
    assert answer["NotScaledReasons"] == [reason]
    assert (answer["Description"], answer["StatusCode"]) == (
        "Attempting to scale due to alarm triggered",
        "Failed",
    )


def test_an_endpoint_that_is_updated_otherwise_is_left(world: World) -> None:
    world.capacity.current = world.capacity.desired = 3
    world.capacity.is_busy = True
    world.alarm("p-low", 1.0)
    assert world.capacity.desired == 3
    assert world.told(with_not_scaled=True) == ["Failed TargetServicePutResourceAsUnscalable"]


def test_what_the_service_refuses_has_failed_and_nothing_cools_down(world: World) -> None:
    world.capacity.refusal = "no capacity"
    world.alarm("p-high", 90.0)
    (activity,) = world.activities.list("sagemaker", resource_id=None, dimension=None, with_not_scaled=True)
    assert activity.message == "Failed to set desired instance count to 3. Reason: no capacity"
    world.capacity.refusal = ""
    world.alarm("p-high", 90.0)
    assert world.capacity.desired == 3


def test_a_change_that_the_service_could_not_make_has_failed(world: World) -> None:
    world.alarm("p-high", 90.0)
    world.capacity.finish(failure="the container did not pass the ping health check")
    world.scaling.follow()
    assert world.told() == ["Failed Setting desired instance count to 3."]
    assert world.scaling.cooldown.base_for_out(1, now_s=world.clock.monotonic()) == 1


def test_a_change_behind_which_somebody_asked_for_another_is_overridden(world: World) -> None:
    world.alarm("p-high", 90.0)
    world.capacity.desired = 2
    world.finish()
    assert world.told() == ["Overridden Setting desired instance count to 3."]


@pytest.mark.parametrize(("value", "expected"), [(35.0, 3), (45.0, 4), (29.0, 1)])
def test_a_step_policy_changes_by_its_steps(world: World, value: float, expected: int) -> None:
    world.add("s", kind=STEPS, **STEP)
    world.alarm("s-alarm", value)
    assert world.capacity.desired == expected


def test_in_a_cooldown_a_larger_step_adds_only_what_is_missing(world: World) -> None:
    """AWS's own example: two were added, three are asked for, so one more comes."""
    world.add("s", kind=STEPS, Cooldown=300, **STEP)
    world.alarm("s-alarm", 35.0)
    world.finish()
    world.alarm("s-alarm", 35.0)
    assert world.capacity.desired == 3
    world.alarm("s-alarm", 45.0)
    assert world.capacity.desired == 4


def test_a_step_in_waits_for_the_cooldown_of_another(world: World) -> None:
    world.capacity.current = world.capacity.desired = 5
    world.add("s", kind=STEPS, AdjustmentType="ExactCapacity", StepAdjustments=[{"ScalingAdjustment": 3}])
    world.alarm("s-alarm", 1.0)
    world.finish()
    world.policies[-1].config["StepAdjustments"] = [{"ScalingAdjustment": 1}]
    world.alarm("s-alarm", 1.0)
    assert world.capacity.desired == 3
    world.clock.advance(300)
    world.alarm("s-alarm", 1.0)
    assert world.capacity.desired == 1


def test_bounds_move_the_capacity_at_once_or_once_it_can_change(world: World) -> None:
    world.capacity.is_busy = True
    world.target.min_capacity = 2
    world.scaling.keep_bounds()
    assert (world.capacity.desired, world.scaling.is_waiting) == (1, True)
    world.capacity.is_busy = False
    world.scaling.keep_bounds()
    assert (world.capacity.desired, world.scaling.is_waiting) == (2, False)
    world.finish()
    assert world.told() == ["Successful Setting desired instance count to 2."]


def test_a_scheduled_action_sets_bounds_whatever_cools_down(world: World) -> None:
    world.alarm("p-high", 90.0)
    world.finish()
    world.scaling.set_bounds(low=None, high=2, cause="scheduled action name night was triggered")
    assert world.capacity.desired == 2
    assert world.told()[:2] == [
        "InProgress Setting desired instance count to 2.",
        "Successful Setting max capacity to 2",
    ]
    world.finish()
    world.scaling.set_bounds(low=5, high=None, cause="scheduled action name wrong was triggered")
    assert world.told()[0] == "Failed Setting min capacity to 5"
    assert world.scaling.bounds == (1, 2)
