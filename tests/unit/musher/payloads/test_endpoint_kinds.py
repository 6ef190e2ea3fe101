"""What a serverless or asynchronous endpoint asks AWS for, and how it wakes."""

import dataclasses
from typing import Any

import pytest

from musher.errors import PayloadError
from musher.hooks.endpoints import kind_of
from musher.payloads.autoscaling import ScalingPlan, build_policy, build_target
from musher.payloads.endpoint_kinds import EndpointKind, check_kind
from musher.payloads.endpoints import build_endpoint
from musher.payloads.waking import build_wake_alarm, build_wake_policy
from tests.objections import objection
from tests.unit.musher.payloads.test_deployment_payloads import ENDPOINT, SETTINGS
from tests.unit.musher.payloads.test_updates_and_alarms import errors_of

SERVERLESS = EndpointKind(name="serverless", memory_mb=2048, max_concurrency=5)
ASYNC = EndpointKind(name="async", invocations_per_instance=3)
PLAN = ScalingPlan(
    endpoint_name="musher-live",
    min_instances=0,
    max_instances=2,
    metric="backlog",
    target=5,
    scale_out_cooldown_s=60,
    scale_in_cooldown_s=120,
    has_queue=True,
)


def config_of(kind: EndpointKind, **settings: Any) -> dict[str, Any]:
    """Return the CreateEndpointConfig request, which AWS's model takes."""
    made = dataclasses.replace(SETTINGS, **settings)
    config = build_endpoint(made, plan=dataclasses.replace(ENDPOINT, kind=kind))["EndpointConfig"]
    assert errors_of("sagemaker", "CreateEndpointConfig", config) == ""
    assert kind_of(config) == kind.name
    return config


@pytest.mark.parametrize("provisioned", [0, 2])
def test_a_serverless_variant_has_memory_and_concurrency_and_no_instances(provisioned: int) -> None:
    kept = {"ProvisionedConcurrency": provisioned} if provisioned else {}
    config = config_of(dataclasses.replace(SERVERLESS, provisioned=provisioned))
    assert config["ProductionVariants"] == [
        {
            "VariantName": "AllTraffic",
            "ModelName": "musher-m",
            "InitialVariantWeight": 1.0,
            "ServerlessConfig": {"MemorySizeInMB": 2048, "MaxConcurrency": 5, **kept},
        }
    ]


@pytest.mark.parametrize("key", [None, "arn:aws:kms:us-east-1:123456789012:key/k"])
def test_an_asynchronous_endpoint_answers_below_the_projects_own_prefix_under_its_key(
    key: str | None,
) -> None:
    config = config_of(ASYNC, output_kms_key=key)
    folder = "s3://musher-123456789012-us-east-1/musher/async"
    assert config["AsyncInferenceConfig"] == {
        "ClientConfig": {"MaxConcurrentInvocationsPerInstance": 3},
        "OutputConfig": {
            "S3OutputPath": f"{folder}/answers/musher-e",
            "S3FailurePath": f"{folder}/failures/musher-e",
            **({"KmsKeyId": key} if key else {}),
        },
    }
    assert config["ProductionVariants"][0]["InstanceType"] == "ml.m5.large"


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (EndpointKind(name="edge"), "endpoint_kind is 'edge'. Choose one of realtime, serverless, async"),
        (
            dataclasses.replace(SERVERLESS, memory_mb=3000),
            "serverless_memory_mb is 3000. Choose one of 1024, ",
        ),
        (dataclasses.replace(SERVERLESS, memory_mb=7168), "serverless_memory_mb is 7168"),
        (dataclasses.replace(SERVERLESS, max_concurrency=0), "serverless_concurrency is 0. Choose 1 to 200"),
        (dataclasses.replace(SERVERLESS, max_concurrency=201), "serverless_concurrency is 201"),
        (
            dataclasses.replace(SERVERLESS, provisioned=6),
            "serverless_provisioned is 6, and serverless_concurrency, .* is 5. Choose 0 to 5",
        ),
        (dataclasses.replace(ASYNC, invocations_per_instance=0), "async_concurrency is 0. Choose 1 to 1000"),
    ],
)
def test_what_aws_would_refuse_is_named_with_its_value(kind: EndpointKind, said: str) -> None:
    with pytest.raises(PayloadError, match=said):
        check_kind(kind)


def test_numbers_of_another_kind_are_not_looked_at() -> None:
    assert objection(check_kind, EndpointKind(memory_mb=1, max_concurrency=999)) is None


def test_a_queue_s_endpoint_tracks_its_backlog_down_to_no_instance() -> None:
    assert build_target(PLAN)["MinCapacity"] == 0
    request = build_policy(PLAN)
    assert errors_of("application-autoscaling", "PutScalingPolicy", request) == ""
    assert request["TargetTrackingScalingPolicyConfiguration"]["CustomizedMetricSpecification"] == {
        "Namespace": "AWS/SageMaker",
        "MetricName": "ApproximateBacklogSizePerInstance",
        "Statistic": "Average",
        "Dimensions": [{"Name": "EndpointName", "Value": "musher-live"}],
    }


def test_the_first_request_that_waits_adds_an_instance() -> None:
    policy = build_wake_policy(PLAN)
    assert errors_of("application-autoscaling", "PutScalingPolicy", policy) == ""
    assert policy["StepScalingPolicyConfiguration"]["StepAdjustments"] == [
        {"MetricIntervalLowerBound": 0.0, "ScalingAdjustment": 1}
    ]
    alarm = build_wake_alarm(PLAN, policy_arn="arn:p")
    assert errors_of("cloudwatch", "PutMetricAlarm", alarm) == ""
    watched = [alarm[name] for name in ("MetricName", "Threshold", "ComparisonOperator", "AlarmActions")]
    assert watched == ["HasBacklogWithoutCapacity", 1.0, "GreaterThanOrEqualToThreshold", ["arn:p"]]
