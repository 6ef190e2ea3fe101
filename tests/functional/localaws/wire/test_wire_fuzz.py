"""No malformed request to a service that localaws claims ends as an error of localaws itself."""

import http.client
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

import pytest

from localaws.wire.compiler import find_model
from localaws.wire.refusals import SERVICES

SCOPE = "AWS4-HMAC-SHA256 Credential=test/20261128/us-east-1/{}/aws4_request, SignedHeaders=host, Signature=0"
JSON_TYPE = "application/x-amz-json-1.1"
FORM_TYPE = "application/x-www-form-urlencoded"
LONG = "n" * 300
TIMEOUT_S = 60
QUICK = ("application-autoscaling", "lambda", "sts")
"""Services that are asked in less than ten seconds."""


DIGITS = "1" * 5000
"""More than Python reads as a number."""
VALUES = (
    "",
    LONG,
    "a\x00b",
    "../../etc",
    5,
    1e3,
    -(2**70),
    10**400,
    "NaN",
    True,
    [],
    {},
    [None],
    {"a": {"b": [{}]}},
    None,
)
UNREADABLE = (b"{", b"[1]", b"null", b"\xff", b'{"a": NaN}', b"[" * 2000)
LABELS = ("x", LONG, "a%00b", "arn:aws:lambda:us-east-1:123456789012:function:none", "%2e%2e")


@dataclass(frozen=True, kw_only=True)
class Sent:
    """One request."""

    headers: dict[str, str]
    body: bytes = b""
    method: str = "POST"
    path: str = "/"


def malformed(shape: Any) -> Iterator[Any]:
    """Give members of a request that are wrong in one way each."""
    yield {}
    names = list(shape.members) if shape is not None else ["Name"]
    for value in VALUES:
        yield dict.fromkeys(names, value)
    yield {name: plain(shape.members[name]) if shape else "" for name in names}


def plain(shape: Any, depth: int = 0) -> Any:
    """Return a value of the right type that means nothing."""
    kind = shape.type_name
    if kind == "structure":
        return {name: plain(item, depth + 1) for name, item in shape.members.items()} if depth < 3 else {}
    if kind == "list":
        return [plain(shape.member, depth + 1)]
    if kind == "map":
        return {"aaa": plain(shape.value, depth + 1)}
    if kind in ("integer", "long", "float", "double", "timestamp"):
        return max(1, shape.metadata.get("min", 1))
    return {"boolean": True, "blob": "YWJj"}.get(kind, (shape.metadata.get("enum") or ["arn:aws:x:y:1:z"])[0])


def requests_of(service: str, name: str) -> Iterator[Sent]:
    """Give malformed requests of one operation, in the protocol of its service."""
    model: Any = find_model(SERVICES[service].model if service in SERVICES else service)
    operation = model.operation_model(name)
    headers = {"Authorization": SCOPE.format(service)}
    if model.protocol in ("rest-json", "rest-xml"):
        yield from rest_requests(operation, headers)
    elif model.protocol == "json":
        target = {"X-Amz-Target": f"{model.metadata['targetPrefix']}.{name}"}
        yield from json_requests(operation, headers | target | {"Content-Type": JSON_TYPE})
    else:
        yield from form_requests(operation, headers | {"Content-Type": FORM_TYPE})


def json_requests(operation: Any, headers: dict[str, str]) -> Iterator[Sent]:
    """Give malformed requests in JSON."""
    bodies = [json.dumps(members).encode() for members in malformed(operation.input_shape)]
    for body in (*bodies, *UNREADABLE):
        yield Sent(headers=headers, body=body)
    for change in ({"Content-Type": FORM_TYPE}, {"Content-Type": "text/plain"}, {"Content-Encoding": "gzip"}):
        yield Sent(headers=headers | change, body=b"{}")


def form_requests(operation: Any, headers: dict[str, str]) -> Iterator[Sent]:
    """Give malformed forms."""
    for members in malformed(operation.input_shape):
        form = {"Action": operation.name, "Version": "2010-05-08"} | dict(flatten(members))
        yield Sent(headers=headers, body=urlencode(form).encode())
    yield Sent(headers=headers, body=f"Action={operation.name}&%ff=%ff&.=&a..b=1".encode())
    names = list(operation.input_shape.members) if operation.input_shape is not None else []
    numbered = "".join(
        f"&{name}.member.{DIGITS}=a&{name}.entry.{DIGITS}.key=a&{name}.{DIGITS}=a" for name in names[:5]
    )
    yield Sent(headers=headers, body=f"Action={operation.name}{numbered}".encode())


def flatten(node: Any, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Give the dotted names of a form."""
    if isinstance(node, dict):
        for name, value in node.items():
            yield from flatten(value, f"{prefix}.{name}" if prefix else name)
    elif isinstance(node, list):
        for number, value in enumerate(node, start=1):
            yield from flatten(value, f"{prefix}.member.{number}")
    elif node is not None:
        yield prefix, str(node)


def rest_requests(operation: Any, headers: dict[str, str]) -> Iterator[Sent]:
    """Give malformed requests of a REST service: in the path, in the query, and in the body."""
    method, uri = operation.http["method"], operation.http["requestUri"]
    query = "&".join(f"{quote(name)}=%00x" for name in query_names(operation.input_shape))
    for label in LABELS:
        path = re.sub(r"\{[^}]+\}", label, uri)
        for body in (b"", b"{}", b'{"Role": [], "Code": 5}', *UNREADABLE):
            yield Sent(method=method, path=path, headers=headers, body=body)
        yield Sent(method=method, path=f"{path}{'&' if '?' in path else '?'}{query}", headers=headers)


def query_names(shape: Any) -> list[str]:
    """Return the names of the members that stand in the query."""
    members = shape.members.items() if shape is not None else ()
    places = [(name, member.serialization) for name, member in members]
    return [place.get("name", name) for name, place in places if place.get("location") == "querystring"]


def failures_of(url: str, service: str, operations: list[str]) -> list[tuple[Any, ...]]:
    """Send every malformed request; return those answered by a failure of localaws, or by a page."""
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=TIMEOUT_S)
    failures: list[tuple[Any, ...]] = []
    for name in operations:
        for sent in requests_of(service, name):
            connection.request(sent.method, sent.path, sent.body, sent.headers)
            answer = connection.getresponse()
            content = answer.read()
            is_page = content.lower().startswith(b"<!doctype")
            if is_page or (answer.status >= 500 and answer.status != 501):
                failures.append((name, answer.status, sent.path, sent.body[:200], content[:200]))
    connection.close()
    return failures


@pytest.fixture(scope="module")
def fuzzed(start_server: Callable[..., Any]) -> Any:
    """Return a localaws of this module's own: what malformed requests leave behind is nobody else's."""
    return start_server()


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "service",
    [pytest.param(name, marks=[] if name in QUICK else [pytest.mark.slow]) for name in (*SERVICES, "s3")],
)
def test_no_malformed_request_is_a_failure_of_localaws(fuzzed: Any, service: str) -> None:
    model = find_model(SERVICES[service].model if service in SERVICES else service)
    assert model is not None
    assert failures_of(fuzzed.url, service, list(model.operation_names)) == []
