"""Requests to function URLs as events, results as answers."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from localaws.functions.addresses.payload import UrlRequest, build_event, build_response
from localaws.functions.addresses.spec import is_open_to_all

REQUEST = UrlRequest(
    url_id="abc",
    method="GET",
    path="/",
    query="",
    headers={"user-agent": "curl"},
    body=b"",
    domain="localhost",
    account_id="anonymous",
    source_ip="127.0.0.1",
    request_id="r-1",
    now=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
)


def test_what_a_request_lacks_is_left_out() -> None:
    event = build_event(REQUEST)
    assert not {"body", "cookies", "queryStringParameters"} & event.keys()
    assert event["requestContext"]["time"] == "02/Jan/2026:03:04:05 +0000"
    assert event["requestContext"]["timeEpoch"] == 1_767_323_045_000


@pytest.mark.parametrize(
    ("content_type", "body", "encoded"),
    [
        ("application/json", b"{}", False),
        ("text/plain; charset=utf-8", "ä".encode(), False),
        ("text/plain", b"\xff", True),
        ("image/png", b"x", True),
        ("application/x-www-form-urlencoded", b"a=b", True),
    ],
)
def test_only_text_arrives_as_text(content_type: str, body: bytes, encoded: bool) -> None:
    event = build_event(replace(REQUEST, headers={"content-type": content_type}, body=body))
    assert event["isBase64Encoded"] is encoded


def test_a_header_cannot_become_two() -> None:
    payload = json.dumps({"statusCode": 200, "headers": {"x-a": "1\r\nx-b: 2"}}).encode()
    assert build_response(payload).headers["x-a"] == "1  x-b: 2"


@pytest.mark.parametrize(
    "result", [{"statusCode": 99}, {"statusCode": 200, "body": "?", "isBase64Encoded": True}]
)
def test_what_is_no_answer_is_a_bad_gateway(result: dict[str, Any]) -> None:
    assert build_response(json.dumps(result).encode()).status == 502
    assert build_response(b"no json").status == 502


def statement(action: str, principal: Any = "*", **conditions: str) -> dict[str, Any]:
    """Return a statement."""
    return {"Action": action, "Principal": principal, "Condition": {"StringEquals": conditions}}


@pytest.mark.parametrize(
    ("statements", "is_open"),
    [
        ([statement("lambda:InvokeFunctionUrl"), statement("lambda:InvokeFunction")], True),
        ([statement("*")], True),
        ([statement("lambda:InvokeFunctionUrl")], False),
        ([statement("*", {"AWS": "arn:aws:iam::1:root"})], False),
        ([statement("*", **{"lambda:FunctionUrlAuthType": "AWS_IAM"})], False),
        ([statement("*", **{"AWS:SourceAccount": "1"})], False),
        ([], False),
    ],
)
def test_a_url_is_open_where_the_policy_lets_everybody_do_both(
    statements: list[dict[str, Any]], is_open: bool
) -> None:
    assert is_open_to_all(statements, auth_type="NONE") is is_open
