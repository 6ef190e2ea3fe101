"""CORS of function URLs: the rule by which pages are let through, and what browsers are told."""

from typing import Any

import pytest

from localaws.functions.addresses.cors import METHODS, answer_headers, as_rule
from localaws.functions.addresses.spec import FunctionUrl

PAGE = "https://app.example"


@pytest.mark.parametrize("cors", [{}, {"AllowMethods": ["*"]}, {"AllowOrigins": []}, {"MaxAge": 5}])
def test_without_an_origin_no_page_is_let_through(cors: dict[str, Any]) -> None:
    assert as_rule(cors) is None


@pytest.mark.parametrize(
    ("methods", "allowed"),
    [(None, list(METHODS)), (["*"], list(METHODS)), (["GET", "POST"], ["GET", "POST"])],
)
def test_methods_are_all_or_those_that_are_named(methods: list[str] | None, allowed: list[str]) -> None:
    rule = as_rule({"AllowOrigins": [PAGE]} | ({"AllowMethods": methods} if methods else {}))
    assert rule is not None
    assert (rule.allowed_origins, rule.allowed_methods) == ([PAGE], allowed)


def test_exposed_headers_belong_to_the_rule() -> None:
    rule = as_rule({"AllowOrigins": ["*"], "ExposeHeaders": ["x-own"]})
    assert rule is not None
    assert rule.exposed_headers == ["x-own"]


@pytest.mark.parametrize("is_preflight", [True, False])
def test_credentials_are_allowed_only_where_asked(is_preflight: bool) -> None:
    allowing = answer_headers({"AllowCredentials": True}, is_preflight=is_preflight)
    assert allowing["access-control-allow-credentials"] == "true"
    plain = answer_headers({"AllowCredentials": False}, is_preflight=is_preflight)
    assert "access-control-allow-credentials" not in plain


def test_only_a_preflight_is_told_methods_headers_and_age() -> None:
    cors = {"AllowMethods": ["GET", "PUT"], "AllowHeaders": ["a", "b"], "MaxAge": 60}
    assert answer_headers(cors, is_preflight=False) == {}
    assert answer_headers(cors, is_preflight=True) == {
        "access-control-allow-methods": "GET,PUT",
        "access-control-allow-headers": "a,b",
        "access-control-max-age": "60",
    }


@pytest.fixture
def url() -> FunctionUrl:
    """A function URL."""
    return FunctionUrl(
        qualifier="$LATEST", auth_type="NONE", created="then", last_modified="then", cors={"MaxAge": 1}
    )


@pytest.mark.parametrize(
    ("request_", "auth_type", "cors", "mode"),
    [
        ({}, "NONE", {"MaxAge": 1}, None),
        ({"AuthType": "AWS_IAM"}, "AWS_IAM", {"MaxAge": 1}, None),
        ({"Cors": {}}, "NONE", {}, None),
        ({"Cors": {"MaxAge": 2}, "InvokeMode": "BUFFERED"}, "NONE", {"MaxAge": 2}, "BUFFERED"),
    ],
)
def test_an_update_changes_what_it_names(
    url: FunctionUrl, request_: dict[str, Any], auth_type: str, cors: dict[str, Any], mode: str | None
) -> None:
    url.change(request_, now="now")
    assert (url.auth_type, url.cors, url.invoke_mode) == (auth_type, cors, mode)
    assert (url.created, url.last_modified) == ("then", "now")


def test_what_is_not_set_is_not_told(url: FunctionUrl) -> None:
    url.change({"Cors": {}}, now="now")
    told = url.describe(arn="arn:f", base="http://localhost:4566")
    assert told == {
        "FunctionUrl": f"http://localhost:4566/_localaws/function-urls/{url.id}/",
        "FunctionArn": "arn:f",
        "AuthType": "NONE",
        "CreationTime": "then",
        "LastModifiedTime": "now",
    }


def test_two_urls_have_ids_of_their_own(url: FunctionUrl) -> None:
    other = FunctionUrl(qualifier="live", auth_type="NONE", created="", last_modified="")
    assert url.id != other.id
    assert len(url.id) == 32
    assert url.id.isalnum()
    assert url.id == url.id.lower()
