"""What a captured line holds."""

import asyncio
import base64
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from localaws.asgi import Response
from localaws.clock import ManualClock
from localaws.sagemaker.endpoints.capture import (
    VARIANT_HEADER,
    CapturedBody,
    Capturer,
    captured_line,
    file_name,
)
from localaws.sagemaker.endpoints.features import DataCapture, Features
from localaws.sagemaker.endpoints.role_clients import RoleClients

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


def test_a_line_that_comes_while_a_file_is_written_is_written_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second request is answered in the midst of the first file's upload."""
    written: list[int] = []
    variant = SimpleNamespace(plan=SimpleNamespace(name="v", role_arn="r"))
    controller: Any = SimpleNamespace(
        features=Features(data_capture=config()),
        fleet=SimpleNamespace(variants={"v": variant}),
        name="ep",
        region="us-east-1",
    )
    context: Any = SimpleNamespace(clock=ManualClock())
    capturer = Capturer(context=context, clients=RoleClients(context=context))

    def take() -> None:
        capturer.take(b"x", {}, Response(headers={VARIANT_HEADER: "v"}), controller=controller)

    async def serve() -> None:
        loop, both = asyncio.get_running_loop(), asyncio.Event()

        def write(_batch: Any, lines: Any) -> None:
            if not written:
                loop.call_soon_threadsafe(take)
                asyncio.run_coroutine_threadsafe(asyncio.sleep(0), loop).result()
            written.append(len(lines))
            if len(written) == 2:
                loop.call_soon_threadsafe(both.set)

        monkeypatch.setattr(capturer, "_write", write)
        take()
        await asyncio.wait_for(both.wait(), timeout=60)

    asyncio.run(serve())
    assert written == [1, 1]


def test_files_are_named_by_their_time() -> None:
    assert file_name(NOW).startswith("2026/01/02/03/04-05-678-")
