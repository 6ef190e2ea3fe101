"""Let an endpoint scale, keep it from it, and end that before the endpoint goes."""

from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException

from musher.errors import PayloadError
from musher.hooks.autoscaling import find_scaling, stop_scaling
from musher.payloads.autoscaling import plan_scaling
from musher.payloads.schedules import highest
from musher.settings import Settings
from musher.stages import autoscale, run_checks
from tests.unit.musher.operators.fakes import refuse
from tests.unit.musher.stages.test_stages import make_run

RESOURCE = "endpoint/musher-live/variant/AllTraffic"
PARAMS = {
    "endpoint_kind": "realtime",
    "endpoint_instance_count": 1,
    "autoscale_min": 1,
    "autoscale_max": 3,
    "autoscale_metric": "invocations",
    "autoscale_target": 100,
    "scale_out_cooldown_s": 30,
    "scale_in_cooldown_s": 30,
    "autoscale_custom_metric": None,
    "autoscale_schedule": [],
    "autoscale_steps": [],
}
CPU = "/aws/sagemaker/Endpoints CPUUtilization Average"


class FakeAutoscaling:
    """Scalable targets in memory."""

    def __init__(self) -> None:
        self.targets: dict[str, Any] = {}
        self.policies: list[str] = []
        self.actions: dict[str, dict[str, Any]] = {}
        self.alarms: dict[str, dict[str, Any]] = {}
        self.put: list[dict[str, Any]] = []
        self.conn = self

    def register_scalable_target(self, **request: Any) -> None:
        self.targets[request["ResourceId"]] = request

    def put_scaling_policy(self, **request: Any) -> dict[str, Any]:
        assert request["ResourceId"] in self.targets
        self.policies.append(request["PolicyName"])
        self.put.append(request)
        arn = f"arn:{request['PolicyName']}"
        return {"PolicyARN": arn, "Alarms": [{"AlarmName": "High"}, {"AlarmName": "Low"}]}

    def delete_scaling_policy(self, *, PolicyName: str, **_: str) -> None:  # noqa: N803
        if PolicyName not in self.policies:
            raise refuse("ObjectNotFoundException", "DeleteScalingPolicy")
        self.policies.remove(PolicyName)
        self.put = [request for request in self.put if request["PolicyName"] != PolicyName]

    def put_metric_alarm(self, **request: Any) -> None:
        self.alarms[request["AlarmName"]] = request

    def describe_alarms(self, *, AlarmNames: list[str]) -> dict[str, Any]:  # noqa: N803
        return {"MetricAlarms": [self.alarms[name] for name in AlarmNames if name in self.alarms]}

    def delete_alarms(self, *, AlarmNames: list[str]) -> None:  # noqa: N803
        for name in AlarmNames:
            del self.alarms[name]

    def describe_scalable_targets(self, *, ResourceIds: list[str], **_: str) -> dict[str, Any]:  # noqa: N803
        return {"ScalableTargets": [self.targets[name] for name in ResourceIds if name in self.targets]}

    def describe_scaling_policies(self, *, ResourceId: str, **_: str) -> dict[str, Any]:  # noqa: N803
        return {"ScalingPolicies": [policy for policy in self.put if policy["ResourceId"] == ResourceId]}

    def describe_scheduled_actions(self, *, ResourceId: str, **_: str) -> dict[str, Any]:  # noqa: N803
        assert ResourceId in self.targets
        return {"ScheduledActions": list(self.actions.values())}

    def put_scheduled_action(self, **request: Any) -> None:
        self.actions[request["ScheduledActionName"]] = request

    def delete_scheduled_action(self, *, ScheduledActionName: str, **_: str) -> None:  # noqa: N803
        del self.actions[ScheduledActionName]

    def deregister_scalable_target(self, *, ResourceId: str, **_: str) -> None:  # noqa: N803
        if ResourceId not in self.targets:
            raise refuse("ObjectNotFoundException", "DeregisterScalableTarget")
        del self.targets[ResourceId]


class FakeEndpoint:
    """An endpoint in memory, which an autoscaler has given three instances."""

    def __init__(self) -> None:
        self.count = 3
        self.is_stuck = False
        self.conn = self

    def find_endpoint(self, name: str) -> dict[str, Any]:
        return self.describe_endpoint(EndpointName=name)

    def describe_endpoint(self, *, EndpointName: str) -> dict[str, Any]:  # noqa: N803
        variants = [{"VariantName": "AllTraffic", "DesiredInstanceCount": self.count}]
        return {"EndpointStatus": "InService", "ProductionVariants": variants}

    def update_endpoint_weights_and_capacities(
        self,
        *,
        EndpointName: str,  # noqa: N803
        DesiredWeightsAndCapacities: list[dict[str, Any]],  # noqa: N803
    ) -> None:
        [wanted] = DesiredWeightsAndCapacities
        assert wanted.pop("VariantName") == "AllTraffic"
        self.count = self.count if self.is_stuck else wanted["DesiredInstanceCount"]


