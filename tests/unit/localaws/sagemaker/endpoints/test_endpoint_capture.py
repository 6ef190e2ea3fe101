"""What a captured line holds."""

import base64
from datetime import UTC, datetime
from typing import Any

import pytest

from localaws.sagemaker.endpoints.capture import CapturedBody, captured_line, file_name
from localaws.sagemaker.endpoints.features import DataCapture

NOW = datetime(2026, 1, 2, 3, 4, 5, 678_000, tzinfo=UTC)


def config(**types: list[str]) -> DataCapture:
    """Return a capture of inputs only."""
    request: dict[str, Any] = {
        "InitialSamplingPercentage": 100,
        "DestinationS3Uri": "s3://b/c",
        "CaptureOptions": [{"CaptureMode": "Input"}],
        "CaptureContentTypeHeader": types,
    }
    found = DataCapture.from_request(request)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("kind", "encoding"),
    [
        ("text/csv", "CSV"),
        ("Text/CSV; header=present", "CSV"),
        ("application/json", "BASE64"),
        ("", "BASE64"),
    ],
)
def test_only_types_that_are_named_are_text(kind: str, encoding: str) -> None:
    described = CapturedBody(body=b"1,2", content_type=kind).describe(
        "INPUT", config=config(CsvContentTypes=["text/csv"])
    )
    data = "1,2" if encoding == "CSV" else base64.b64encode(b"1,2").decode()
    assert described == {
        "observedContentType": kind,
        "mode": "INPUT",
        "data": data,
        "encoding": encoding,
    }


def test_a_line_holds_the_wanted_direction_and_the_time() -> None:
    body = CapturedBody(body=b"", content_type="")
    line = captured_line(body, body, config=config(), now=NOW)
    assert list(line["captureData"]) == ["endpointInput"]
    assert line["eventMetadata"]["inferenceTime"] == "2026-01-02T03:04:05Z"
    assert set(line["eventMetadata"]) == {"eventId", "inferenceTime"}


def test_files_are_named_by_their_time() -> None:
    assert file_name(NOW).startswith("2026/01/02/03/04-05-678-")
