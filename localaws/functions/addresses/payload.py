"""HTTP requests as events and results as HTTP answers: payload format 2.0. Pure.

https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html
"""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl, unquote

from localaws.asgi import HEADER_NAME, Response
from localaws.iam.callers import Principal

TEXT_TYPES = ("text/", "application/json", "application/javascript", "application/xml")
"""How the types of bodies begin that reach the function as text; others are base64."""
FAILED = b"Internal Server Error"
FRAMING = frozenset({"connection", "content-length", "keep-alive", "transfer-encoding", "upgrade"})
"""Headers that belong to the connection; a function's own would contradict its answer's real length."""


@dataclass(frozen=True, kw_only=True)
class UrlRequest:
    """One request to a function URL; `path` is percent-encoded, and begins where the URL ends."""

    url_id: str
    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    domain: str
    source_ip: str
    request_id: str
    now: datetime


def build_event(request: UrlRequest, *, caller: tuple[str, Principal] | None = None) -> dict[str, Any]:
    """Return the event of anybody, or of who signed it; members without a value are left out."""
    headers = {name: value for name, value in request.headers.items() if name != "cookie"}
    cookies = [part.strip() for part in request.headers.get("cookie", "").split(";") if part.strip()]
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": unquote(request.path),
        "rawQueryString": request.query,
        "headers": headers,
        "requestContext": _build_context(request) | _build_identity(caller),
        "isBase64Encoded": False,
    }
    if cookies:
        event["cookies"] = cookies
    if request.query:
        event["queryStringParameters"] = _read_query(request.query)
    if request.body:
        event |= _encode_body(request.body, request.headers.get("content-type", ""))
    return event


def _build_context(request: UrlRequest) -> dict[str, Any]:
    return {
        "apiId": request.url_id,
        "domainName": request.domain,
        "domainPrefix": request.url_id,
        "http": {
            "method": request.method,
            "path": unquote(request.path),
            "protocol": "HTTP/1.1",
            "sourceIp": request.source_ip,
            "userAgent": request.headers.get("user-agent", ""),
        },
        "requestId": request.request_id,
        "routeKey": "$default",
        "stage": "$default",
        "time": f"{request.now:%d/%b/%Y:%H:%M:%S +0000}",
        "timeEpoch": int(request.now.timestamp() * 1000),
    }


def _build_identity(caller: tuple[str, Principal] | None) -> dict[str, Any]:
    if caller is None:
        return {"accountId": "anonymous"}
    access_key, principal = caller
    identity = {
        "accessKey": access_key,
        "accountId": principal.account_id,
        "callerId": principal.user_id,
        "cognitoIdentity": None,
        "principalOrgId": None,
        "userArn": principal.arn,
        "userId": principal.user_id,
    }
    return {"accountId": principal.account_id, "authorizer": {"iam": identity}}


def _read_query(query: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        found[name] = f"{found[name]},{value}" if name in found else value
    return found


def _encode_body(body: bytes, content_type: str) -> dict[str, Any]:
    if content_type.lower().startswith(TEXT_TYPES):
        try:
            return {"body": body.decode(), "isBase64Encoded": False}
        except UnicodeDecodeError:
            pass
    return {"body": base64.b64encode(body).decode(), "isBase64Encoded": True}


def build_response(payload: bytes) -> Response:
    """Return the answer that a function's result stands for; 502 where it stands for none."""
    try:
        result = json.loads(payload)
    except (ValueError, RecursionError):
        return failed_response()
    if not isinstance(result, dict) or "statusCode" not in result:
        body = result.encode() if isinstance(result, str) else payload
        return Response(body=body, headers={"content-type": "application/json"})
    try:
        return _read_result(result)
    except (TypeError, ValueError, AttributeError, OverflowError):
        return failed_response()


def _read_result(result: dict[str, Any]) -> Response:
    status = int(result["statusCode"])
    if not 200 <= status <= 599:
        raise ValueError(f"{status} is no status of an answer")
    body = result.get("body") or ""
    text = body if isinstance(body, str) else json.dumps(body)
    content = base64.b64decode(text, validate=True) if result.get("isBase64Encoded") else text.encode()
    return Response(
        status=status,
        body=content,
        headers={"content-type": "application/json"} | _read_headers(result.get("headers") or {}),
        cookies=[_one_line(cookie) for cookie in result.get("cookies") or []],
    )


def _read_headers(given: Mapping[str, Any]) -> dict[str, str]:
    """Return a result's headers; raises ValueError for a name that none can have."""
    headers = {str(name).lower(): _one_line(value) for name, value in given.items()}
    for name in headers:
        if HEADER_NAME.fullmatch(name) is None:
            raise ValueError(f"{name!r} is no name of a header")
    return {name: value for name, value in headers.items() if name not in FRAMING}


def _one_line(value: Any) -> str:
    """Return a header's value; a line break would be another header."""
    return str(value).replace("\r", " ").replace("\n", " ").encode("latin-1", "replace").decode("latin-1")


def failed_response() -> Response:
    """Return what a client gets of a function that failed."""
    return Response(status=502, body=FAILED, headers={"content-type": "text/plain"})
