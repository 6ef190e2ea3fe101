"""Let an endpoint scale, keep it from it, and end that before the endpoint goes."""

from typing import Any

import pytest

from musher.hooks.autoscaling import find_scaling, stop_scaling
from musher.payloads.autoscaling import plan_scaling
from musher.settings import Settings
from musher.stages import autoscale, run_checks
from tests.unit.musher.operators.fakes import refuse
from tests.unit.musher.stages.test_stages import make_run

RESOURCE = "endpoint/musher-live/variant/AllTraffic"
PARAMS = {
    "endpoint_instance_count": 1,
    "autoscale_min": 1,
    "autoscale_max": 3,
    "autoscale_metric": "invocations",
    "autoscale_target": 100,
    "scale_out_cooldown_s": 30,
    "scale_in_cooldown_s": 30,
}


class FakeAutoscaling:
    """Scalable targets in memory."""

    def __init__(self) -> None:
        self.targets: dict[str, Any] = {}
        self.policies: list[str] = []
        self.put: list[dict[str, Any]] = []
        self.conn = self

    def register_scalable_target(self, **request: Any) -> None:
        self.targets[request["ResourceId"]] = request

    def put_scaling_policy(self, **request: Any) -> dict[str, Any]:
        assert request["ResourceId"] in self.targets
        self.policies.append(request["PolicyName"])
        self.put.append(request)
        return {"Alarms": [{"AlarmName": "High"}, {"AlarmName": "Low"}]}

    def describe_scalable_targets(self, *, ResourceIds: list[str], **_: str) -> dict[str, Any]:  # noqa: N803
        return {"ScalableTargets": [self.targets[name] for name in ResourceIds if name in self.targets]}

    def describe_scaling_policies(self, *, ResourceId: str, **_: str) -> dict[str, Any]:  # noqa: N803
        return {"ScalingPolicies": [policy for policy in self.put if policy["ResourceId"] == ResourceId]}

    def deregister_scalable_target(self, *, ResourceId: str, **_: str) -> None:  # noqa: N803
        if ResourceId not in self.targets:
            raise refuse("ObjectNotFoundException", "DeregisterScalableTarget")
        del self.targets[ResourceId]


@pytest.fixture
def aws() -> Any:
    return FakeAutoscaling()


@pytest.fixture
def scale(aws: Any, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that runs the stage with changed Params."""

    def call(**changes: Any) -> Any:
        run = make_run(settings, **{**PARAMS, **changes})
        monkeypatch.setattr(autoscale, "current_run", lambda: run)
        monkeypatch.setattr(autoscale, "autoscaling_hook", lambda settings: aws)
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


@pytest.mark.parametrize("metric", ["invocations", "concurrency"])
def test_how_an_endpoint_scales_can_be_read_again(scale: Any, aws: Any, metric: str) -> None:
    assert find_scaling(aws, endpoint_name="musher-live") is None
    scale(autoscale_metric=metric)
    assert find_scaling(aws, endpoint_name="musher-live") == plan_scaling(
        {**PARAMS, "autoscale_metric": metric}, endpoint_name="musher-live"
    )


def test_a_policy_of_somebody_else_is_none_of_ours(scale: Any, aws: Any) -> None:
    scale()
    aws.put[0]["PolicyName"] = "theirs"
    assert find_scaling(aws, endpoint_name="musher-live") is None


def test_the_same_bounds_end_what_an_earlier_run_has_registered(scale: Any, aws: Any) -> None:
    aws.targets[RESOURCE] = {}
    for _ in range(2):
        assert scale(autoscale_max=1)["alarms"] == []
    assert aws.targets == {}


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
