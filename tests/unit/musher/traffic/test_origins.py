"""Requests to plain addresses, and which answers are failures."""

import pytest

from musher.errors import TrafficError
from musher.traffic.origins import HttpOrigin, name_failure


def test_an_address_is_asked_as_it_stands() -> None:
    origin = HttpOrigin(url="http://127.0.0.1:1/a%2Fb?c=d", method="POST", headers={"x": "y"}, body=b"z")
    [request] = origin.make_requests()
    assert (request.method, request.url, request.body) == ("POST", "http://127.0.0.1:1/a%2Fb?c=d", b"z")
    assert request.headers == {"user-agent": "musher-traffic", "x": "y"}


def test_the_result_does_not_show_a_query_that_may_hold_a_secret() -> None:
    assert HttpOrigin(url="http://h/p?token=1").describe() == {
        "kind": "http",
        "url": "http://h/p",
        "method": "GET",
    }


@pytest.mark.parametrize("url", ["h/p", "ftp://h/p", "http://", ""])
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(TrafficError, match="is no address"):
        HttpOrigin(url=url)


@pytest.mark.parametrize(
    ("status", "headers", "failure"),
    [
        (200, {}, None),
        (204, {}, None),
        (200, {"X-Amz-Function-Error": "Unhandled"}, "function_error"),
        (301, {}, "http_301"),
        (424, {}, "http_424"),
        (429, {}, "http_429"),
        (503, {}, "http_503"),
    ],
)
def test_each_answer_is_a_success_or_has_a_name(
    status: int, headers: dict[str, str], failure: str | None
) -> None:
    assert name_failure(status, headers) == failure
