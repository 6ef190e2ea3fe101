"""Invoke, answered by a route of our own, and the life of what runs behind it.

https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
"""

import asyncio
import json
import uuid
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs

from moto.awslambda.exceptions import ValidationException
from moto.core.exceptions import JsonRESTError

from localaws.asgi import Request, Response, Router
from localaws.context import Context
from localaws.functions import arns, invocations
from localaws.functions.addresses.service import AddressService
from localaws.functions.answers import error_response
from localaws.functions.arns import Target
from localaws.functions.bodies import read_body
from localaws.functions.code_service import CodeService
from localaws.functions.concurrency.provisioner import Provisioner
from localaws.functions.description import describe_functions
from localaws.functions.errors import InvalidRequestContentError
from localaws.functions.host import FunctionHost
from localaws.functions.invocations import Result
from localaws.functions.invoker import Invoker
from localaws.functions.references import reach
from localaws.iam.callers import find_account
from localaws.wire.wording import one_of

INVOCATION_TYPES = ("RequestResponse", "Event", "DryRun")
PARSE_IN_THREAD_BYTES = 65_536
"""Payloads from this size on are checked in a thread, so that the event loop goes on."""


class FunctionService:
    """Serves Invoke; everything else of Lambda is an action of moto's kind."""

    def __init__(self, context: Context, *, host: FunctionHost) -> None:
        self._context = context
        self._invoker = Invoker(context=context, host=host)
        self._provisioner = Provisioner(host)
        self._routes = (
            AddressService(context, invoker=self._invoker),
            CodeService(context, host=host),
        )
        self._host = host

    def register(self, router: Router) -> None:
        """Add the routes."""
        self._host.connect(
            is_current=self._invoker.is_current,
            call=self._invoker.call,
            queue=self._invoker.queue_call,
            provision=self._provisioner.provision,
            refill=self._provisioner.refill,
        )
        for service in self._routes:
            service.register(router)
        router.add("POST", r"/2015-03-31/functions/(?P<function>[^/]+)/invocations/?", self._serve_invoke)

    async def stop(self) -> None:
        """Drop the queue of events, start no more environments."""
        await self._provisioner.close()
        await self._invoker.close()

    def describe(self) -> dict[str, Iterator[dict[str, Any]]]:
        """Return the functions for the status page."""
        return {"functions": describe_functions(self._host.pool.alive())}

    async def _serve_invoke(self, request: Request) -> Response:
        try:
            return await self._invoke(request)
        except JsonRESTError as error:
            return error_response(error, request_id=str(uuid.uuid4()))

    async def _invoke(self, request: Request) -> Response:
        kind = request.headers.get("x-amz-invocation-type") or "RequestResponse"
        if kind not in INVOCATION_TYPES:
            raise ValidationException(kind, "invocationType", one_of(INVOCATION_TYPES))
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
        return reach(
            reference,
            account_id=find_account(caller.access_key or ""),
            region=caller.region or self._context.region,
            action="lambda:InvokeFunction",
        )


async def read_payload(request: Request, *, is_event: bool) -> bytes:
    """Return the payload, `{}` where there is none; refuse what is too large or not JSON."""
    limit = invocations.EVENT_PAYLOAD_LIMIT if is_event else invocations.SYNC_PAYLOAD_LIMIT
    body = await read_body(request, limit=limit)
    try:
        if len(body) > PARSE_IN_THREAD_BYTES:
            await asyncio.to_thread(json.loads, body)
        elif body:
            json.loads(body)
    except (ValueError, RecursionError) as error:
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
