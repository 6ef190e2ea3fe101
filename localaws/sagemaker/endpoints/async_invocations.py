"""InvokeEndpointAsync: take a request, say where its answer will be, and let it wait."""

import json
import uuid

from localaws.asgi import Request, Response
from localaws.context import Context
from localaws.sagemaker.endpoints import invocation_errors as errors
from localaws.sagemaker.endpoints.async_queue import AsyncQueue
from localaws.sagemaker.endpoints.async_request import PREFIX, AsyncRequest, AsyncRequestError
from localaws.sagemaker.endpoints.controller import EndpointController
from localaws.sagemaker.endpoints.features import AsyncInference
from localaws.sagemaker.endpoints.invocations import BODY_MAX_BYTES, Invocation, Invoker, read_body
from localaws.sagemaker.endpoints.role_clients import RoleClients


class AsyncInvoker:
    """Answer InvokeEndpointAsync requests; lives on the event loop."""

    def __init__(self, *, context: Context, invoker: Invoker, clients: RoleClients) -> None:
        self._context = context
        self._invoker = invoker
        self._clients = clients
        self._queues: dict[EndpointController, AsyncQueue] = {}

    async def invoke(self, request: Request) -> Response:
        """Serve POST /endpoints/NAME/async-invocations."""
        body = await read_body(request)
        if body is None:
            return errors.too_large(limit=BODY_MAX_BYTES)
        found = self._invoker.find_endpoint(request)
        if isinstance(found, Response):
            return found
        config = found.features.async_inference
        if config is None:
            return errors.validation_error(
                f"Endpoint {found.name} is not asynchronous: its configuration has no AsyncInferenceConfig. "
                "Use InvokeEndpoint."
            )
        try:
            asked = AsyncRequest.read(
                endpoint_name=found.name,
                region=found.region,
                headers=request.headers,
                body=body,
                now=self._context.clock.now(),
            )
        except AsyncRequestError as error:
            return errors.validation_error(str(error))
        self._queue(found).put(asked, config=config)
        return accepted(asked, config)

    def _queue(self, controller: EndpointController) -> AsyncQueue:
        """Return the queue of an endpoint; those of endpoints that are gone are forgotten."""
        for known in [known for known in self._queues if known.is_gone]:
            self._queues.pop(known).close()
        if controller not in self._queues:
            self._queues[controller] = AsyncQueue(
                context=self._context, controller=controller, clients=self._clients, send=self._send
            )
        return self._queues[controller]

    async def _send(self, asked: AsyncRequest, payload: bytes, controller: EndpointController) -> Response:
        invocation = Invocation(headers=asked.headers, body=payload, timeout_s=asked.timeout_s)
        return await self._invoker.send(invocation, controller=controller)

    def count(self, controller: EndpointController) -> tuple[int, int]:
        """Return how many requests of an endpoint wait, and how many are under way."""
        queue = self._queues.get(controller)
        return (0, 0) if queue is None else queue.count()

    def describe_queues(self) -> dict[EndpointController, str]:
        """Return how full the queues are, in words."""
        return {controller: queue.describe() for controller, queue in self._queues.items()}

    def close(self) -> None:
        """Drop every request that waits."""
        for queue in self._queues.values():
            queue.close()


def accepted(asked: AsyncRequest, config: AsyncInference) -> Response:
    """Return the answer to a request that waits now: where its result will be."""
    places = {
        f"{PREFIX}outputlocation": asked.output_location(config),
        f"{PREFIX}failurelocation": asked.failure_location(config),
    }
    headers = {name: place for name, place in places.items() if place}
    return Response(
        status=202,
        body=json.dumps({"InferenceId": asked.inference_id}).encode(),
        headers=headers | {"content-type": "application/json", "x-amzn-requestid": str(uuid.uuid4())},
    )
