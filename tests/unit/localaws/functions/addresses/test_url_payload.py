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
    "result",
    [
        {"statusCode": 99},
        {"statusCode": 600},
        {"statusCode": "many"},
        {"statusCode": None},
        {"statusCode": float("inf")},
        {"statusCode": 200, "body": "?", "isBase64Encoded": True},
        {"statusCode": 200, "body": "\ud800"},
        {"statusCode": 200, "headers": ["x"]},
        {"statusCode": 200, "headers": {"x y": "1"}},
        {"statusCode": 200, "headers": {"x\r\nset-cookie": "1"}},
        {"statusCode": 200, "headers": {"": "1"}},
        {"statusCode": 200, "headers": {"größe": "1"}},
        {"statusCode": 200, "cookies": 5},
    ],
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


@pytest.mark.parametrize(
    ("payload", "status", "body", "kind"),
    [
        (b'"text"', 200, b"text", "application/json"),
        (b'{"breed": "beagle"}', 200, b'{"breed": "beagle"}', "application/json"),
        (b"[1]", 200, b"[1]", "application/json"),
        (b"null", 200, b"null", "application/json"),
        (b'{"statusCode": "404"}', 404, b"", "application/json"),
        (b'{"statusCode": 200, "body": {"a": 1}}', 200, b'{"a": 1}', "application/json"),
        (b'{"statusCode": 200, "body": "aGk=", "isBase64Encoded": true}', 200, b"hi", "application/json"),
        (b'{"statusCode": 200, "headers": {"Content-Type": "text/html"}}', 200, b"", "text/html"),
        (b'{"statusCode": 204, "headers": null, "cookies": null}', 204, b"", "application/json"),
    ],
)
def test_what_a_result_stands_for(payload: bytes, status: int, body: bytes, kind: str) -> None:
    answer = build_response(payload)
    assert (answer.status, answer.body, answer.headers["content-type"]) == (status, body, kind)


@pytest.mark.parametrize(
    "name", ["Content-Length", "transfer-encoding", "Connection", "keep-alive", "Upgrade"]
)
def test_a_function_does_not_say_how_long_its_answer_is(name: str) -> None:
    """A wrong length would break the connection to the client."""
    payload = json.dumps({"statusCode": 200, "body": "woof", "headers": {name: "1", "x-own": "2"}}).encode()
    assert build_response(payload).headers == {"content-type": "application/json", "x-own": "2"}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("a=1", {"a": "1"}),
        ("a=1&b=2&a=3", {"a": "1,3", "b": "2"}),
        ("a=&b", {"a": "", "b": ""}),
        ("name=big%20dog&c=%C3%A4", {"name": "big dog", "c": "ä"}),
        ("a+b=c+d", {"a b": "c d"}),
    ],
)
def test_a_query_is_decoded_and_kept_raw(query: str, expected: dict[str, str]) -> None:
    event = build_event(replace(REQUEST, query=query, path="/big%20dogs"))
    assert event["queryStringParameters"] == expected
    assert (event["rawQueryString"], event["rawPath"]) == (query, "/big dogs")


def test_cookies_are_told_apart_from_headers() -> None:
    event = build_event(replace(REQUEST, headers={"cookie": "a=1; b=2;; c", "x-a": "1"}))
    assert event["cookies"] == ["a=1", "b=2", "c"]
    assert event["headers"] == {"x-a": "1"}
