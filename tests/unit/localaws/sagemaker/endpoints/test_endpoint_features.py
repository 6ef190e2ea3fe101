"""What an endpoint configuration asks for beside its variants, and what its variants resolve to."""

from types import SimpleNamespace
from typing import Any

import pytest

from localaws.sagemaker.endpoints.features import DEFAULT_CONCURRENT, AsyncInference, DataCapture, Features
from localaws.sagemaker.endpoints.plan import DEFAULT_STARTUP_S, VariantPlan, plan_variants


def capture(*modes: str, **more: Any) -> DataCapture:
    """Return a DataCaptureConfig that captures in these modes."""
    config = {
        "InitialSamplingPercentage": 50,
        "DestinationS3Uri": "s3://b/c",
        "CaptureOptions": [{"CaptureMode": mode} for mode in modes],
    }
    found = DataCapture.from_request(config | more)
    assert found is not None
    return found


@pytest.mark.parametrize("nothing", [None, {}])
def test_a_configuration_without_either_has_neither(nothing: Any) -> None:
    config = SimpleNamespace(async_inference_config=nothing, data_capture_config=nothing)
    assert Features.from_config(config) == Features()


@pytest.mark.parametrize(
    ("modes", "found"),
    [
        (["Input"], {"INPUT"}),
        (["Output"], {"OUTPUT"}),
        (["Input", "Output"], {"INPUT", "OUTPUT"}),
        (["InputAndOutput"], {"INPUT", "OUTPUT"}),
    ],
)
def test_requests_or_answers_or_both_are_captured(modes: list[str], found: set[str]) -> None:
    assert capture(*modes).modes == found


def test_capture_is_on_unless_it_is_off() -> None:
    assert capture("Input").summary() == {
        "EnableCapture": True,
        "CaptureStatus": "Started",
        "CurrentSamplingPercentage": 50,
        "DestinationS3Uri": "s3://b/c",
        "KmsKeyId": "",
    }
    off = capture("Input", EnableCapture=False).summary()
    assert (off["EnableCapture"], off["CaptureStatus"]) == (False, "Stopped")


def test_types_of_text_are_compared_without_case() -> None:
    header = {"CsvContentTypes": ["Text/CSV"], "JsonContentTypes": ["application/JSON"]}
    found = capture("Input", CaptureContentTypeHeader=header)
    assert (found.csv_types, found.json_types) == ({"text/csv"}, {"application/json"})


def test_asynchronous_inference_has_defaults_for_all() -> None:
    found = AsyncInference.from_request({"OutputConfig": {}})
    assert found == AsyncInference(
        output_path="",
        failure_path="",
        success_topic="",
        error_topic="",
        max_concurrent=DEFAULT_CONCURRENT,
    )


def test_asynchronous_inference_takes_what_is_given() -> None:
    found = AsyncInference.from_request(
        {
            "OutputConfig": {
                "S3OutputPath": "s3://b/out",
                "S3FailurePath": "s3://b/bad",
                "NotificationConfig": {"SuccessTopic": "arn:good", "ErrorTopic": "arn:bad"},
            },
            "ClientConfig": {"MaxConcurrentInvocationsPerInstance": 2},
        }
    )
    assert found is not None
    assert (found.output_path, found.failure_path) == ("s3://b/out", "s3://b/bad")
    assert (found.success_topic, found.error_topic, found.max_concurrent) == ("arn:good", "arn:bad", 2)


def plan_of(
    container: dict[str, Any], *, package: dict[str, Any] | None = None, **variant: Any
) -> VariantPlan:
    """Return the plan of one variant, whose model has one container."""
    model: Any = SimpleNamespace(primary_container=container, containers=[], execution_role_arn="arn:role")
    asked = {"VariantName": "v", "ModelName": "m"} | variant
    (plan,) = plan_variants([asked], find_model=lambda name: model, find_package=lambda name: package or {})
    return plan


def test_a_variant_has_aws_s_defaults() -> None:
    plan = plan_of({"Image": "image:1"})
    assert (plan.count, plan.weight, plan.startup_s) == (1, 1.0, DEFAULT_STARTUP_S)
    assert (plan.role_arn, plan.is_serverless) == ("arn:role", False)


@pytest.mark.parametrize(
    ("variant", "routing"),
    [
        ({}, "RANDOM"),
        ({"RoutingConfig": {"RoutingStrategy": "RANDOM"}}, "RANDOM"),
        ({"RoutingConfig": {"RoutingStrategy": "LEAST_OUTSTANDING_REQUESTS"}}, "LEAST_OUTSTANDING_REQUESTS"),
        ({"ServerlessConfig": {"MaxConcurrency": 2}}, "LEAST_OUTSTANDING_REQUESTS"),
    ],
)
def test_requests_are_spread_at_random_unless_another_way_is_asked_for(
    variant: dict[str, Any], routing: str
) -> None:
    assert plan_of({}, **variant).routing == routing


def test_a_weight_of_0_is_a_weight() -> None:
    assert plan_of({}, InitialVariantWeight=0.0).weight == 0.0


@pytest.mark.parametrize(
    ("container", "found"),
    [
        ({"ModelDataUrl": "s3://b/m.tar.gz"}, ("s3://b/m.tar.gz", True)),
        (
            {"ModelDataSource": {"S3DataSource": {"S3Uri": "s3://b/m/", "CompressionType": "None"}}},
            ("s3://b/m/", False),
        ),
        (
            {"ModelDataSource": {"S3DataSource": {"S3Uri": "s3://b/m.gz", "CompressionType": "Gzip"}}},
            ("s3://b/m.gz", True),
        ),
        ({}, ("", True)),
    ],
)
def test_a_model_lies_in_an_archive_or_below_a_prefix(
    container: dict[str, Any], found: tuple[str, bool]
) -> None:
    assert plan_of(container).model_data == found


def test_a_model_s_variables_win_over_those_of_its_package() -> None:
    package = {"Image": "image:2", "Environment": {"A": "package", "B": "package"}}
    plan = plan_of({"ModelPackageName": "p", "Environment": {"A": "model"}}, package=package)
    assert plan.environment == {"A": "model", "B": "package"}
    assert plan.image == "image:2"


def test_a_pipeline_of_containers_has_no_container_that_could_be_served() -> None:
    model: Any = SimpleNamespace(primary_container=None, containers=[{}, {}], execution_role_arn="r")
    variant = {"VariantName": "v", "ModelName": "m"}
    (plan,) = plan_variants([variant], find_model=lambda name: model, find_package=lambda name: {})
    assert plan.container == {}
