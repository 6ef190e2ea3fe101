"""What a transform job is to do, what its container is told, and what is refused before it starts."""

from typing import Any

import pytest
from moto.sagemaker.exceptions import AWSValidationException

from localaws.sagemaker.transform.spec import Limits, TransformSpec, container_variables
from localaws.sagemaker.transform.validation import check_request
from tests.objections import objection

NOTHING = Limits(max_concurrent=None, max_payload_mb=None, batch_strategy=None)


def request(*, source: Any = None, output: Any = None, kind: str = "S3Prefix", **more: Any) -> dict[str, Any]:
    """Return a request of CreateTransformJob."""
    place = {"S3DataSource": {"S3DataType": kind, "S3Uri": "s3://b/in/"}}
    return {
        "TransformJobName": "batch",
        "ModelName": "m",
        "TransformInput": {"DataSource": place, "ContentType": "text/csv"} | (source or {}),
        "TransformOutput": {"S3OutputPath": "s3://b/out"} | (output or {}),
        "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 2},
    } | more


def spec_of(**options: Any) -> TransformSpec:
    """Return what a request asks for."""
    return TransformSpec.from_request(request(**options), account_id="123456789012", region="us-east-1")


def test_an_object_is_one_record_unless_lines_are() -> None:
    assert not spec_of().is_split
    assert not spec_of(source={"SplitType": "None"}).is_split
    assert spec_of(source={"SplitType": "Line"}).is_split


def test_answers_follow_each_other_or_stand_on_lines() -> None:
    assert not spec_of().with_newlines
    assert not spec_of(output={"AssembleWith": "None"}).with_newlines
    assert spec_of(output={"AssembleWith": "Line", "Accept": "text/csv"}).with_newlines


def test_the_client_waits_and_tries_again_as_api_create_transform_job_says() -> None:
    assert (spec_of().timeout_s, spec_of().retries) == (600, 3)
    client = {"InvocationsTimeoutInSeconds": 1, "InvocationsMaxRetries": 0}
    asked = spec_of(ModelClientConfig=client)
    assert (asked.timeout_s, asked.retries) == (1, 0)


def test_filters_leave_everything_unless_they_are_given() -> None:
    idle = spec_of()
    assert (idle.input_filter, idle.output_filter, idle.is_joined) == ("$", "$", False)
    asked = spec_of(
        DataProcessing={"InputFilter": "$[1:]", "OutputFilter": "$.SageMakerOutput", "JoinSource": "Input"}
    )
    assert (asked.input_filter, asked.output_filter) == ("$[1:]", "$.SageMakerOutput")
    assert asked.is_joined


@pytest.mark.parametrize(
    ("limits", "asked", "found"),
    [
        (NOTHING, {}, (1, 6, "MultiRecord")),
        (
            NOTHING,
            {"MaxConcurrentTransforms": 8, "MaxPayloadInMB": 2, "BatchStrategy": "SINGLE_RECORD"},
            (8, 2, "SingleRecord"),
        ),
        (NOTHING, {"MaxPayloadInMB": 0}, (1, 0, "MultiRecord")),
        (
            Limits(max_concurrent=2, max_payload_mb=1, batch_strategy="SingleRecord"),
            {"MaxConcurrentTransforms": 8, "MaxPayloadInMB": 2, "BatchStrategy": "MULTI_RECORD"},
            (2, 1, "SingleRecord"),
        ),
    ],
)
def test_the_request_s_limits_win_over_the_container_s_and_those_over_the_defaults(
    limits: Limits, asked: dict[str, Any], found: tuple[int, int, str]
) -> None:
    whole = limits.completed(asked)
    assert (whole.max_concurrent, whole.max_payload_mb, whole.batch_strategy) == found


@pytest.mark.parametrize(("megabytes", "found"), [(None, None), (0, None), (1, 1 << 20), (6, 6 << 20)])
def test_a_payload_of_0_megabytes_has_any_size(megabytes: int | None, found: int | None) -> None:
    limits = Limits(max_concurrent=1, max_payload_mb=megabytes, batch_strategy=None)
    assert limits.max_payload_bytes == found


def test_the_container_is_told_what_the_request_says_and_no_more() -> None:
    assert container_variables(NOTHING) == {"SAGEMAKER_BATCH": "true"}
    given = Limits(max_concurrent=4, max_payload_mb=0, batch_strategy="MultiRecord")
    assert container_variables(given) == {
        "SAGEMAKER_BATCH": "true",
        "SAGEMAKER_MAX_CONCURRENT_TRANSFORMS": "4",
        "SAGEMAKER_MAX_PAYLOAD_IN_MB": "0",
        "SAGEMAKER_BATCH_STRATEGY": "MULTI_RECORD",
    }


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"kind": "ManifestFile"},
        {"source": {"SplitType": "Line", "CompressionType": "Gzip"}},
        {"MaxPayloadInMB": 100},
        {"MaxPayloadInMB": 50, "MaxConcurrentTransforms": 2},
        {"MaxPayloadInMB": 0, "MaxConcurrentTransforms": 100},
    ],
)
def test_what_can_run_passes(options: dict[str, Any]) -> None:
    assert objection(check_request, request(**options)) is None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kind": "AugmentedManifestFile"}, "localaws has no S3DataType AugmentedManifestFile"),
        ({"source": {"SplitType": "RecordIO"}}, "localaws has no SplitType RecordIO; it has None and Line"),
        ({"source": {"SplitType": "TFRecord"}}, "localaws has no SplitType TFRecord; it has None and Line"),
        (
            {"DataCaptureConfig": {"DestinationS3Uri": "s3://b/c"}},
            "DataCaptureConfig: localaws captures no data of transform jobs",
        ),
        (
            {"MaxPayloadInMB": 51, "MaxConcurrentTransforms": 2},
            r"MaxPayloadInMB \(51\) times MaxConcurrentTransforms \(2\) must be at most 100 MB",
        ),
        (
            {"MaxPayloadInMB": 101},
            r"MaxPayloadInMB \(101\) times MaxConcurrentTransforms \(1\) must be at most 100 MB",
        ),
    ],
)
def test_what_cannot_run_is_refused_by_its_name(options: dict[str, Any], message: str) -> None:
    with pytest.raises(AWSValidationException, match=message):
        check_request(request(**options))
