"""Invoke, answered by a route of our own, and the life of what runs behind it.

https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
"""

import asyncio
import json
from urllib.parse import parse_qs

from moto.awslambda.exceptions import ValidationException
from moto.core.exceptions import JsonRESTError
from moto.iam.models import get_account_id_from

from localaws.asgi import Request, Response, Router, aws_error
from localaws.context import Context
from localaws.functions import arns, invocations
from localaws.functions.arns import Target
from localaws.functions.errors import (
    InvalidRequestContentError,
    RequestTooLargeError,
    ThrottledError,
    UnreachableRegionError,
)
from localaws.functions.host import FunctionHost
from localaws.functions.invocations import Result
from localaws.functions.invoker import Invoker

INVOCATION_TYPES = ("RequestResponse", "Event", "DryRun")
PARSE_IN_THREAD_BYTES = 65_536
"""Payloads from this size on are checked in a thread, so that the event loop goes on."""


class FunctionService:
    """Serves Invoke; everything else of Lambda is an action of moto's kind."""

    def __init__(self, context: Context, *, host: FunctionHost) -> None:
        self._context = context
        self._invoker = Invoker(clock=context.clock, host=host)
        self._host = host

    def register(self, router: Router) -> None:
        """Add the route of Invoke."""
        self._host.connect(
            is_current=self._invoker.is_current, call=self._invoker.call, queue=self._invoker.queue_call
        )
        router.add("POST", r"/2015-03-31/functions/(?P<function>[^/]+)/invocations/?", self._serve_invoke)

    async def stop(self) -> None:
        """Drop the queue of events."""
        await self._invoker.close()

    async def _serve_invoke(self, request: Request) -> Response:
        try:
            return await self._invoke(request)
        except ThrottledError as error:
            extra = {"Reason": error.reason, "Type": "User"}
            return aws_error(status=error.code, code=error.error_type, message=error.message, extra=extra)
        except JsonRESTError as error:
            return aws_error(status=error.code, code=error.error_type, message=error.message)

    async def _invoke(self, request: Request) -> Response:
        kind = request.headers.get("x-amz-invocation-type") or "RequestResponse"
        if kind not in INVOCATION_TYPES:
            allowed = f"Member must satisfy enum value set: [{', '.join(INVOCATION_TYPES)}]"
            raise ValidationException(kind, "invocationType", allowed)
        target = self._target(request)
        function = self._invoker.find(target)
        payload = await read_payload(request, is_event=kind == "Event")
        function.environment_spec()
        invocation = self._invoker.invocation(target, payload, headers=request.headers)
        headers = {"x-amzn-requestid": invocation.request_id, "x-amzn-trace-id": invocation.trace_id}
        if kind == "DryRun":
            return Response(status=204, headers=headers)
        if kind == "Event":
            self._invoker.enqueue(target, invocation)
            return Response(status=202, headers=headers)
        result = await self._invoker.run(target, invocation)
        wants_log = request.headers.get("x-amz-log-type") == "Tail"
        return Response(
            body=result.outcome.payload, headers=headers | result_headers(result, wants_log=wants_log)
        )

    def _target(self, request: Request) -> Target:
        query = parse_qs(request.query)
        reference = arns.parse_reference(
            request.params["function"], qualifier=query.get("Qualifier", [None])[0]
        )
        caller = arns.parse_caller(request.headers.get("authorization", ""))
        region = caller.region or self._context.region
        if reference.region is not None and reference.region != region:
            raise UnreachableRegionError(reference.region, region)
        return Target(
            account_id=reference.account_id or get_account_id_from(caller.access_key or ""),
            region=region,
            name=reference.name,
            qualifier=reference.qualifier,
        )


async def read_payload(request: Request, *, is_event: bool) -> bytes:
    """Return the payload, `{}` where there is none; refuse what is too large or not JSON."""
    limit = invocations.EVENT_PAYLOAD_LIMIT if is_event else invocations.SYNC_PAYLOAD_LIMIT
    if int(request.headers.get("content-length") or 0) > limit:
        raise RequestTooLargeError(limit)
    body = await request.body()
    if len(body) > limit:
        raise RequestTooLargeError(limit)
    try:
        if len(body) > PARSE_IN_THREAD_BYTES:
            await asyncio.to_thread(json.loads, body)
        elif body:
            json.loads(body)
    except ValueError as error:
        raise InvalidRequestContentError(str(error)) from error
    return body or b"{}"


def result_headers(result: Result, *, wants_log: bool) -> dict[str, str]:
    """Return the headers of a RequestResponse answer."""
    headers = {"content-type": "application/json", "x-amz-executed-version": result.version}
    if result.outcome.error is not None:
        headers["x-amz-function-error"] = result.outcome.error
    if wants_log:
        headers["x-amz-log-result"] = result.encoded_log()
    return headers
