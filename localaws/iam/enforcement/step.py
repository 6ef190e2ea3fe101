"""The step of the chain that knows who asks, and lets through what is allowed."""

import re
from collections.abc import Awaitable, Callable

from moto.s3.exceptions import S3ClientError

from localaws.asgi import FORM, Request, Response, Scope
from localaws.faults.asked import Asked, place_of, read_asked
from localaws.functions.addresses.authorization import ForbiddenError, refusal
from localaws.iam.enforcement.authentication import (
    ANYBODY,
    Flaw,
    Identified,
    UnauthenticatedError,
    authenticate,
    check_key,
    identify,
)
from localaws.iam.enforcement.function_urls import read_url
from localaws.iam.enforcement.guard import Guard
from localaws.iam.enforcement.wording import denied, unauthenticated, unsigned
from localaws.iam.needs.need import Need, UnknownOperationError
from localaws.moto_bridge import MOTO_PATHS
from localaws.protocols import Call, Protocol, not_implemented, read_call
from localaws.s3.authorization import is_readable_by_all
from localaws.s3.errors import answer_error
from localaws.s3.target import Caller
from localaws.steps import Exchange, Forward
from localaws.wire.bodies import is_form
from localaws.wire.request_ids import OWN_PATH

FindRefusal = Callable[[Exchange], Awaitable[Response | None]]
FindNeeds = Callable[[Asked], Awaitable[tuple[Need, ...]]]

AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=[^,\s]+,\s*SignedHeaders=[^,\s]+,\s*Signature=[0-9a-f]{64}"
)
"""How every SDK writes it: of another order, or a second scope, moto could make something else than we do."""
UNKNOWN = "because localaws does not know which permissions the operation needs"
TWO_WAYS = "because the request says in two ways what it asks for"
OTHER_ACCOUNT = "x-moto-account-id"
"""A header by which moto answers for any account, whoever signed."""
NO_SECRETS = {("sts", "GetSessionToken"), ("sts", "GetFederationToken")}
"""moto answers them with keys that nobody has: no success that is not real."""
ROUTES = ((re.compile("/endpoints/.*"), "sagemaker"), (re.compile("/2015-03-31/functions/.*"), "lambda"))
"""Paths that native routes answer, and the service that a request for them is signed for."""


class PermissionStep:
    """Let pass what is allowed, or all of it, written down."""

    def __init__(self, guard: Guard, *, find_needs: FindNeeds, is_for_s3: Callable[[Scope], bool]) -> None:
        self._guard = guard
        self._find_needs = find_needs
        self._is_for_s3 = is_for_s3

    def __call__(self, exchange: Exchange, forward: Forward) -> Awaitable[None]:
        """Hand the request on, or refuse it."""
        if is_preflight(exchange.request):
            return forward(exchange)
        if exchange.request.path.startswith(OWN_PATH):
            return self._look(exchange, forward, self._find_refusal_of_url)
        return self._look(exchange, forward, self._find_refusal)

    async def _look(self, exchange: Exchange, forward: Forward, find_refusal: FindRefusal) -> None:
        answer = await find_refusal(exchange)
        if answer is None or not self._guard.is_enforcing:
            await forward(exchange)
            return
        if "expect" in exchange.request.headers:  # the body was not asked for: no request can follow it
            answer.headers["connection"] = "close"
        await answer.send(exchange.send)

    async def _find_refusal_of_url(self, exchange: Exchange) -> Response | None:
        """Return the refusal of a request to the URL of a function."""
        found = read_url(exchange.request)
        if found is None:
            return None
        asked, needs = found
        key_id, flaw = str(asked.caller.access_key_id), None
        try:
            check_key(key_id)
        except UnauthenticatedError as error:
            if self._guard.is_enforcing:
                return unauthenticated(error, asked)
            flaw = error.flaw
        identified = identify(asked)
        denial = self._guard.find_denial(needs, identified, address=address_of(exchange), flaw=flaw)
        return None if denial is None else refusal(ForbiddenError())

    async def _find_refusal(self, exchange: Exchange) -> Response | None:
        """Return the refusal of a request; None where it is allowed."""
        request = exchange.request
        if request.path.startswith(MOTO_PATHS):  # back doors of moto, without a signature
            return unsigned(Call(service="", action="", protocol=Protocol.REST_JSON))
        asked = await read_asked(request)
        if asked is None:
            asked = self._read_anonymous(exchange)
            if asked is None:
                return unsigned(await read_unsigned(request))
        try:
            check_form(exchange, asked)
            identified = await authenticate(asked)
        except UnauthenticatedError as error:
            if self._guard.is_enforcing:
                return unauthenticated(error, asked)
            identified = identify(asked)
            return await self._hold(asked, identified, exchange, flaw=error.flaw)
        except S3ClientError as error:
            return answer_error(error, method=request.method, path=request.path)
        return await self._hold(asked, identified, exchange)

    async def _hold(
        self, asked: Asked, identified: Identified, exchange: Exchange, *, flaw: Flaw | None = None
    ) -> Response | None:
        """Hold what a request needs against the policies."""
        call = asked.call
        action = f"{call.service}:{call.action}"
        if (call.service, call.action) in NO_SECRETS:
            return not_implemented(call, detail="it would answer with a key that nobody has")
        because = TWO_WAYS if is_ambiguous(exchange, asked) else UNKNOWN
        try:
            if because is TWO_WAYS:
                raise UnknownOperationError
            needs = await self._find_needs(asked)
        except UnknownOperationError:
            self._guard.note(identified, action=action, resource="*", because=because)
            return denied(asked, identified, action=action, resource="*", because=because)
        found = self._guard.find_denial(needs, identified, address=address_of(exchange), flaw=flaw)
        if found is None or (not found.is_explicit and is_public(asked, identified)):
            return None
        need = found.need
        return denied(asked, identified, action=need.action, resource=need.resource, because=found.because)

    def _read_anonymous(self, exchange: Exchange) -> Asked | None:
        """Return what nobody in particular asks of S3; None where it is asked of another service."""
        request = exchange.request
        if "x-amz-target" in request.headers or is_form(request) or not self._is_for_s3(exchange.scope):
            return None
        call = read_as("s3", request, body=b"")
        caller = Caller(access_key_id=None, service="s3", region="us-east-1")
        return Asked(call=call, caller=caller, request=request)


