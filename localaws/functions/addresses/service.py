"""Serve function URLs: authorise, turn the request into an event, the result into an answer."""

import json
import re
import uuid
from collections.abc import Iterable
from urllib.parse import urlsplit

from moto.core.exceptions import JsonRESTError
from moto.s3.models import CorsRule

from localaws.asgi import Request, Response, Router
from localaws.context import Context
from localaws.functions import invocations
from localaws.functions.addresses.authorization import ForbiddenError, authorise, refusal
from localaws.functions.addresses.cors import METHODS, answer_headers, as_rule
from localaws.functions.addresses.payload import UrlRequest, build_event, build_response, failed_response
from localaws.functions.addresses.spec import PATH, FunctionUrl
from localaws.functions.answers import error_response
from localaws.functions.arns import LATEST, Target
from localaws.functions.bodies import read_body
from localaws.functions.invoker import Invoker
from localaws.functions.lookup import backends
from localaws.iam.signatures import SignatureError
from localaws.sandbox import SANDBOX

ROUTE = re.compile(rf"{PATH}/(?P<id>[a-z0-9]+)(?P<path>/.*)?")


class AddressService:
    """Answers at the URLs of functions."""

    def __init__(self, context: Context, *, invoker: Invoker) -> None:
        self._context = context
        self._invoker = invoker

    def register(self, router: Router) -> None:
        """Add the routes."""
        for method in (*METHODS, "OPTIONS"):
            router.add(method, ROUTE.pattern, self._serve)

    async def _serve(self, request: Request) -> Response:
        found = find_url(request.params["id"])
        if found is None:
            return refusal(ForbiddenError())
        target, url = found
        is_preflight = request.method == "OPTIONS" and "access-control-request-method" in request.headers
        if is_preflight:  # a browser sends it without a signature
            response = Response(status=200 if url.cors else 403)
        else:
            response = await self._answer(request, target, url)
        from_page = answer_headers(url.cors, is_preflight=is_preflight) if "origin" in request.headers else {}
        own = response.headers.get("content-security-policy")
        policy = f"{SANDBOX}, {own}" if own else SANDBOX
        response.headers |= from_page | {"content-security-policy": policy}
        return response

    async def _answer(self, request: Request, target: Target, url: FunctionUrl) -> Response:
        request_id = str(uuid.uuid4())
        try:
            body = await read_body(request, limit=invocations.SYNC_PAYLOAD_LIMIT)
            caller = authorise(request, body, target, url)
            event = build_event(self._read(request, body, url, request_id=request_id), caller=caller)
            payload = json.dumps(event).encode()
            result = await self._invoker.run(target, self._invoker.invocation(target, payload))
        except JsonRESTError as error:
            return error_response(error, request_id=request_id)
        except (ForbiddenError, SignatureError) as error:
            return refusal(error)
        response = failed_response() if result.outcome.error else build_response(result.outcome.payload)
        response.headers["x-amzn-requestid"] = request_id
        return response

    def _read(self, request: Request, body: bytes, url: FunctionUrl, *, request_id: str) -> UrlRequest:
        return UrlRequest(
            url_id=url.id,
            method=request.method,
            path=request.params.get("path") or "/",
            query=request.query,
            headers=request.headers,
            body=body,
            domain=request.headers.get("host", urlsplit(self._context.endpoint_url).netloc),
            source_ip="127.0.0.1",
            request_id=request_id,
            now=self._context.clock.now(),
        )


def find_url(url_id: str) -> tuple[Target, FunctionUrl] | None:
    """Return what a function URL calls, and its settings; None where there is no such URL."""
    for backend in backends():
        if found := backend.find_url(url_id):
            name, url = found
            return backend.target(name, None if url.qualifier == LATEST else url.qualifier), url
    return None


def page_rules(path: str) -> Iterable[CorsRule]:
    """Return by which rules pages may call a path: those of the function URL that it belongs to."""
    match = ROUTE.fullmatch(path)
    found = find_url(match["id"]) if match else None
    rule = as_rule(found[1].cors) if found else None
    return () if rule is None else (rule,)
