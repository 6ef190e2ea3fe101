"""Which answers are put into a sandbox."""

import asyncio
from typing import Any

import pytest

from localaws.asgi import Message, Request, Response
from localaws.sandbox import SANDBOX, sandbox_pages
from localaws.steps import Exchange

NAVIGATION = {"sec-fetch-dest": "document"}
POLICY = b"content-security-policy"


def answer_to(headers: dict[str, str], response: Response, *, path: str = "/b/page.html") -> list[Message]:
    """Return what a client with these headers is sent, where this is the answer of the chain."""
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    async def forward(exchange: Exchange) -> None:
        await response.send(exchange.send)

    request = Request(method="GET", path=path, query="", headers=headers, receive=receive)
    exchange = Exchange(request=request, scope={}, send=send, handler=None)
    asyncio.run(sandbox_pages(exchange, forward))
    return sent


def policies(sent: list[Message]) -> list[bytes]:
    """Return the policies of an answer."""
    return [value for name, value in sent[0]["headers"] if name == POLICY]


@pytest.mark.parametrize(
    ("headers", "is_sandboxed"),
    [
        (NAVIGATION, True),
        ({"sec-fetch-dest": "iframe"}, True),
        ({"sec-fetch-dest": "empty"}, True),
        ({"accept": "text/html,application/xhtml+xml"}, True),
        ({"accept": "*/*"}, False),
        ({"accept": "application/json"}, False),
        ({"user-agent": "Boto3/1.40"}, False),
        ({}, False),
    ],
)
def test_what_a_browser_may_show_has_an_origin_of_its_own(
    headers: dict[str, str], is_sandboxed: bool
) -> None:
    sent = answer_to(headers, Response(body=b"<script>", headers={"content-type": "text/html"}))
    assert policies(sent) == ([SANDBOX.encode()] if is_sandboxed else [])


@pytest.mark.parametrize(
    "kind", ["text/html", "image/svg+xml", "text/xml", "application/octet-stream", "", None]
)
def test_any_kind_of_content_may_turn_out_to_be_a_page(kind: str | None) -> None:
    headers = {} if kind is None else {"content-type": kind}
    assert policies(answer_to(NAVIGATION, Response(headers=headers))) == [SANDBOX.encode()]


@pytest.mark.parametrize("kind", ["application/pdf", "application/pdf; version=2"])
def test_a_pdf_is_shown_as_browsers_show_none_in_a_sandbox(kind: str) -> None:
    assert policies(answer_to(NAVIGATION, Response(headers={"content-type": kind}))) == []


def test_a_function_s_page_cannot_bring_a_policy_in_the_place_of_the_sandbox() -> None:
    """The browser holds it against both."""
    own = Response(headers={"Content-Security-Policy": "default-src *"})
    assert policies(answer_to(NAVIGATION, own)) == [b"default-src *", SANDBOX.encode()]


def test_the_status_page_keeps_its_own_policy_and_nothing_else_there_goes_without() -> None:
    own = Response(headers={"Content-Security-Policy": "default-src 'none'"})
    assert policies(answer_to(NAVIGATION, own, path="/_localaws/")) == [b"default-src 'none'"]
    assert policies(answer_to(NAVIGATION, Response(), path="/_localaws/x")) == [SANDBOX.encode()]


def test_the_sandbox_gives_no_origin_and_opens_nothing_above_it() -> None:
    """With either of these words the script would act in localaws' name, or steer the page around it."""
    assert not {"allow-same-origin", "allow-top-navigation"} & set(SANDBOX.split())


def test_nothing_else_of_an_answer_changes() -> None:
    response = Response(status=404, body=b"abc", headers={"etag": "x"}, cookies=["a=1", "b=2"])
    plain, shown = answer_to({}, response), answer_to(NAVIGATION, response)
    assert shown[0]["headers"][:-1] == plain[0]["headers"]
    assert shown[0]["status"] == 404
    assert shown[1:] == plain[1:]


def test_an_answer_without_headers_gets_the_policy_too() -> None:
    sent: list[Any] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def forward(exchange: Exchange) -> None:
        await exchange.send({"type": "http.response.start", "status": 204})

    request = Request(method="GET", path="/", query="", headers=NAVIGATION, receive=send)  # type: ignore[arg-type]
    asyncio.run(sandbox_pages(Exchange(request=request, scope={}, send=send, handler=None), forward))
    assert policies(sent) == [SANDBOX.encode()]
