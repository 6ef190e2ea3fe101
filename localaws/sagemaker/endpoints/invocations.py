"""InvokeEndpoint: a thin proxy from the API to a serving process.

Source: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpoint.html; the shapes
and status codes of the errors are those of botocore's sagemaker-runtime model.
"""

import logging
import random
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from localaws.asgi import BodyTooLargeError, Request, Response
from localaws.cloudwatch.sources.endpoints import EndpointCall
from localaws.context import Context
from localaws.iam.callers import find_account
from localaws.sagemaker.endpoints import invocation_errors as errors
from localaws.sagemaker.endpoints.capture import Capturer
from localaws.sagemaker.endpoints.container_pool import Answer, ContainerPool
from localaws.sagemaker.endpoints.controller import EndpointController
from localaws.sagemaker.endpoints.fleet import Variant
from localaws.sagemaker.endpoints.instance import Instance
from localaws.sagemaker.endpoints.shadows import Mirror
from localaws.wire.request_ids import new_request_id

BODY_MAX_BYTES = 25 << 20
"""Largest request: "The payload limits are 25 MB for real-time endpoints"
(https://docs.aws.amazon.com/sagemaker/latest/dg/hosting-faqs.html). Older texts say 6 MB."""
INVOCATION_S = 60.0
"""Seconds a container has to answer. Real ones, whatever the speed: a model's computing is not sped up."""
PASSED_HEADERS = (
    "content-type",
    "accept",
    "x-amzn-sagemaker-custom-attributes",
    "x-amzn-sagemaker-inference-id",
    "x-amzn-sagemaker-session-id",
)
"""What reaches the container: "SageMaker AI strips all POST headers except those supported by the API"."""
RETURNED_HEADERS = (
    "content-type",
    "x-amzn-sagemaker-custom-attributes",
    "x-amzn-sagemaker-new-session-id",
    "x-amzn-sagemaker-closed-session-id",
)

logger = logging.getLogger(__name__)
_credential = re.compile(r"Credential=(?P<key>[^/]+)/\d+/(?P<region>[^/]+)/")
Find = Callable[[str, str, str], EndpointController | None]


@dataclass(frozen=True, kw_only=True)
class Invocation:
    """What a container is asked, by whatever way it was asked of us."""

    headers: Mapping[str, str]
    body: bytes
    timeout_s: float
    """Real seconds."""
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
        self._mirror = Mirror(rng=self._rng)

    def close(self) -> None:
        """Close the connections to the containers."""
        self._mirror.close()
        self._pool.close()

    async def invoke(self, request: Request) -> Response:
        """Serve POST /endpoints/NAME/invocations."""
        response = await self._answer(request, started=time.perf_counter())
        response.headers["x-amzn-requestid"] = new_request_id()
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
        if (refusal := errors.find_misaddressed(request.headers, name=found.name)) is not None:
            return refusal
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
        found = _credential.search(request.headers.get("authorization", ""))
        if found is None:
            return find_account(""), self._context.region
        return find_account(found["key"]), found["region"]

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

    async def _shadow(
        self, shadow: Variant, *, invocation: Invocation, controller: EndpointController
    ) -> None:
        """Ask a shadow variant; its answer is counted and captured, and nobody gets it."""
        instance = shadow.pick_instance(rng=self._rng)
        if instance is None or not instance.begin():
            return
        call = EndpointCall(
            account_id=controller.account_id,
            region=controller.region,
            endpoint=controller.name,
            variant=shadow.plan.name,
            started=time.perf_counter(),
        )
        call.ask(shadow.plan.name, instances=len(shadow.instances), config=shadow.plan.config_name)
        try:
            answer = await self._call(instance, invocation)
        except ConnectionRefusedError:
            instance.suspect()
        except (TimeoutError, ConnectionError):
            logger.info("endpoint %s: shadow variant %s did not answer", controller.name, shadow.plan.name)
        else:
            call.answer(answer.status)
            response = respond(answer, variant=shadow, controller=controller)
            self._capturer.take(invocation.body, dict(invocation.headers), response, controller=controller)
        self._context.metrics.report(call)

    async def _send(
        self, invocation: Invocation, *, controller: EndpointController, call: EndpointCall
    ) -> Response:
        """Try instances until one takes the request; one that took it has the last word."""
        target = invocation.target
        for attempt in range(1 + controller.fleet.size):
            picked = self._pick(controller, target=target)
            if isinstance(picked, Response):
                return picked
            variant, instance = picked
            plan = variant.plan
            call.ask(plan.name, instances=len(variant.instances), config=plan.config_name)
            if attempt == 0:
                ask = partial(self._shadow, invocation=invocation, controller=controller)
                self._mirror.reflect(variant, ask)
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

    def _pick(
        self, controller: EndpointController, *, target: str | None
    ) -> tuple[Variant, Instance] | Response:
        """Return an instance that stays until it has answered, with its variant; or why there is none."""
        while True:
            fleet = controller.fleet
            variant = fleet.pick_variant(rng=self._rng, target=target)
            instance = variant.pick_instance(rng=self._rng) if variant is not None else None
            if variant is None or instance is None:
                if fleet is not controller.fleet:  # it was replaced meanwhile, and what was in it goes
                    continue
                return errors.unavailable(name=controller.name)
            if variant.is_throttled:
                return errors.throttled()
            if instance.begin():
                return variant, instance

    async def _call(self, instance: Instance, invocation: Invocation) -> Answer:
        """Ask an instance that a request has begun on."""
        try:
            return await self._pool.post(
                instance.port,
                headers=invocation.headers,
                body=invocation.body,
                timeout_s=invocation.timeout_s,
            )
        finally:
            instance.end()


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
