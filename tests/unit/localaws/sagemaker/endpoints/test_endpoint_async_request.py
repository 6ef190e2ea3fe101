"""What an asynchronous request asks for."""

from datetime import UTC, datetime

import pytest

from localaws.sagemaker.endpoints.async_request import AsyncRequest, AsyncRequestError
from localaws.sagemaker.endpoints.features import AsyncInference, DataCapture

NOW = datetime(2026, 1, 2, tzinfo=UTC)
CONFIG = AsyncInference.from_request({"OutputConfig": {"S3OutputPath": "s3://b/out/"}})


def read(body: bytes = b"", **headers: str) -> AsyncRequest:
    """Read a request with SageMaker's headers."""
    named = {f"x-amzn-sagemaker-{name}": value for name, value in headers.items()}
    return AsyncRequest.read(endpoint_name="ep", region="us-east-1", headers=named, body=body, now=NOW)


def test_limits_have_awss_defaults() -> None:
    request = read(inputlocation="s3://b/k")
    assert (request.ttl_s, request.timeout_s) == (21_600, 900)
    assert request.inference_id


@pytest.mark.parametrize(
    "header", [{"requestttlseconds": "59"}, {"invocationtimeoutseconds": "3601"}, {"requestttlseconds": "x"}]
)
def test_limits_out_of_bounds_are_refused(header: dict[str, str]) -> None:
    with pytest.raises(AsyncRequestError, match="must be a number from"):
        read(inputlocation="s3://b/k", **header)


def test_an_inline_payload_has_a_limit() -> None:
    with pytest.raises(AsyncRequestError, match="at most 128000"):
        read(body=b"x" * 128_001)


def test_places_are_named_by_the_request() -> None:
    assert CONFIG is not None
    plain = read(body=b"x")
    assert plain.output_location(CONFIG) == f"s3://b/out/{plain.request_id}.out"
    assert plain.failure_location(CONFIG) == ""
    named = read(body=b"x", s3outputpathextension="/a/b/", filename="mine")
    assert named.output_location(CONFIG) == "s3://b/out/a/b/mine"


def test_capture_of_both_directions_may_be_asked_for_in_one_word() -> None:
    config = {"InitialSamplingPercentage": 5, "DestinationS3Uri": "s3://b/c"}
    both = DataCapture.from_request(config | {"CaptureOptions": [{"CaptureMode": "InputAndOutput"}]})
    assert both is not None
    assert both.modes == {"INPUT", "OUTPUT"}
    off = DataCapture.from_request(
        config | {"EnableCapture": False, "CaptureOptions": [{"CaptureMode": "Input"}]}
    )
    assert off is not None
    assert off.summary()["CaptureStatus"] == "Stopped"
    assert DataCapture.from_request({}) is None
