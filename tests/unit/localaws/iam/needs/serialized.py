"""Requests as botocore writes them, without a socket."""

import asyncio
from typing import Any
from urllib.parse import urlencode

from botocore.serialize import create_serializer
from moto.core.utils import get_service_model

from localaws.asgi import Message, Request
from localaws.faults.asked import Asked, read_asked
from localaws.iam.needs.finding import find_needs
from localaws.iam.needs.need import Need

REGION, ACCOUNT = "us-east-1", "123456789012"
MODELS = {
    "access-analyzer": "accessanalyzer",
    "monitoring": "cloudwatch",
    "servicequotas": "service-quotas",
    "states": "stepfunctions",
}
"""Signing name -> botocore's name, where they differ."""
RUNTIME = ("InvokeEndpoint", "InvokeEndpointAsync", "InvokeEndpointWithResponseStream")


def serialize(
    service: str, operation: str, members: dict[str, Any], *, protocol: str | None = None
) -> Request:
    """Return the signed request for an operation; its signature is none."""
    model = find_model(service, operation)
    serializer = create_serializer(protocol or model.resolved_protocol, include_validation=False)
    found = serializer.serialize_to_request(members, model.operation_model(operation))
    body = found["body"]
    if isinstance(body, dict):
        body = urlencode(body)
    scope = f"AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261129/{REGION}/{service}/aws4_request"
    headers = {name.lower(): text for name, text in found["headers"].items()}
    headers |= {"host": "127.0.0.1:4566", "authorization": scope}
    path, _, fixed = found["url_path"].partition("?")
    query = urlencode(found["query_string"], doseq=True)
    return make_request(
        method=found["method"],
        path=path,
        query="&".join(part for part in (fixed, query) if part),
        headers=headers,
        body=body if isinstance(body, bytes) else (body or "").encode(),
    )


def find_model(service: str, operation: str) -> Any:
    """Return botocore's model of the service that has an operation."""
    return get_service_model("sagemaker-runtime" if operation in RUNTIME else MODELS.get(service, service))


def choose(service: str, operation: str, members: dict[str, Any]) -> dict[str, Any]:
    """Return those of some members that an operation has."""
    shape = find_model(service, operation).operation_model(operation).input_shape
    return {name: value for name, value in members.items() if name in shape.members}


def make_request(
    *, method: str, path: str, query: str = "", headers: dict[str, str], body: bytes = b""
) -> Request:
    async def receive() -> Message:
        return {"type": "http.request", "body": body}

    return Request(method=method, path=path, query=query, headers=headers, receive=receive)


def ask(request: Request) -> Asked:
    """Return what a request asks for, as the steps of localaws read it."""
    asked = asyncio.run(read_asked(request))
    assert asked is not None
    return asked


def find(
    service: str, operation: str, members: dict[str, Any], *, protocol: str | None = None
) -> tuple[Need, ...]:
    """Return what a call needs."""
    return asyncio.run(find_needs(ask(serialize(service, operation, members, protocol=protocol))))
