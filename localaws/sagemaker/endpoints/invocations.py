"""InvokeEndpoint: a thin proxy from the API to a serving process.

Source: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpoint.html; the shapes
and status codes of the errors are those of botocore's sagemaker-runtime model.
"""

import random
import re
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from localaws.asgi import BodyTooLargeError, Request, Response
from localaws.cloudwatch.sources.endpoints import EndpointCall
from localaws.context import Context
from localaws.sagemaker.endpoints import invocation_errors as errors
from localaws.sagemaker.endpoints.capture import Capturer
from localaws.sagemaker.endpoints.container_pool import Answer, ContainerPool
from localaws.sagemaker.endpoints.controller import EndpointController
from localaws.sagemaker.endpoints.fleet import Variant
from localaws.sagemaker.endpoints.instance import Instance

BODY_MAX_BYTES = 25 << 20
"""Largest request: "The payload limits are 25 MB for real-time endpoints"
(https://docs.aws.amazon.com/sagemaker/latest/dg/hosting-faqs.html). Older texts say 6 MB."""
INVOCATION_S = 60.0
"""AWS seconds a container has to answer."""
PASSED_HEADERS = (
    "content-type",
    "accept",
    "x-amzn-sagemaker-custom-attributes",
    "x-amzn-sagemaker-inference-id",
    "x-amzn-sagemaker-target-model",
    "x-amzn-sagemaker-session-id",
)
"""What reaches the container: "SageMaker AI strips all POST headers except those supported by the API"."""
RETURNED_HEADERS = (
    "content-type",
    "x-amzn-sagemaker-custom-attributes",
    "x-amzn-sagemaker-new-session-id",
    "x-amzn-sagemaker-closed-session-id",
)

_credential = re.compile(r"Credential=(?P<key>[^/]+)/\d+/(?P<region>[^/]+)/")
Find = Callable[[str, str, str], EndpointController | None]


@dataclass(frozen=True, kw_only=True)
class Invocation:
    """What a container is asked, by whatever way it was asked of us."""

    headers: Mapping[str, str]
    body: bytes
    timeout_s: float
    """AWS seconds."""
    target: str | None = None
    """The only variant that may answer."""


class Invoker:
    """Answer InvokeEndpoint requests; lives on the event loop."""

    def __init__(self, *, context: Context, find: Find, capturer: Capturer) -> None:
        self._context = context
        self._find = find
        self._capturer = capturer
        self._pool = ContainerPool()
        self._rng = random.Random()  # noqa: S311 - it spreads load

    def close(self) -> None:
        """Close the connections to the containers."""
        self._pool.close()

    async def invoke(self, request: Request) -> Response:
        """Serve POST /endpoints/NAME/invocations."""
        response = await self._answer(request, started=time.perf_counter())
        response.headers["x-amzn-requestid"] = str(uuid.uuid4())
        return response

    async def _answer(self, request: Request, *, started: float) -> Response:
        body = await read_body(request)
        if body is None:
            return errors.too_large(limit=BODY_MAX_BYTES)
        found = self.find_endpoint(request)
        if isinstance(found, Response):
            return found
        if found.features.async_inference is not None:
            return errors.validation_error(
                f"Endpoint {found.name} is asynchronous: its configuration has an AsyncInferenceConfig. Use "
                "InvokeEndpointAsync."
            )
        target = request.headers.get("x-amzn-sagemaker-target-variant")
        if target is not None and target not in found.fleet.variants:
            return errors.variant_not_found(variant=target, name=found.name, account_id=found.account_id)
        headers = {name: request.headers[name] for name in PASSED_HEADERS if name in request.headers}
        invocation = Invocation(headers=headers, body=body, timeout_s=INVOCATION_S, target=target)
        response = await self.send(invocation, controller=found, started=started)
        self._capturer.take(body, headers, response, controller=found)
        return response

    def find_endpoint(self, request: Request) -> EndpointController | Response:
        """Return the endpoint that a request names, or the error for one that does not serve."""
        account_id, region = self._caller(request)
        name = request.params["name"]
        controller = self._find(account_id, region, name)
        if controller is None or not controller.is_serving:
            return errors.endpoint_not_found(name=name, account_id=account_id)
        return controller

    def _caller(self, request: Request) -> tuple[str, str]:
        """Return the account and region that the signature names."""
        from moto.iam.models import get_account_id_from

        found = _credential.search(request.headers.get("authorization", ""))
        if found is None:
            return get_account_id_from(""), self._context.region
        return get_account_id_from(found["key"]), found["region"]

    async def send(
        self, invocation: Invocation, *, controller: EndpointController, started: float | None = None
    ) -> Response:
        """Send a request to an instance, and count it; it came at `started`, by time.perf_counter, or now."""
        call = EndpointCall(
            account_id=controller.account_id,
            region=controller.region,
            endpoint=controller.name,
            variant=invocation.target or "",
            started=time.perf_counter() if started is None else started,
        )
        response = await self._send(invocation, controller=controller, call=call)
        self._context.metrics.report(call)
        return response

    async def _send(
        self, invocation: Invocation, *, controller: EndpointController, call: EndpointCall
    ) -> Response:
        """Try instances until one takes the request; one that took it has the last word."""
        target = invocation.target
        for _ in range(1 + len(controller.fleet.instances())):
            fleet = controller.fleet
            variant = fleet.variants.get(target) if target else fleet.pick_variant(rng=self._rng)
            instance = variant.pick_instance() if variant is not None else None
            if variant is None or instance is None:
                break
            plan = variant.plan
            call.ask(plan.name, instances=len(variant.instances), config=plan.config_name)
            try:
                answer = await self._call(instance, invocation)
            except ConnectionRefusedError:
                instance.suspect()
                continue
            except TimeoutError:
                return errors.invocation_timed_out(controller)
            except ConnectionError:
                return errors.no_response(controller)
            call.answer(answer.status)
            return respond(answer, variant=variant, controller=controller)
        return errors.unavailable(name=controller.name)

    async def _call(self, instance: Instance, invocation: Invocation) -> Answer:
        instance.outstanding += 1
        try:
            return await self._pool.post(
                instance.port,
                headers=invocation.headers,
                body=invocation.body,
                timeout_s=self._context.clock.real_seconds(invocation.timeout_s),
            )
        finally:
            instance.outstanding -= 1


async def read_body(request: Request) -> bytes | None:
    """Return the body, or None where it is larger than AWS takes; never holds more than that in memory."""
    try:
        return await request.body(limit_bytes=BODY_MAX_BYTES)
    except BodyTooLargeError:
        return None


def respond(answer: Answer, *, variant: Variant, controller: EndpointController) -> Response:
    """Turn a container's answer into AWS's."""
    if answer.status >= 300:
        return errors.model_error(controller, status=answer.status, body=answer.body)
    headers = {name: answer.headers[name] for name in RETURNED_HEADERS if name in answer.headers}
    headers["x-amzn-invoked-production-variant"] = variant.plan.name
    return Response(status=200, body=answer.body, headers=headers)
