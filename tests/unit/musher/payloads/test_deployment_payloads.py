"""Requests for model, endpoint and function, and their tags."""

import dataclasses
from datetime import UTC, datetime

import pytest

from musher.errors import PayloadError
from musher.payloads.endpoints import EndpointPlan, build_endpoint
from musher.payloads.functions import (
    FunctionPlan,
    build_code_update,
    build_configuration_update,
    build_function,
)
from musher.payloads.tags import as_list, as_mapping, live_tags, resource_tags
from musher.settings import Settings

SETTINGS = Settings(account_id="123456789012", ttl_h=24)
TAGS = {"musher:project": "musher", "musher:run": "0123abcd"}
TAG_LIST = [{"Key": "musher:project", "Value": "musher"}, {"Key": "musher:run", "Value": "0123abcd"}]
ENDPOINT = EndpointPlan(
    model_name="musher-m",
    endpoint_config_name="musher-c",
    endpoint_name="musher-e",
    image="registry/serve:1",
    model_uri="s3://b/musher/jobs/j/output/model.tar.gz",
    package_arn="arn:aws:sagemaker:us-east-1:123456789012:model-package/musher/1",
    instance_type="ml.m5.large",
    instance_count=1,
    tags=TAGS,
)


def test_tags_expire_a_fixed_time_after_the_run_began() -> None:
    tags = resource_tags(SETTINGS, slug="0123abcd", started_at=datetime(2026, 1, 1, 12, tzinfo=UTC))
    assert tags == {**TAGS, "musher:expires-at": "2026-01-02T12:00:00+00:00"}
    assert as_list(TAGS) == TAG_LIST
    assert as_mapping(TAG_LIST) == TAGS


def test_what_stays_does_not_expire() -> None:
    assert live_tags(SETTINGS, slug="0123abcd") == {**TAGS, "musher:lifetime": "live"}


def test_model_configuration_and_endpoint_have_names_of_their_own() -> None:
    assert build_endpoint(SETTINGS, plan=ENDPOINT) == {
        "Model": {
            "ModelName": "musher-m",
            "ExecutionRoleArn": "arn:aws:iam::123456789012:role/musher-endpoint",
            "PrimaryContainer": {"Image": "registry/serve:1", "ModelDataUrl": ENDPOINT.model_uri},
            "Tags": TAG_LIST,
        },
        "EndpointConfig": {
            "EndpointConfigName": "musher-c",
            "ProductionVariants": [
                {
                    "VariantName": "AllTraffic",
                    "ModelName": "musher-m",
                    "InstanceType": "ml.m5.large",
                    "InitialInstanceCount": 1,
                    "InitialVariantWeight": 1.0,
                    "ContainerStartupHealthCheckTimeoutInSeconds": 600,
                }
            ],
            "Tags": [*TAG_LIST, {"Key": "musher:package", "Value": ENDPOINT.package_arn}],
        },
        "Endpoint": {
            "EndpointName": "musher-e",
            "EndpointConfigName": "musher-c",
            "Tags": TAG_LIST,
        },
    }


@pytest.mark.parametrize("key", [None, "arn:aws:kms:us-east-1:123456789012:key/k"])
def test_captures_go_below_the_projects_own_prefix_under_its_key(key: str | None) -> None:
    settings = dataclasses.replace(SETTINGS, output_kms_key=key)
    request = build_endpoint(settings, plan=dataclasses.replace(ENDPOINT, capture_percent=20))
    assert request["EndpointConfig"]["DataCaptureConfig"] == {
        "EnableCapture": True,
        "InitialSamplingPercentage": 20,
        "DestinationS3Uri": "s3://musher-123456789012-us-east-1/musher/captures",
        "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
        **({"KmsKeyId": key} if key else {}),
    }


def test_an_endpoint_without_instances_is_refused() -> None:
    with pytest.raises(PayloadError, match=r"endpoint_instance_count is 0\. Choose 1 to 8"):
        build_endpoint(SETTINGS, plan=dataclasses.replace(ENDPOINT, instance_count=0))


def test_the_function_knows_its_endpoint() -> None:
    plan = FunctionPlan(
        name="musher-0123abcd",
        code_key="musher/lambda/ff/function.zip",
        endpoint_name="musher-0123abcd",
        tags=TAGS,
    )
    request = build_function(SETTINGS, plan=plan)
    code = {"S3Bucket": "musher-123456789012-us-east-1", "S3Key": "musher/lambda/ff/function.zip"}
    configuration = {
        "FunctionName": "musher-0123abcd",
        "Runtime": "python3.14",
        "Role": "arn:aws:iam::123456789012:role/musher-lambda",
        "Handler": "musher_lambda.handler",
        "Description": "Classifies the image at a URL by endpoint musher-0123abcd.",
        "Timeout": 70,
        "MemorySize": 256,
        "Environment": {"Variables": {"ENDPOINT_NAME": "musher-0123abcd"}},
    }
    assert request == {**configuration, "Code": code, "Tags": TAGS}
    assert build_code_update(request) == {"FunctionName": "musher-0123abcd", **code}
    assert build_configuration_update(request) == configuration


def test_the_function_shows_its_context_only_where_that_is_asked_for() -> None:
    plan = FunctionPlan(name="f", code_key="k", endpoint_name="e", tags=TAGS)
    settings = dataclasses.replace(SETTINGS, show_context=True)
    variables = build_function(settings, plan=plan)["Environment"]["Variables"]
    assert variables == {"ENDPOINT_NAME": "e", "MUSHER_SHOW_CONTEXT": "1"}
