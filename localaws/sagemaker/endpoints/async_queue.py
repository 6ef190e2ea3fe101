"""The queue before an asynchronous endpoint: requests wait for an instance, and their answers go to S3."""

import asyncio
import json
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

from localaws.asgi import Response
from localaws.context import Context
from localaws.errors import StorageError
from localaws.sagemaker.endpoints.async_request import AsyncRequest, Outcome
from localaws.sagemaker.endpoints.controller import EndpointController
from localaws.sagemaker.endpoints.features import AsyncInference
from localaws.sagemaker.endpoints.role_clients import RoleClients
from localaws.storage import S3Uri, read_object, write_object

logger = logging.getLogger(__name__)

POLL_S = 0.05
"""Real seconds between two looks for an instance that can take a request."""
EXPIRED = "ClientError: The request waited longer than RequestTTLSeconds."

Send = Callable[[AsyncRequest, bytes, EndpointController], Awaitable[Response]]
"""Send a payload to one of an endpoint's instances; return the answer as InvokeEndpoint gives it."""


class AsyncQueue:
    """The waiting requests of one endpoint; lives on the event loop."""

    def __init__(
        self, *, context: Context, controller: EndpointController, clients: RoleClients, send: Send
    ) -> None:
        self._context = context
        self._controller = controller
        self._clients = clients
        self._send = send
        self._waiting: deque[tuple[float, AsyncRequest, AsyncInference]] = deque()
        self._under_way: set[asyncio.Task[None]] = set()
        self._dispatcher: asyncio.Task[None] | None = None

    def put(self, request: AsyncRequest, *, config: AsyncInference) -> None:
        """Let a request wait for its turn."""
        self._waiting.append((self._context.clock.monotonic(), request, config))
        if self._dispatcher is None or self._dispatcher.done():
            self._dispatcher = asyncio.create_task(self._dispatch())

    def count(self) -> tuple[int, int]:
        """Return how many requests wait, and how many are under way."""
        return len(self._waiting), len(self._under_way)

    def describe(self) -> str:
        """Return how many requests wait and how many are under way, in words; empty where there is none."""
        if not self._waiting and not self._under_way:
            return ""
        return f"{len(self._waiting)} waiting, {len(self._under_way)} under way"

    def close(self) -> None:
        """Drop what waits and what is under way."""
        self._waiting.clear()
        for task in [*self._under_way, *([self._dispatcher] if self._dispatcher else [])]:
            task.cancel()

    async def _dispatch(self) -> None:
        """Hand out requests in their order, each once an instance has room for it."""
        while self._waiting:
            since, request, config = self._waiting[0]
            has_expired = self._context.clock.monotonic() - since > request.ttl_s
            if not has_expired and not self._has_room(config):
                await asyncio.sleep(POLL_S)
                continue
            self._waiting.popleft()
            failure = EXPIRED if has_expired else ""
            task = asyncio.create_task(self._serve(request, config=config, failure=failure))
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)

    def _has_room(self, config: AsyncInference) -> bool:
        healthy = [item for item in self._controller.fleet.instances() if item.is_healthy]
        return len(self._under_way) < len(healthy) * config.max_concurrent

    async def _serve(self, request: AsyncRequest, *, config: AsyncInference, failure: str) -> None:
        """Answer one request, keep the answer, and tell the topics."""
        try:
            outcome = Outcome(failure=failure) if failure else await self._ask(request)
            await asyncio.to_thread(self._deliver, request, outcome=outcome, config=config)
        except Exception:  # the boundary of the task: one request must not end the others
            logger.exception("asynchronous request %s was not delivered", request.request_id)

    async def _ask(self, request: AsyncRequest) -> Outcome:
        try:
            payload = await asyncio.to_thread(self._read, request)
        except StorageError as error:
            return Outcome(failure=f"ClientError: {error}")
        response = await self._send(request, payload, self._controller)
        if response.status == 200:
            return Outcome(body=response.body, content_type=response.headers.get("content-type", ""))
        return Outcome(failure=failure_reason(response))

    def _read(self, request: AsyncRequest) -> bytes:
        if not request.input_location:
            return request.body
        return read_object(self._client("s3"), S3Uri.parse(request.input_location))

    def _client(self, service: str) -> Any:
        plan = next(iter(self._controller.fleet.variants.values())).plan
        region = self._controller.region
        return self._clients.find(service, role_arn=plan.role_arn, region=region)

    def _deliver(self, request: AsyncRequest, *, outcome: Outcome, config: AsyncInference) -> None:
        output = request.output_location(config)
        place = request.failure_location(config) if outcome.failure else output
        body = outcome.failure.encode() if outcome.failure else outcome.body
        if place:
            try:
                kind = {"ContentType": outcome.content_type} if outcome.content_type else {}
                write_object(self._client("s3"), S3Uri.parse(place), body, **kind)
            except StorageError as error:
                outcome = Outcome(failure=f"ClientError: {error}")
        topic = config.error_topic if outcome.failure else config.success_topic
        if topic:
            ended = self._context.clock.now()
            message = request.notification(ended=ended, outcome=outcome, output_location=output)
            self._client("sns").publish(TopicArn=topic, Message=message)


def failure_reason(response: Response) -> str:
    """Return what is told of a container that did not answer well."""
    document = json.loads(response.body)
    status = document.get("OriginalStatusCode")
    if not status:
        return f"ClientError: {document.get('OriginalMessage') or document.get('message')}"
    side = "client" if 400 <= status < 500 else "server"
    return (
        f"ClientError: Received {side} error ({status}) from model. See the SageMaker Endpoint logs in your "
        "account for more information."
    )
