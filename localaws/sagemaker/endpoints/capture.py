"""Data capture: some of the requests and answers of an endpoint, as JSON lines in S3.

https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-data-capture-endpoint.html
"""

import asyncio
import base64
import json
import logging
import random
import uuid
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from localaws.asgi import Response
from localaws.context import Context
from localaws.errors import StorageError
from localaws.sagemaker.endpoints.controller import EndpointController
from localaws.sagemaker.endpoints.features import DataCapture
from localaws.sagemaker.endpoints.role_clients import RoleClients
from localaws.storage import S3Uri, write_object

logger = logging.getLogger(__name__)

FLUSH_S = 10.0
"""AWS seconds between a first line and its file. AWS takes minutes; a laptop's user is kept waiting less."""
VARIANT_HEADER = "x-amzn-invoked-production-variant"
INFERENCE_ID_HEADER = "x-amzn-sagemaker-inference-id"
ATTRIBUTES_HEADER = "x-amzn-sagemaker-custom-attributes"


@dataclass(frozen=True, kw_only=True)
class CapturedBody:
    """What a container was asked, or answered."""

    body: bytes
    content_type: str

    def describe(self, mode: str, *, config: DataCapture) -> dict[str, str]:
        """Return it as a captured line holds it; what is not known to be text is base64."""
        kind = self.content_type.partition(";")[0].strip().lower()
        encoding, data = "BASE64", base64.b64encode(self.body).decode()
        for name, types in (("CSV", config.csv_types), ("JSON", config.json_types)):
            if kind in types or self.content_type.lower() in types:
                encoding, data = name, self.body.decode("utf-8", errors="replace")
        return {
            "observedContentType": self.content_type,
            "mode": mode,
            "data": data,
            "encoding": encoding,
        }


def captured_line(
    asked: CapturedBody,
    answered: CapturedBody,
    *,
    config: DataCapture,
    now: datetime,
    inference_id: str | None = None,
    attributes: str | None = None,
) -> dict[str, Any]:
    """Return one line."""
    data = {}
    if "INPUT" in config.modes:
        data["endpointInput"] = asked.describe("INPUT", config=config)
    if "OUTPUT" in config.modes:
        data["endpointOutput"] = answered.describe("OUTPUT", config=config)
    metadata: dict[str, Any] = {
        "eventId": str(uuid.uuid4()),
        "inferenceTime": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    if inference_id:
        metadata["inferenceId"] = inference_id
    if attributes:
        metadata["customAttributes"] = [attributes]
    return {"captureData": data, "eventMetadata": metadata, "eventVersion": "0"}


def file_name(now: datetime) -> str:
    """Return the name of a file below endpoint and variant: by the hour, and then by minute and second."""
    return now.strftime("%Y/%m/%d/%H/%M-%S-") + f"{now.microsecond // 1000:03d}-{uuid.uuid4()}.jsonl"


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Where the lines of one file go, and in whose name."""

    folder: S3Uri
    role_arn: str
    region: str


class Capturer:
    """Take samples of what endpoints answer; lives on the event loop."""

    def __init__(self, *, context: Context, clients: RoleClients) -> None:
        self._context = context
        self._clients = clients
        self._rng = random.Random()  # noqa: S311 - it draws a sample
        self._lines: dict[Batch, list[dict[str, Any]]] = defaultdict(list)
        self._flusher: asyncio.Task[None] | None = None

    def take(
        self, body: bytes, headers: dict[str, str], response: Response, *, controller: EndpointController
    ) -> None:
        """Keep a request and its answer, if the endpoint captures data and the sample falls on it."""
        config = controller.features.data_capture
        if config is None or not config.is_enabled or response.status != 200:
            return
        if self._rng.random() * 100 >= config.percentage:
            return
        variant = controller.fleet.find_variant(response.headers[VARIANT_HEADER])
        if variant is None:  # an update has replaced it meanwhile
            return
        line = captured_line(
            CapturedBody(body=body, content_type=headers.get("content-type", "")),
            CapturedBody(body=response.body, content_type=response.headers.get("content-type", "")),
            config=config,
            now=self._context.clock.now(),
            inference_id=headers.get(INFERENCE_ID_HEADER),
            attributes=headers.get(ATTRIBUTES_HEADER),
        )
        folder = S3Uri.parse(config.destination).join(controller.name, variant.plan.name)
        batch = Batch(folder=folder, role_arn=variant.plan.role_arn, region=controller.region)
        self._lines[batch].append(line)
        if self._flusher is None or self._flusher.done():
            self._flusher = asyncio.create_task(self._flush_later())

    async def _flush_later(self) -> None:
        while self._lines:  # more may come while a file is written
            await asyncio.sleep(self._context.clock.real_seconds(FLUSH_S))
            lines, self._lines = self._lines, defaultdict(list)
            for batch, found in lines.items():
                await asyncio.to_thread(self._write, batch, found)

    def _write(self, batch: Batch, lines: Sequence[dict[str, Any]]) -> None:
        client = self._clients.find("s3", role_arn=batch.role_arn, region=batch.region)
        body = "".join(json.dumps(line) + "\n" for line in lines).encode()
        place = batch.folder.join(file_name(self._context.clock.now()))
        try:
            write_object(client, place, body)
        except StorageError as error:
            logger.warning("captured data was not written: %s", error)

    def close(self) -> None:
        """Drop what was not written: S3 ends with localaws."""
        if self._flusher is not None:
            self._flusher.cancel()
