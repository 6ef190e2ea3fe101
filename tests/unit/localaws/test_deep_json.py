"""JSON that nests without end: Python's reader gives up at it with an error that is no ValueError."""

import asyncio
import base64
from typing import Any

import pytest

from localaws.asgi import Request
from localaws.errors import StorageError
from localaws.functions.addresses.payload import build_response
from localaws.functions.arns import decode_client_context
from localaws.functions.errors import InvalidRequestContentError
from localaws.functions.service import read_payload
from localaws.iam.trust import trusts_service
from localaws.s3.backend import check_policy
from localaws.s3.errors import S3Error
from localaws.sagemaker.channels import parse_manifest

DEEP = b"[" * 4000 + b"]" * 4000
LARGE = b"[" * 300_000


def request(body: bytes) -> Request:
    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body}

    return Request(method="POST", path="/", query="", headers={}, receive=receive)


@pytest.mark.parametrize("body", [DEEP, LARGE, b"{", b"\xff"], ids=["deep", "large", "half", "no text"])
@pytest.mark.parametrize("is_event", [True, False])
def test_invoke_refuses_such_a_payload(body: bytes, is_event: bool) -> None:
    if is_event and len(body) > 262_144:
        return  # too large for an event
    with pytest.raises(InvalidRequestContentError):
        asyncio.run(read_payload(request(body), is_event=is_event))


def test_invoke_refuses_such_a_client_context() -> None:
    with pytest.raises(InvalidRequestContentError, match="the client context is not base64 of JSON"):
        decode_client_context(base64.b64encode(DEEP).decode())


def test_a_function_url_has_no_answer_for_such_a_result() -> None:
    assert build_response(DEEP).status == 502


def test_such_a_trust_policy_trusts_nobody() -> None:
    assert not trusts_service(DEEP.decode(), service="lambda.amazonaws.com")


def test_such_a_policy_of_a_bucket_is_malformed() -> None:
    with pytest.raises(S3Error, match="Policies must be valid JSON"):
        check_policy(DEEP)


def test_such_a_manifest_is_none() -> None:
    with pytest.raises(StorageError, match="s3://b/m is not a manifest"):
        parse_manifest(DEEP, uri="s3://b/m")