def address_of(exchange: Exchange) -> str:
    """Return the address that a request came from."""
    address, _ = exchange.scope.get("client") or ("", 0)
    return str(address)


def is_preflight(request: Request) -> bool:
    """Tell whether a browser asks what it may ask: it signs nothing then."""
    return request.method == "OPTIONS" and "access-control-request-method" in request.headers


def read_as(service: str, request: Request, *, body: bytes) -> Call:
    """Return what a request would ask of a service."""
    scope = f"Credential=x/00000000/us-east-1/{service}/aws4_request"
    place = Call(service=service, action="", protocol=Protocol.REST_XML)
    found = read_call(
        method=request.method,
        path=place_of(request, place),
        query=request.query,
        headers=request.headers | {"authorization": scope},
        body=body,
    )
    return found or Call(service=service, action="", protocol=Protocol.REST_JSON)


async def read_unsigned(request: Request) -> Call:
    """Return how the answer to a request without a signature is to be written."""
    return read_as("unsigned", request, body=b"Action=?" if is_form(request) else b"")


def check_form(exchange: Exchange, asked: Asked) -> None:
    """Raise UnauthenticatedError for a signature that is not written as the SDKs write it."""
    given = [value for name, value in exchange.scope.get("headers", ()) if name.lower() == b"authorization"]
    if not given and asked.call.service == "s3":  # a presigned URL
        return
    if len(given) != 1 or AUTHORIZATION.fullmatch(given[0].decode("latin-1")) is None:
        raise UnauthenticatedError(Flaw.OTHER_VERSION if given else Flaw.UNSIGNED)


def is_ambiguous(exchange: Exchange, asked: Asked) -> bool:
    """Tell whether a request could be read as another one than that which was held against policies."""
    request, service = exchange.request, asked.call.service
    if asked.caller.service != service or OTHER_ACCOUNT in request.headers:
        return True
    if exchange.handler is not None:
        named = {name for pattern, name in ROUTES if pattern.fullmatch(request.path)}
        return named != {service}
    is_of_form = request.headers.get("content-type", "").lower().startswith(FORM)
    has_action = "Action=" in request.query
    return is_of_form and ("x-amz-target" in request.headers or (has_action and service != "s3"))


def is_public(asked: Asked, identified: Identified) -> bool:
    """Tell whether anybody may read the object that is asked for, by its access control list."""
    if identified is not ANYBODY or asked.call.action not in ("GetObject", "HeadObject"):
        return False
    return is_readable_by_all(place_of(asked.request, asked.call))
