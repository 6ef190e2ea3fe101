"""Read which action of which service a request asks for, and answer errors as that service does.

AWS has five ways to write an error, and CBOR, which `wire/cbor.py` turns into one of them. Which one a client
reads follows from its request alone: the header `X-Amz-Target`, a form with an `Action`, or else a path of a
REST service.
Shapes: https://smithy.io/2.0/aws/protocols/
"""

import functools
import json
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

import botocore.loaders
from botocore.exceptions import UnknownServiceError

from localaws.asgi import FORM, Response, aws_error
from localaws.wire.routing import Routes

SCOPE = re.compile(r"Credential=[^/]*/\d{8}/[^/]*/([^/]+)/aws4_request")
MODELS = botocore.loaders.Loader()
"""It keeps what it has read."""
REST_MODELS = {"access-analyzer": "accessanalyzer", "sagemaker": "sagemaker-runtime"}
"""Models of the REST services that sign by another name than their model's."""
NOT_IN_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Letters that an XML document cannot hold (https://www.w3.org/TR/xml/#charsets)."""


class Protocol(Enum):
    """How a service writes requests and answers."""

    JSON = "json"
    QUERY = "query"
    EC2 = "ec2"
    REST_JSON = "rest-json"
    REST_XML = "rest-xml"


@dataclass(frozen=True, kw_only=True)
class Call:
    """What a signed request asks for."""

    service: str
    """The name that the request is signed for, as in IAM's actions."""
    action: str
    """AWS's name of the action, or method and path where botocore knows none."""
    protocol: Protocol


def read_call(*, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes) -> Call | None:
    """Return what a request asks for; None unless it is signed. Header names are lower case."""
    scope = SCOPE.search(headers.get("authorization", ""))
    if scope is None:
        return None
    service = scope[1].lower()
    if target := headers.get("x-amz-target"):
        return Call(service=service, action=target.rpartition(".")[2], protocol=Protocol.JSON)
    if headers.get("content-type", "").startswith(FORM) and (form := parse_qs(body.decode("latin-1"))):
        protocol = Protocol.EC2 if service == "ec2" else Protocol.QUERY
        return Call(service=service, action=form.get("Action", ["?"])[0], protocol=protocol)
    return _read_rest_call(service, method=method, path=path, query=query, headers=headers)


def _read_rest_call(service: str, *, method: str, path: str, query: str, headers: Mapping[str, str]) -> Call:
    """Return what a path of a REST service stands for: the operation with the most fixed letters."""
    routes = find_routes(REST_MODELS.get(service, service))
    if routes is None:
        return Call(service=service, action=f"{method} {path}", protocol=Protocol.REST_JSON)
    return Call(
        service=service,
        action=routes.find(method=method, path=path, query=query, headers=headers) or f"{method} {path}",
        protocol=Protocol.REST_XML if routes.protocol == Protocol.REST_XML.value else Protocol.REST_JSON,
    )


@functools.cache
def find_routes(service: str) -> Routes | None:
    """Return the operations of a REST service by method and path; None where botocore knows none."""
    try:
        return Routes(MODELS.load_service_model(service, "service-2"))
    except UnknownServiceError:
        return None


def error_answer(call: Call, *, status: int, code: str, message: str) -> Response:
    """Return an error in the protocol of the call."""
    request_id = str(uuid.uuid4())
    headers = {"x-amzn-requestid": request_id}
    if call.protocol is Protocol.REST_JSON:
        body = json.dumps({"message": message}).encode()
        kind = {"content-type": "application/json", "x-amzn-errortype": code}
        return Response(status=status, body=body, headers=headers | kind)
    if call.protocol is Protocol.JSON:
        answer = aws_error(status=status, code=code, message=message)
        answer.headers |= headers | {"content-type": "application/x-amz-json-1.1"}
        return answer
    document = _xml_error(
        call.protocol, status=status, code=as_xml(code), message=as_xml(message), request_id=request_id
    )
    return Response(status=status, body=document.encode(), headers=headers | {"content-type": "text/xml"})


def as_xml(text: str) -> str:
    """Return a text as an element holds it."""
    return escape(NOT_IN_XML.sub("\ufffd", text))


def _xml_error(protocol: Protocol, *, status: int, code: str, message: str, request_id: str) -> str:
    error = f"<Code>{code}</Code><Message>{message}</Message>"
    if protocol is Protocol.EC2:
        return (
            f"<Response><Errors><Error>{error}</Error></Errors><RequestID>{request_id}</RequestID></Response>"
        )
    if protocol is Protocol.REST_XML:
        return f"<Error>{error}<RequestId>{request_id}</RequestId></Error>"
    fault = "Sender" if status < 500 else "Receiver"
    return (
        f"<ErrorResponse><Error><Type>{fault}</Type>{error}</Error>"
        f"<RequestId>{request_id}</RequestId></ErrorResponse>"
    )


NOT_IMPLEMENTED = {
    Protocol.JSON: (400, "UnknownOperationException"),
    Protocol.REST_JSON: (404, "UnknownOperationException"),
    Protocol.QUERY: (400, "InvalidAction"),
    Protocol.EC2: (400, "InvalidAction"),
    Protocol.REST_XML: (501, "NotImplemented"),
}
"""What AWS answers for an action that a service does not have. None of it is retried by an SDK."""


def not_implemented(call: Call, *, detail: str = "") -> Response:
    """Return the answer for what localaws does not have."""
    status, code = NOT_IMPLEMENTED[call.protocol]
    message = f"localaws does not implement {call.service}:{call.action}"
    return error_answer(call, status=status, code=code, message=f"{message}: {detail}" if detail else message)
