"""Data capture: what endpoints are asked and answer lies in S3."""

import base64
import json
import re
import time
from typing import Any

import pytest

WAIT_S = 60.0
BUCKET = "endpoint-tests"


def capture(
    prefix: str, *, percentage: int = 100, modes: tuple[str, ...] = ("Input", "Output")
) -> dict[str, Any]:
    """Return a DataCaptureConfig."""
    return {
        "DataCaptureConfig": {
            "EnableCapture": True,
            "InitialSamplingPercentage": percentage,
            "DestinationS3Uri": f"s3://{BUCKET}/{prefix}",
            "CaptureOptions": [{"CaptureMode": mode} for mode in modes],
            "CaptureContentTypeHeader": {
                "CsvContentTypes": ["text/csv"],
                "JsonContentTypes": ["application/json"],
            },
        }
    }


def wait_for_lines(s3: Any, prefix: str, count: int) -> tuple[list[str], list[dict[str, Any]]]:
    """Wait for so many captured lines; return their files' keys and the lines."""
    deadline = time.monotonic() + WAIT_S
    while True:
        listed = s3.list_objects_v2(Bucket=BUCKET, Prefix=prefix).get("Contents", [])
        keys = [item["Key"] for item in listed]
        bodies = [s3.get_object(Bucket=BUCKET, Key=key)["Body"].read().decode() for key in keys]
        lines = [json.loads(line) for body in bodies for line in body.splitlines()]
        if len(lines) >= count:
            return keys, lines
        assert time.monotonic() < deadline, f"{len(lines)} of {count} lines"
        time.sleep(0.1)


def test_requests_and_answers_are_captured_as_they_were(fast_endpoint_maker: Any, fast_localaws: Any) -> None:
    made = fast_endpoint_maker("ep-capture", config=capture("captured"))
    made.wait("InService")
    made.invoke(b"a,b", ContentType="text/csv; charset=utf-8", InferenceId="mine")
    made.invoke(b"\xff\xd8", ContentType="image/jpeg", CustomAttributes="trace=1")
    keys, lines = wait_for_lines(fast_localaws.client("s3"), "captured/", 2)
    pattern = r"captured/ep-capture/AllTraffic/\d{4}/\d\d/\d\d/\d\d/\d\d-\d\d-\d{3}-[0-9a-f-]{36}\.jsonl"
    assert all(re.fullmatch(pattern, key) for key in keys)
    text, image = sorted(
        lines, key=lambda line: str(line["captureData"]["endpointInput"]["encoding"]), reverse=True
    )
    assert text["captureData"]["endpointInput"] == {
        "observedContentType": "text/csv; charset=utf-8",
        "mode": "INPUT",
        "data": "a,b",
        "encoding": "CSV",
    }
    output = text["captureData"]["endpointOutput"]
    assert (output["mode"], output["encoding"]) == ("OUTPUT", "JSON")
    assert json.loads(output["data"])["body_bytes"] == 3
    assert text["eventMetadata"]["inferenceId"] == "mine"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", text["eventMetadata"]["inferenceTime"])
    assert text["eventVersion"] == "0"
    assert image["captureData"]["endpointInput"]["data"] == base64.b64encode(b"\xff\xd8").decode()
    assert image["captureData"]["endpointInput"]["encoding"] == "BASE64"
    assert image["eventMetadata"]["customAttributes"] == ["trace=1"]
    assert made.describe()["DataCaptureConfig"] == {
        "EnableCapture": True,
        "CaptureStatus": "Started",
        "CurrentSamplingPercentage": 100,
        "DestinationS3Uri": f"s3://{BUCKET}/captured",
        "KmsKeyId": "",
    }


def test_only_what_is_asked_for_is_captured(fast_endpoint_maker: Any, fast_localaws: Any) -> None:
    """Errors are not captured, and of two endpoints the one whose percentage is 0 captures nothing."""
    made = fast_endpoint_maker("ep-capture-out", config=capture("outputs", modes=("Output",)))
    none = fast_endpoint_maker("ep-capture-none", config=capture("nothing", percentage=0))
    made.wait("InService")
    none.wait("InService")
    none.invoke(b"x")
    with pytest.raises(Exception, match="ModelError"):
        made.invoke(b"status 500")
    made.invoke(b"x", ContentType="text/csv")
    _, lines = wait_for_lines(fast_localaws.client("s3"), "outputs/", 1)
    assert [list(line["captureData"]) for line in lines] == [["endpointOutput"]]
    time.sleep(1)
    listed = fast_localaws.client("s3").list_objects_v2(Bucket=BUCKET, Prefix="nothing/")
    assert listed["KeyCount"] == 0
