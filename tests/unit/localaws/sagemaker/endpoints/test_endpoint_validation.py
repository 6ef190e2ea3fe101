"""Models, endpoint configurations and updates that are refused, and in which words."""

import math
from typing import Any

import pytest
from moto.sagemaker.exceptions import SagemakerClientError

from localaws.sagemaker.endpoints.validation import (
    check_async_inference,
    check_data_capture,
    check_exclusions,
    check_name,
    check_shadows,
    check_unbuilt,
    check_variants,
    check_weight,
)
from tests.objections import objection

VARIANT: dict[str, Any] = {"VariantName": "v", "ModelName": "m", "InitialInstanceCount": 1}


def test_one_shadow_variant_may_stand_beside_one_variant() -> None:
    shadow = VARIANT | {"VariantName": "s"}
    check_shadows([], [VARIANT, VARIANT])
    check_shadows([shadow], [VARIANT])
    for shadows, variants in (([shadow], [VARIANT] * 2), ([shadow] * 2, [VARIANT])):
        with pytest.raises(SagemakerClientError, match="one shadow variant, beside one production variant"):
            check_shadows(shadows, variants)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"VariantName": "v"}, 'The variant name "v" was non-unique within the request.'),
        ({"VariantName": "../x"}, "'shadowProductionVariants.1.member.variantName' failed to satisfy"),
        ({"InitialInstanceCount": 0}, "shadowProductionVariants.1.member.initialInstanceCount"),
        (
            {"ServerlessConfig": {"MaxConcurrency": 1, "MemorySizeInMB": 1024}},
            "serverless variants have no shadows",
        ),
    ],
)
def test_bad_shadow_variants_are_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(SagemakerClientError, match=message):
        check_shadows([VARIANT | {"VariantName": "s"} | change], [VARIANT])


@pytest.mark.parametrize("member", ["ExplainerConfig"])
def test_what_localaws_would_drop_is_refused(member: str) -> None:
    check_unbuilt({"KmsKeyId": "key"}.get)
    with pytest.raises(SagemakerClientError, match=f"{member}: localaws has no "):
        check_unbuilt({member: [VARIANT]}.get)


@pytest.mark.parametrize(
    ("variants", "message"),
    [
        ([], r"at 'productionVariants' failed to satisfy constraint"),
        ([VARIANT, VARIANT], 'The variant name "v" was non-unique within the request.'),
        ([VARIANT | {"VariantName": "../x"}], r"'productionVariants.1.member.variantName' failed to satisfy"),
        ([VARIANT | {"ModelName": ""}], "Variant v names no model: localaws has no inference components"),
        ([VARIANT | {"InitialInstanceCount": None}], r"'productionVariants.1.member.initialInstanceCount'"),
        ([VARIANT | {"InitialInstanceCount": 0}], r"'productionVariants.1.member.initialInstanceCount'"),
        (
            [VARIANT | {"RoutingConfig": {"RoutingStrategy": "PREFIX_AWARE"}}],
            "RoutingConfig: localaws has no PREFIX_AWARE. Choose RANDOM or LEAST_OUTSTANDING_REQUESTS.",
        ),
    ],
)
def test_variants_have_a_name_a_model_and_instances(variants: list[Any], message: str) -> None:
    with pytest.raises(SagemakerClientError, match=message):
        check_variants(variants)


def test_a_serverless_variant_has_no_instances() -> None:
    serverless = {"MemorySizeInMB": 2048, "MaxConcurrency": 5}
    variant = {"VariantName": "v", "ModelName": "m", "ServerlessConfig": serverless}
    assert objection(check_variants, [variant]) is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"MemorySizeInMB": 2000}, r"Value '2000' at 'MemorySizeInMB' failed .*: \[1024, 2048, .*6144\]"),
        ({"MemorySizeInMB": 7168}, "Value '7168' at 'MemorySizeInMB' failed to satisfy constraint"),
        ({"MemorySizeInMB": 0}, "Value '0' at"),
        ({"ProvisionedConcurrency": 6}, "ProvisionedConcurrency must not exceed MaxConcurrency"),
    ],
)
def test_bad_serverless_variants_are_refused(change: dict[str, Any], message: str) -> None:
    serverless = {"MemorySizeInMB": 2048, "MaxConcurrency": 5, "ProvisionedConcurrency": 5}
    with pytest.raises(SagemakerClientError, match=message):
        check_variants([{"VariantName": "v", "ModelName": "m", "ServerlessConfig": serverless | change}])


def test_a_serverless_variant_is_alone_and_captures_nothing_and_has_no_queue() -> None:
    serverless = VARIANT | {"ServerlessConfig": {"MemorySizeInMB": 2048, "MaxConcurrency": 5}}
    check_exclusions([serverless], given={"DataCaptureConfig": None, "AsyncInferenceConfig": {}})
    check_exclusions([VARIANT, VARIANT], given={"DataCaptureConfig": {"EnableCapture": True}})
    with pytest.raises(SagemakerClientError, match="must be the only one"):
        check_exclusions([serverless, VARIANT], given={})
    with pytest.raises(SagemakerClientError, match="DataCaptureConfig cannot be given where a variant is se"):
        check_exclusions([serverless], given={"DataCaptureConfig": {"EnableCapture": True}})


@pytest.mark.parametrize("name", ["a", "A-1", "a" * 63])
def test_names_that_aws_takes(name: str) -> None:
    assert objection(check_name, name, member="endpointName") is None


@pytest.mark.parametrize("name", ["", "-a", "a-", "a_b", "a/b", "a" * 64, "a\n"])
def test_names_become_folders_so_that_no_other_passes(name: str) -> None:
    with pytest.raises(SagemakerClientError, match="at 'endpointName' failed to satisfy constraint"):
        check_name(name, member="endpointName")


@pytest.mark.parametrize("place", ["S3OutputPath", "S3FailurePath"])
def test_asynchronous_answers_go_to_s3(place: str) -> None:
    check_async_inference({"OutputConfig": {place: "s3://b/out"}})
    with pytest.raises(SagemakerClientError, match=r"'asyncInferenceConfig.outputConfig.s3.*Path' failed"):
        check_async_inference({"OutputConfig": {place: "https://example.com"}})


def test_captured_data_go_to_s3() -> None:
    check_data_capture({})
    with pytest.raises(SagemakerClientError, match=r"'dataCaptureConfig.destinationS3Uri' failed"):
        check_data_capture({"DestinationS3Uri": "file:///tmp"})


@pytest.mark.parametrize("weight", ["Infinity", "NaN", math.inf, 1e39, -1.0])
def test_weights_by_which_no_variant_could_be_chosen_are_refused(weight: Any) -> None:
    with pytest.raises(SagemakerClientError, match="Member must have value"):
        check_weight(weight, member="desiredWeight")
    with pytest.raises(SagemakerClientError, match=r"productionVariants\.1\.member\.initialVariantWeight"):
        check_variants([{"VariantName": "v", "ModelName": "m", "InitialVariantWeight": weight}])


def test_weights_that_are_numbers_pass() -> None:
    for weight in (None, 0, 0.5, 3e38):
        assert objection(check_weight, weight, member="desiredWeight") is None
