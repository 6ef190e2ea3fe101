"""Which requests a web page may send: none, but to buckets whose CORS rules let it."""

from typing import Any

import pytest
from moto.s3.models import CorsRule

from localaws.asgi import Request
from localaws.origins import Guard, allows, bucket_of, host_name, make_guard

PAGE = "https://app.example"
RULES = {"photos": [CorsRule(["GET", "PUT"], [PAGE])]}


async def receive() -> Any:
    raise AssertionError("a guard reads no body")


def ask(
    *, guard: Guard | None = None, method: str = "GET", path: str = "/", is_s3: bool = True, **headers: str
) -> str | None:
    """Return why a guard refuses a request with these headers, `_` standing for `-`."""
    guard = guard or Guard(public_host=None, is_remote=False, rules_of=lambda name: RULES.get(name, []))
    given = {"host": "127.0.0.1:4566", **{name.replace("_", "-"): text for name, text in headers.items()}}
    request = Request(method=method, path=path, query="", headers=given, receive=receive)
    return guard.judge(request, is_s3=lambda: is_s3).refusal


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1:4566",
        "127.8.9.1",
        "[::1]:4566",
        "localhost",
        "LOCALHOST:80",
        "photos.s3.localhost:4566",
        "photos.s3.us-east-1.amazonaws.com",
        "sagemaker.us-east-1.amazonaws.com.",
    ],
)
def test_a_client_s_host_is_answered(host: str) -> None:
    assert ask(host=host) is None


@pytest.mark.parametrize(
    "host",
    [
        "",
        "evil.example:4566",
        "localhost.evil.example",
        "evillocalhost",
        "amazonaws.com.evil.example",
        "notamazonaws.com",
        "127.0.0.1.evil.example",
        "127.0.0.1@evil.example",
        "evil.example\\localhost",
        "[::1",
        "0.0.0.0:4566",
        "192.168.1.10:4566",
    ],
)
def test_any_other_host_is_refused_as_a_rebound_name_would_be(host: str) -> None:
    reason = ask(host=host)
    assert reason is not None
    assert "--public-url" in reason


def test_a_public_url_s_host_and_its_names_are_answered() -> None:
    guard = make_guard(public_url="http://localaws:4566", host="127.0.0.1", path_rules_of=lambda path: ())
    assert ask(guard=guard, host="localaws:4566") is None
    assert ask(guard=guard, host="photos.localaws:4566") is None
    assert ask(guard=guard, host="10.0.0.1:4566") is not None


def test_beyond_loopback_any_address_is_answered_and_no_name() -> None:
    guard = make_guard(public_url=None, host="0.0.0.0", path_rules_of=lambda path: ())
    assert ask(guard=guard, host="10.0.0.1:4566") is None
    assert ask(guard=guard, host="evil.example:4566") is not None


@pytest.mark.parametrize("origin", [PAGE, "null", "http://127.0.0.1:4566", "http://localhost:3000"])
def test_a_page_s_request_is_refused(origin: str) -> None:
    reason = ask(method="POST", path="/", is_s3=False, origin=origin)
    assert reason is not None
    assert "web page" in reason


@pytest.mark.parametrize(("site", "is_refused"), [("cross-site", True), ("same-site", True), ("none", False)])
def test_a_link_on_another_site_is_refused_and_a_typed_address_is_not(site: str, is_refused: bool) -> None:
    assert (ask(sec_fetch_site=site) is not None) is is_refused


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("GET", "/photos/a.jpg", {}),
        ("PUT", "/photos/a.jpg", {}),
        ("OPTIONS", "/photos/a.jpg", {"access_control_request_method": "PUT"}),
        ("GET", "/a.jpg", {"host": "photos.s3.localhost:4566"}),
    ],
)
def test_a_bucket_s_rules_let_a_page_through(method: str, path: str, headers: dict[str, str]) -> None:
    assert ask(method=method, path=path, origin=PAGE, sec_fetch_site="cross-site", **headers) is None


@pytest.mark.parametrize(
    ("method", "path", "is_s3", "headers"),
    [
        ("DELETE", "/photos/a.jpg", True, {"origin": PAGE}),
        ("GET", "/other/a.jpg", True, {"origin": PAGE}),
        ("GET", "/photos/a.jpg", True, {"origin": "https://app.example.evil.example"}),
        ("OPTIONS", "/photos/a.jpg", True, {"origin": PAGE, "access_control_request_method": "DELETE"}),
        ("OPTIONS", "/photos/a.jpg", True, {"origin": PAGE}),
        ("PUT", "/photos/a.jpg", False, {"origin": PAGE}),
        ("GET", "/photos/a.jpg", True, {"sec_fetch_site": "cross-site"}),
    ],
)
def test_a_bucket_s_rules_let_nothing_else_through(
    method: str, path: str, is_s3: bool, headers: dict[str, str]
) -> None:
    assert ask(method=method, path=path, is_s3=is_s3, **headers) is not None


def test_names_and_rules_are_read_as_a_browser_reads_them() -> None:
    assert host_name("[::1]:4566") == "::1"
    assert bucket_of(path="/my%20bucket/key/more", host="localhost") == "my bucket"
    assert bucket_of(path="/key", host="my.bucket.s3.us-east-1.amazonaws.com") == "my.bucket"
    rule = CorsRule(["GET"], ["https://*.example"])
    assert allows(rule, origin="https://a.example", method="GET")
    assert not allows(rule, origin="https://a.example.evil", method="GET")
    assert not allows(rule, origin="https://a.example", method="PUT")


VISIT = {"sec_fetch_site": "cross-site", "sec_fetch_mode": "navigate", "sec_fetch_dest": "document"}


def test_a_link_elsewhere_may_open_the_status_page() -> None:
    assert ask(path="/_localaws/", **VISIT) is None


@pytest.mark.parametrize(
    ("path", "method", "headers"),
    [
        pytest.param("/_localaws/", "POST", VISIT, id="a form"),
        pytest.param("/_localaws/status", "GET", VISIT, id="what it shows"),
        pytest.param("/bucket/page.html", "GET", VISIT, id="an object"),
        pytest.param("/_localaws/", "GET", VISIT | {"sec_fetch_dest": "iframe"}, id="a frame"),
        pytest.param("/_localaws/", "GET", VISIT | {"sec_fetch_mode": "no-cors"}, id="a script's request"),
        pytest.param("/_localaws/", "GET", VISIT | {"origin": PAGE}, id="an origin"),
    ],
)
def test_a_link_elsewhere_opens_nothing_else(path: str, method: str, headers: dict[str, str]) -> None:
    assert ask(path=path, method=method, is_s3=False, **headers) is not None


def test_a_path_of_ours_is_for_pages_that_its_own_rules_allow() -> None:
    guard = Guard(
        public_host=None,
        is_remote=False,
        rules_of=lambda bucket: [],
        path_rules_of=lambda path: [CorsRule(["GET"], [PAGE])] if path == "/url" else (),
    )
    assert ask(guard=guard, path="/url", origin=PAGE, is_s3=False) is None
    assert ask(guard=guard, path="/url", origin="https://evil.example", is_s3=False) is not None
    assert ask(guard=guard, path="/url", method="POST", origin=PAGE, is_s3=False) is not None
    assert ask(guard=guard, path="/other", origin=PAGE, is_s3=False) is not None
