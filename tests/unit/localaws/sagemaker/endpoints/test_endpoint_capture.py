"""What a captured line holds."""

import asyncio
import base64
import dataclasses
import random
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from localaws.asgi import Response
from localaws.clock import ManualClock
from localaws.sagemaker.endpoints.capture import (
    VARIANT_HEADER,
    Batch,
    CapturedBody,
    Capturer,
    captured_line,
    file_name,
)
from localaws.sagemaker.endpoints.features import DataCapture, Features
from localaws.sagemaker.endpoints.fleet import Fleet, Variant
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
    plan: Any = SimpleNamespace(name="v", role_arn="r")
    controller: Any = SimpleNamespace(
        features=Features(data_capture=config()),
        fleet=Fleet(variants={"v": Variant(plan=plan, weight=1.0, instances=())}),
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


class Bench:
    """An endpoint with one variant, whose captured lines are kept."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, **request: Any) -> None:
        plan: Any = SimpleNamespace(name="v", role_arn="arn:role")
        asked = {
            "InitialSamplingPercentage": 100,
            "DestinationS3Uri": "s3://b/c/",
            "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
        }
        self.controller: Any = SimpleNamespace(
            features=Features(data_capture=DataCapture.from_request(asked | request)),
            fleet=Fleet(variants={"v": Variant(plan=plan, weight=1.0, instances=())}),
            name="ep",
            region="us-east-1",
        )
        context: Any = SimpleNamespace(clock=ManualClock(start=NOW))
        self._capturer = Capturer(context=context, clients=RoleClients(context=context))
        self._capturer._rng = random.Random(7)
        self.files: list[tuple[Batch, list[dict[str, Any]]]] = []
        monkeypatch.setattr(self._capturer, "_write", lambda batch, lines: self.files.append((batch, lines)))

    def serve(self, count: int = 1, *, asked: dict[str, str] | None = None, **answer: Any) -> list[Any]:
        """Let the endpoint answer some requests; return the captured lines."""
        response = Response(body=b"answer", headers={VARIANT_HEADER: "v"})

        async def main() -> None:
            for _ in range(count):
                given = dataclasses.replace(response, **answer)
                self._capturer.take(b"asked", asked or {}, given, controller=self.controller)
            if self._capturer._flusher is not None:
                await self._capturer._flusher

        asyncio.run(main())
        return [line for _, lines in self.files for line in lines]


@pytest.mark.parametrize(("percentage", "least", "most"), [(0, 0, 0), (50, 400, 600), (100, 1000, 1000)])
def test_the_sample_is_as_large_as_the_configuration_says(
    monkeypatch: pytest.MonkeyPatch, percentage: int, least: int, most: int
) -> None:
    bench = Bench(monkeypatch, InitialSamplingPercentage=percentage)
    assert least <= len(bench.serve(1000)) <= most


@pytest.mark.parametrize(
    ("request_", "answer"),
    [
        ({"EnableCapture": False}, {}),
        ({}, {"status": 400}),
        ({}, {"status": 424}),
        ({}, {"status": 500}),
        ({}, {"headers": {VARIANT_HEADER: "replaced meanwhile"}}),
    ],
    ids=["disabled", "client error", "model error", "error", "update"],
)
def test_nothing_is_captured_of(
    monkeypatch: pytest.MonkeyPatch, request_: dict[str, Any], answer: dict[str, Any]
) -> None:
    assert Bench(monkeypatch, **request_).serve(3, **answer) == []


def test_an_endpoint_without_capture_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(monkeypatch)
    bench.controller.features = Features(data_capture=None)
    assert bench.serve(3) == []


@pytest.mark.parametrize(
    ("modes", "members"),
    [
        (["Input"], ["endpointInput"]),
        (["Output"], ["endpointOutput"]),
        (["Input", "Output"], ["endpointInput", "endpointOutput"]),
        (["InputAndOutput"], ["endpointInput", "endpointOutput"]),
    ],
)
def test_the_directions_that_were_asked_for_are_captured(
    monkeypatch: pytest.MonkeyPatch, modes: list[str], members: list[str]
) -> None:
    bench = Bench(monkeypatch, CaptureOptions=[{"CaptureMode": mode} for mode in modes])
    (line,) = bench.serve()
    assert list(line["captureData"]) == members
    bodies = {"endpointInput": b"asked", "endpointOutput": b"answer"}
    for member in members:
        assert base64.b64decode(line["captureData"][member]["data"]) == bodies[member]


def test_what_the_client_said_of_the_request_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    headers = {
        "x-amzn-sagemaker-inference-id": "id-1",
        "x-amzn-sagemaker-custom-attributes": "trace=2",
        "content-type": "text/csv",
    }
    (line,) = Bench(monkeypatch).serve(asked=headers)
    assert line["eventMetadata"]["inferenceId"] == "id-1"
    assert line["eventMetadata"]["customAttributes"] == ["trace=2"]
    assert line["captureData"]["endpointInput"]["observedContentType"] == "text/csv"


def test_lines_of_one_variant_share_a_file_below_endpoint_and_variant(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bench = Bench(monkeypatch)
    lines = bench.serve(5)
    ((batch, _),) = bench.files
    assert str(batch.folder) == "s3://b/c/ep/v"
    assert (batch.role_arn, batch.region) == ("arn:role", "us-east-1")
    assert len({line["eventMetadata"]["eventId"] for line in lines}) == 5


def test_files_are_named_by_their_time() -> None:
    assert file_name(NOW).startswith("2026/01/02/03/04-05-678-")