@pytest.fixture
def aws() -> Any:
    return FakeAutoscaling()


@pytest.fixture
def endpoint() -> Any:
    return FakeEndpoint()


@pytest.fixture
def scale(aws: Any, endpoint: Any, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that runs the stage with changed Params."""

    def call(**changes: Any) -> Any:
        run = make_run(settings, **{**PARAMS, **changes})
        monkeypatch.setattr(autoscale, "current_run", lambda: run)
        monkeypatch.setattr(autoscale, "autoscaling_hook", lambda settings: aws)
        monkeypatch.setattr(autoscale, "cloudwatch_hook", lambda settings: aws)
        monkeypatch.setattr(autoscale, "sagemaker_hook", lambda settings: endpoint)
        return autoscale.autoscale.function({"name": "musher-live"})

    return call


def test_the_endpoint_gets_bounds_and_a_policy_whose_alarms_are_named(scale: Any, aws: Any) -> None:
    result = scale()
    assert result.pop("seconds") >= 0
    assert result == {
        "resource_id": RESOURCE,
        "min_instances": 1,
        "max_instances": 3,
        "metric": "invocations",
        "target": 100,
        "alarms": ["High", "Low"],
    }
    assert aws.policies == ["musher-live-load"]


@pytest.mark.parametrize("metric", ["invocations", "concurrency", "custom"])
def test_how_an_endpoint_scales_can_be_read_again(scale: Any, aws: Any, metric: str) -> None:
    assert find_scaling(aws, endpoint_name="musher-live") is None
    changes = {"autoscale_metric": metric, "autoscale_custom_metric": CPU}
    scale(**changes)
    assert find_scaling(aws, endpoint_name="musher-live") == plan_scaling(
        {**PARAMS, **changes}, endpoint_name="musher-live"
    )


def test_a_schedule_takes_the_place_of_an_earlier_one_and_leaves_a_person_s(scale: Any, aws: Any) -> None:
    aws.actions["black-friday"] = {"ScheduledActionName": "black-friday"}
    scale(autoscale_schedule=["cron(0 8 ? * MON-FRI *) 2 4", "cron(0 18 ? * MON-FRI *) 1 2"])
    assert set(aws.actions) == {"black-friday", "musher-live-1", "musher-live-2"}
    scale(autoscale_schedule=["cron(0 9 * * ? *) 3 3"], autoscale_min=1, autoscale_max=1)
    assert set(aws.actions) == {"black-friday", "musher-live-1"}
    assert aws.actions["musher-live-1"]["ScalableTargetAction"] == {"MinCapacity": 3, "MaxCapacity": 3}
    assert set(aws.targets) == {RESOURCE}


def test_steps_have_a_policy_and_an_alarm_until_a_run_without_them(scale: Any, aws: Any) -> None:
    assert scale(autoscale_steps=["200 +1", "400 +2"])["alarms"] == ["High", "Low", "musher-live-steps"]
    assert aws.policies == ["musher-live-load", "musher-live-steps"]
    assert aws.alarms["musher-live-steps"]["AlarmActions"] == ["arn:musher-live-steps"]
    found = find_scaling(aws, endpoint_name="musher-live")
    assert found is not None
    assert found.has_steps
    for _ in range(2):
        assert scale()["alarms"] == ["High", "Low"]
        assert "musher-live-steps" not in aws.policies
        assert aws.alarms == {}


def test_an_endpoint_that_may_sleep_wakes_until_a_run_that_keeps_an_instance(scale: Any, aws: Any) -> None:
    queue = {"endpoint_kind": "async", "autoscale_metric": "backlog", "autoscale_target": 5}
    assert scale(**queue, autoscale_min=0)["alarms"] == ["High", "Low", "musher-live-wake"]
    assert aws.policies == ["musher-live-load", "musher-live-wake"]
    assert aws.targets[RESOURCE]["MinCapacity"] == 0
    plan = plan_scaling({**PARAMS, **queue, "autoscale_min": 0}, endpoint_name="musher-live")
    assert find_scaling(aws, endpoint_name="musher-live") == plan
    assert scale(**queue)["alarms"] == ["High", "Low"]
    assert "musher-live-wake" not in aws.policies
    assert aws.alarms == {}


def test_a_serverless_endpoint_is_not_scaled(scale: Any, aws: Any) -> None:
    assert scale(endpoint_kind="serverless") is None
    assert (aws.targets, aws.policies) == ({}, [])


def test_the_alarm_of_steps_goes_where_nothing_scales(scale: Any, aws: Any) -> None:
    scale(autoscale_steps=["200 +1"])
    assert scale(autoscale_max=1, autoscale_steps=["200 +1"])["alarms"] == []
    assert (aws.targets, aws.alarms) == ({}, {})


def test_preflight_refuses_a_schedule_that_nobody_can_read_and_counts_its_instances() -> None:
    with pytest.raises(PayloadError, match="autoscale_schedule holds 'at noon 2 4'"):
        run_checks.unsuitable_scaling({**PARAMS, "autoscale_schedule": ["at noon 2 4"]})
    with pytest.raises(PayloadError, match="autoscale_steps holds '200'"):
        run_checks.unsuitable_scaling({**PARAMS, "autoscale_steps": ["200"]})
    assert highest(["rate(1 day) 2 5", "rate(2 days) 1 2"], most=3) == 5
    assert highest([], most=3) == 3


@pytest.mark.parametrize(
    "when", ["cron(nonsense)", "cron(0 8 * *)", "cron(0 8 ? *\n* *)", "at(yesterday)", "rate(0 minutes)"]
)
def test_preflight_refuses_times_that_aws_would_refuse_after_the_deployment(when: str) -> None:
    with pytest.raises(PayloadError, match="autoscale_schedule holds"):
        run_checks.unsuitable_scaling({**PARAMS, "autoscale_schedule": [f"{when} 2 4"]})


@pytest.mark.parametrize(
    "metric", ["Mine Depth Sum\n", "Mi\0ne Depth Sum", ":Mine Depth Sum", f"M {'D' * 256} Sum"]
)
def test_preflight_refuses_a_metric_that_cloudwatch_cannot_have(metric: str) -> None:
    params = {**PARAMS, "autoscale_metric": "custom", "autoscale_custom_metric": metric}
    with pytest.raises(PayloadError, match="autoscale_custom_metric is"):
        run_checks.unsuitable_scaling(params)


def test_preflight_refuses_what_is_no_number_and_passes_each_bound() -> None:
    params = {**PARAMS, "autoscale_target": float("inf"), "min_accuracy": float("nan")}
    found = " ".join(run_checks.endless_numbers(params))
    assert "autoscale_target is inf" in found
    assert "min_accuracy is nan" in found
    assert run_checks.endless_numbers(PARAMS) == []


def test_a_policy_of_somebody_else_is_none_of_ours(scale: Any, aws: Any) -> None:
    scale()
    aws.put[0]["PolicyName"] = "theirs"
    assert find_scaling(aws, endpoint_name="musher-live") is None


def test_the_same_bounds_end_what_an_earlier_run_has_registered(scale: Any, aws: Any) -> None:
    aws.targets[RESOURCE] = {}
    for _ in range(2):
        assert scale(autoscale_max=1)["alarms"] == []
    assert aws.targets == {}


def test_what_had_scaled_gets_the_number_that_both_bounds_name(scale: Any, endpoint: Any) -> None:
    scale(autoscale_max=1)
    assert endpoint.count == 1
    scale(autoscale_min=2, autoscale_max=2)
    assert endpoint.count == 2
    endpoint.is_stuck = True
    with pytest.raises(AirflowFailException, match=r"to have 1 instances .* AWS keeps 2: they cost"):
        scale(autoscale_max=1)


def test_ending_twice_is_fine_and_other_errors_pass(aws: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    aws.targets[RESOURCE] = {}
    assert stop_scaling(aws, endpoint_name="musher-live")
    assert not stop_scaling(aws, endpoint_name="musher-live")

    def throttled(**_: str) -> None:
        raise refuse("ThrottlingException", "DeregisterScalableTarget")

    monkeypatch.setattr(aws, "deregister_scalable_target", throttled)
    with pytest.raises(Exception, match="ThrottlingException"):
        stop_scaling(aws, endpoint_name="musher-live")


@pytest.mark.parametrize("first", [1, 3, 4])
def test_preflight_sees_a_first_count_outside_the_bounds(first: int) -> None:
    found = "".join(run_checks.unsuitable_scaling({**PARAMS, "endpoint_instance_count": first}))
    assert ("endpoint_instance_count is 4, outside 1 to 3" in found) == (first == 4)


def test_preflight_refuses_steps_that_could_never_add_anything() -> None:
    steps = {**PARAMS, "autoscale_steps": ["200 +1"]}
    assert run_checks.unsuitable_scaling(steps) == []
    [problem] = run_checks.unsuitable_scaling({**steps, "autoscale_min": 3, "autoscale_max": 3})
    assert "autoscale_min and autoscale_max are both 3: nothing scales" in problem
