"""Bodies that no service takes are refused in its protocol, and hold up nobody."""

import http.client
import threading
from typing import Any

import pytest
from botocore.exceptions import ClientError

TIMEOUT_S = 240


def test_a_form_of_100_mb_is_refused_and_others_are_answered_meanwhile(localaws: Any) -> None:
    scope = "Credential=test/20261128/us-east-1/iam/aws4_request, SignedHeaders=host, Signature=0"
    headers = {
        "content-type": "application/x-www-form-urlencoded",
        "authorization": f"AWS4-HMAC-SHA256 {scope}",
    }
    found: list[tuple[int, bytes]] = []

    def ask() -> None:
        connection = http.client.HTTPConnection(localaws.url.removeprefix("http://"), timeout=TIMEOUT_S)
        connection.request("POST", "/", body=b"Action=ListRoles&a=" + b"a" * 100_000_000, headers=headers)
        answer = connection.getresponse()
        found.append((answer.status, answer.read()))
        connection.close()

    asking = threading.Thread(target=ask)
    asking.start()
    identity = localaws.client("sts").get_caller_identity()
    asking.join(TIMEOUT_S)
    assert identity["Account"] == "123456789012"
    ((status, body),) = found
    assert status == 413
    assert b"<Code>RequestEntityTooLarge</Code>" in body
    assert b"for the ListRoles operation" in body


def test_a_form_of_half_a_megabyte_reaches_its_service(localaws: Any) -> None:
    cloudformation = localaws.client("cloudformation")
    with pytest.raises(ClientError, match="Member must have length less than or equal to 51200"):
        cloudformation.validate_template(TemplateBody=" " * 600_000)


@pytest.mark.parametrize(
    ("service", "action", "request_"),
    [
        ("sagemaker", "list_endpoints", {"NameContains": "a" * 34_000_000}),
        ("lambda", "update_function_code", {"FunctionName": "f", "ZipFile": b"a" * 53_000_000}),
    ],
    ids=["sagemaker", "lambda"],
)
def test_a_client_reads_the_refusal_of_its_json(
    localaws: Any, service: str, action: str, request_: dict[str, Any]
) -> None:
    with pytest.raises(ClientError, match="Request must be smaller than") as caught:
        getattr(localaws.client(service), action)(**request_)
    assert caught.value.response["Error"]["Code"] == "RequestEntityTooLargeException"
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 413
