"""UpdateEndpoint's request and the alarms that take an update back, held against botocore's models too."""

from typing import Any

import botocore.session
import pytest
from botocore.validate import ParamValidator

from musher.errors import PayloadError
from musher.payloads.alarms import AlarmLimits, build_alarms
from musher.payloads.choices import POLICIES
from musher.payloads.updates import UpdatePolicy, build_update, check_policy
from musher.settings import Settings

SETTINGS = Settings(account_id="123456789012")
LIMITS = AlarmLimits(max_error_percent=5, max_latency_ms=2000)


def update(policy: UpdatePolicy, *, instances: int = 4) -> dict[str, Any]:
    """Return the request of an update that goes so."""
    return build_update(
        endpoint_name="musher-live", endpoint_config_name="musher-c", policy=policy, instances=instances
    )


def errors_of(service: str, operation: str, request: dict[str, Any]) -> str:
    """Return what botocore's model of an operation finds wrong with a request."""
    model = botocore.session.get_session().get_service_model(service).operation_model(operation)
    report: str = ParamValidator().validate(request, model.input_shape).generate_report()
    return report


@pytest.mark.parametrize("kind", POLICIES)
def test_every_policy_is_one_that_aws_knows(kind: str) -> None:
    request = update(UpdatePolicy(kind=kind, share_percent=25, bake_s=60, alarms=("a", "b")))
    assert errors_of("sagemaker", "UpdateEndpoint", request) == ""
    assert request["RetainAllVariantProperties"] is True
    alarms = request["DeploymentConfig"]["AutoRollbackConfiguration"]["Alarms"]
    assert alarms == [{"AlarmName": "a"}, {"AlarmName": "b"}]


def test_a_canary_bakes_twice_and_has_its_share() -> None:
    policy = UpdatePolicy(kind="canary", share_percent=25, bake_s=60)
    assert update(policy)["DeploymentConfig"] == {
        "BlueGreenUpdatePolicy": {
            "TrafficRoutingConfiguration": {
                "Type": "CANARY",
                "WaitIntervalInSeconds": 60,
                "CanarySize": {"Type": "CAPACITY_PERCENT", "Value": 25},
            },
            "TerminationWaitInSeconds": 60,
            "MaximumExecutionTimeoutInSeconds": 1200,
        }
    }


def test_a_rolling_update_may_take_as_long_as_its_batches() -> None:
    policy = UpdatePolicy(kind="rolling", share_percent=25, bake_s=100)
    rolling = update(policy)["DeploymentConfig"]["RollingUpdatePolicy"]
    assert rolling["MaximumExecutionTimeoutInSeconds"] == 4 * 900 + 5 * 100
    longest = UpdatePolicy(kind="rolling", share_percent=5, bake_s=3600)
    rolling = update(longest)["DeploymentConfig"]["RollingUpdatePolicy"]
    assert rolling["MaximumExecutionTimeoutInSeconds"] == 28_800


@pytest.mark.parametrize(
    ("kind", "share", "bake_s", "instances", "said"),
    [
        ("blue", 50, 0, 2, "update_policy is 'blue'. Choose one of all_at_once, canary, linear, rolling."),
        ("canary", 51, 0, 2, "update_share_percent is 51. For canary, choose 1 to 50 percent."),
        ("linear", 9, 0, 2, "update_share_percent is 9. For linear, choose 10 to 50 percent."),
        ("rolling", 4, 0, 2, "update_share_percent is 4. For rolling, choose 5 to 50 percent."),
        ("all_at_once", 50, 3601, 1, "update_bake_s is 3601. Choose 0 to 3600 seconds."),
        ("canary", 50, 0, 1, "update_policy is canary, .*endpoint_instance_count is 1. Choose 2 instances"),
    ],
)
def test_what_aws_would_refuse_is_refused_with_the_value_and_what_to_choose(
    kind: str, share: int, bake_s: int, instances: int, said: str
) -> None:
    with pytest.raises(PayloadError, match=said):
        check_policy(UpdatePolicy(kind=kind, share_percent=share, bake_s=bake_s), instances=instances)


def test_both_alarms_watch_the_live_endpoint_and_do_not_ring_without_traffic() -> None:
    alarms = build_alarms(SETTINGS, slug="0123abcd", limits=LIMITS)
    for alarm in alarms:
        assert errors_of("cloudwatch", "PutMetricAlarm", alarm) == ""
        assert alarm["Dimensions"][0] == {"Name": "EndpointName", "Value": "musher-live"}
        assert alarm["TreatMissingData"] == "notBreaching"
        assert {"Key": "musher:lifetime", "Value": "live"} in alarm["Tags"]
    errors, latency = alarms
    assert (errors["AlarmName"], errors["Statistic"], errors["Threshold"]) == (
        "musher-live-errors",
        "Average",
        0.05,
    )
    assert (latency["AlarmName"], latency["ExtendedStatistic"], latency["Threshold"]) == (
        "musher-live-latency",
        "p99",
        2_000_000,
    )
