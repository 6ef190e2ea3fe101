"""What a request is, as far as fault rules look at it: call, caller, names."""

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl, unquote

from localaws.asgi import Request
from localaws.iam.callers import Principal, find_principal
from localaws.protocols import Call, Protocol, read_call
from localaws.s3.target import Caller, bucket_of_host, read_caller, read_query
from localaws.wire.bodies import find_limit, is_form
from localaws.wire.cbor import MALFORMED, MAX_CBOR_BYTES, as_json, read_cbor, read_cbor_call
from localaws.wire.request_ids import OWN_PATH

INVOCATIONS = "Invoke"
"""How the operations begin whose body is not AWS's business."""


@dataclass(kw_only=True)
class Asked:
    """One request to an operation of AWS."""

    call: Call
    caller: Caller
    request: Request
    is_cbor: bool = False
    names: frozenset[str] = frozenset()
    """What it names: parts of its path, and texts at the top of its body; read only where a rule asks."""

    @property
    def region(self) -> str:
        """The region that it is signed for."""
        return self.caller.region

    @cached_property
    def principal(self) -> Principal:
        """Who calls."""
        return find_principal(self.caller.access_key_id or "")

    @property
    def principals(self) -> tuple[str, str]:
        """The ARNs that a rule may name."""
        return self.principal.arn, self.principal.condition_arn

    @property
    def account_id(self) -> str:
        """The account of the caller."""
        return self.principal.account_id

    async def read_names(self) -> None:
        """Read what the request names."""
        path = [unquote(part) for part in place_of(self.request, self.call).split("/") if part]
        whole = [] if self.call.service != "s3" else ["/".join(path)]
        self.names = frozenset([*path, *whole, *await self._read_texts()])

    async def _read_texts(self) -> list[str]:
        protocol = self.call.protocol
        if protocol is Protocol.REST_XML or self.call.action.startswith(INVOCATIONS):
            return []
        body = await self.read_body()
        if protocol in (Protocol.QUERY, Protocol.EC2):
            return [value for _, value in parse_qsl(body.decode("latin-1"))]
        return read_texts(body, is_cbor=self.is_cbor)

    async def read_body(self) -> bytes:
        """Return the body, as it was sent."""
        limit_bytes = MAX_CBOR_BYTES if self.is_cbor else find_limit(self.request)
        return await self.request.body(limit_bytes=limit_bytes)

    async def digest(self) -> bytes:
        """Return what two requests share that ask for the same, by the same caller."""
        request, caller = self.request, self.caller
        asked = (self.call.service, self.call.action, request.method, request.path, request.query)
        told = "\n".join((*asked, caller.access_key_id or "", caller.region))
        return hashlib.sha256(told.encode() + b"\0" + await self.read_body()).digest()


def read_texts(body: bytes, *, is_cbor: bool) -> list[str]:
    """Return the texts at the top of a body in JSON or CBOR; of one that cannot be read, none."""
    try:
        members: Any = as_json(read_cbor(body)) if is_cbor else json.loads(body)
    except MALFORMED:
        return []
    return (
        [value for value in members.values() if isinstance(value, str)] if isinstance(members, dict) else []
    )


def place_of(request: Request, call: Call) -> str:
    """Return the path of a request, with the bucket that its host may name."""
    host = request.headers.get("host", "") if call.service == "s3" else ""
    bucket = bucket_of_host(host) if host else None
    return request.path if bucket is None else f"/{bucket}{request.path}"


async def read_asked(request: Request) -> Asked | None:
    """Return what a request asks for; None where it is not signed, or is for localaws itself."""
    if request.path.startswith(OWN_PATH):
        return None
    caller = read_caller(request.headers, read_query(request.query))
    if caller is None:
        return None
    if (call := read_cbor_call(request)) is not None:
        return Asked(call=call, caller=caller, request=request, is_cbor=True)
    scope = f"Credential={caller.access_key_id}/00000000/{caller.region}/{caller.service}/aws4_request"
    body = await request.body(limit_bytes=find_limit(request)) if is_form(request) else b""
    s3_call = Call(service=caller.service, action="", protocol=Protocol.REST_XML)
    call = read_call(
        method=request.method,
        path=place_of(request, s3_call),
        query=request.query,
        headers=request.headers | {"authorization": scope},
        body=body,
    )
    return None if call is None else Asked(call=call, caller=caller, request=request)
