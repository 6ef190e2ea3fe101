"""The small HTTP layer of localaws."""

import asyncio
import json
from collections.abc import MutableMapping
from typing import Any

import pytest

from localaws.asgi import BodyTooLargeError, Request, Response, Router, aws_error


async def _receive_nothing() -> MutableMapping[str, Any]:
    return {"type": "http.disconnect"}


async def _handler(request: Request) -> Response:
    return Response(body=request.params["name"].encode())


def test_a_route_matches_method_and_whole_path_and_yields_its_parameters() -> None:
    router = Router()
    router.add("POST", "/endpoints/(?P<name>[^/]+)/invocations", _handler)
    found = router.find(method="POST", path="/endpoints/dogs/invocations")
    assert found == (_handler, {"name": "dogs"})
    assert router.find(method="GET", path="/endpoints/dogs/invocations") is None
    assert router.find(method="POST", path="/endpoints/dogs/invocations/more") is None


def request_of(*pieces: bytes) -> Request:
    """Return a request whose body comes in pieces."""
    messages: list[dict[str, Any]] = [
        {"type": "http.request", "body": piece, "more_body": True} for piece in pieces
    ]
    messages[-1]["more_body"] = False
    left = iter(messages)

    async def receive() -> MutableMapping[str, Any]:
        return next(left)

    return Request(method="POST", path="/", query="", headers={}, receive=receive)


def test_a_body_may_be_as_large_as_the_limit_and_no_larger() -> None:
    assert asyncio.run(request_of(b"ab", b"cd").body(limit_bytes=4)) == b"abcd"
    with pytest.raises(BodyTooLargeError, match="more than 3 bytes") as caught:
        asyncio.run(request_of(b"ab", b"cd", b"ef").body(limit_bytes=3))
    assert (caught.value.limit_bytes, caught.value.begin) == (3, b"abcd")


def test_a_body_is_read_to_its_end() -> None:
    messages = iter(
        [
            {"type": "http.request", "body": b"ab", "more_body": True},
            {"type": "http.request", "body": b"c", "more_body": False},
        ]
    )

    async def receive() -> MutableMapping[str, Any]:
        return next(messages)

    request = Request(method="POST", path="/", query="", headers={}, receive=receive)
    assert asyncio.run(request.body()) == b"abc"


def test_an_aws_error_carries_its_code_in_header_and_body() -> None:
    response = aws_error(
        status=429, code="TooManyRequestsException", message="Slow down", extra={"Reason": "X"}
    )
    assert response.headers["x-amzn-errortype"] == "TooManyRequestsException"
    assert json.loads(response.body)["Reason"] == "X"
    assert json.loads(response.body)["message"] == "Slow down"
