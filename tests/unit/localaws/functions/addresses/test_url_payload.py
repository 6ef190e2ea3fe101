"""Requests to function URLs as events, results as answers."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from localaws.functions.addresses.payload import UrlRequest, build_event, build_response
from localaws.iam.callers import Principal

REQUEST = UrlRequest(
    url_id="abc",
    method="GET",
    path="/",
    query="",
    headers={"user-agent": "curl"},
    body=b"",
    domain="localhost",
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


def test_who_signed_is_told() -> None:
    principal = Principal(account_id="1", arn="arn:aws:iam::1:user/u", user_id="AIDA")
    context = build_event(REQUEST, caller=("AKIA", principal))["requestContext"]
    assert context["accountId"] == "1"
    assert context["authorizer"]["iam"]["userArn"] == "arn:aws:iam::1:user/u"
    anybody = build_event(REQUEST)["requestContext"]
    assert (anybody["accountId"], "authorizer" in anybody) == ("anonymous", False)
