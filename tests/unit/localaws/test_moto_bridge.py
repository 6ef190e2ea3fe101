"""What passes between ASGI and moto, and what a client is told where moto or localaws fails."""

import asyncio
import json
import logging
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from moto.core import utils as moto_utils

from localaws.asgi import Message, Request
from localaws.iam import policies
from localaws.moto_bridge import MotoBridge, answer_failure, build_environ
from localaws.steps import Exchange

SCOPE = "AWS4-HMAC-SHA256 Credential=test/20261128/us-east-1/{}/aws4_request, SignedHeaders=host, Signature=0"


def make_request(*, service: str = "sagemaker", method: str = "POST") -> Request:
    """Return a signed request without members."""

    async def receive() -> Message:
        return {"type": "http.request", "body": b"{}"}

    headers = {"authorization": SCOPE.format(service), "x-amz-target": "Any.DescribeModel"}
    return Request(method=method, path="/", query="a=1", headers=headers, receive=receive)


def make_scope(request: Request, *, headers: Iterable[tuple[bytes, bytes]] = ()) -> dict[str, Any]:
    """Return the ASGI scope of a request."""
    return {
        "method": request.method,
        "path": "/a b/größe",
        "raw_path": b"/a%20b/gr%C3%B6%C3%9Fe",
        "query_string": b"a=1",
        "http_version": "1.1",
        "scheme": "http",
        "headers": list(headers),
        "server": ("127.0.0.1", 4566),
        "client": ("127.0.0.1", 55555),
    }


def ask(application: Callable[..., Iterable[bytes]], *, method: str = "POST") -> tuple[Message, bytes]:
    """Return how a WSGI application's answer goes out: its start, and its body."""
    sent: list[Message] = []

    async def collect(message: Message) -> None:
        sent.append(message)

    async def answer() -> None:
        bridge = MotoBridge(application)
        request = make_request(method=method)
        await bridge(Exchange(request=request, scope=make_scope(request), send=collect, handler=None))
        bridge.close()

    asyncio.run(answer())
    return sent[0], b"".join(message.get("body", b"") for message in sent[1:])


def fail(raises: Callable[[], Any]) -> Exception:
    """Return what a call raises, with the frames that it passed."""
    with pytest.raises(Exception, match=r".*") as caught:
        raises()
    return caught.value


def test_the_raw_path_and_the_names_of_metadata_are_kept() -> None:
    headers = [(b"x-amz-meta-with_underscore", b"1"), (b"accept", b"a"), (b"accept", b"b")]
    environ = build_environ(scope=make_scope(make_request(), headers=headers), body=b"1234")
    assert environ["RAW_URI"] == "/a%20b/gr%C3%B6%C3%9Fe?a=1"
    assert environ["PATH_INFO"].encode("latin-1").decode() == "/a b/größe"
    assert environ["HTTP_ACCEPT"] == "a,b"
    assert environ["CONTENT_LENGTH"] == "4"
    assert environ["wsgi.input"].read() == b"1234"


def test_a_chunked_body_is_whole_for_moto() -> None:
    """moto takes a body with Transfer-Encoding for an empty one."""
    headers = [(b"transfer-encoding", b"chunked"), (b"content-length", b"9")]
    environ = build_environ(scope=make_scope(make_request(), headers=headers), body=b"1234")
    assert "HTTP_TRANSFER_ENCODING" not in environ
    assert environ["CONTENT_LENGTH"] == "4"


@pytest.mark.parametrize(("method", "length", "body"), [("POST", b"5", b"hello"), ("HEAD", b"77", b"")])
def test_the_length_is_the_bodys_but_for_head(method: str, length: bytes, body: bytes) -> None:
    closed: list[bool] = []

    class Chunks(list[bytes]):
        def close(self) -> None:
            closed.append(True)

    def application(environ: dict[str, Any], start: Any) -> Iterable[bytes]:
        start("200 OK", [("Content-Length", "77"), ("X-A", "1")])
        return Chunks([b"hel", b"lo"])

    start, sent = ask(application, method=method)
    assert dict(start["headers"]) == {b"content-length": length, b"x-a": b"1"}
    assert (start["status"], sent, closed) == (200, body, [True])


@pytest.mark.parametrize("status", ["404 NOT FOUND", "405 METHOD NOT ALLOWED"])
def test_a_path_that_moto_does_not_know_is_not_implemented(status: str) -> None:
    def application(environ: dict[str, Any], start: Any) -> Iterable[bytes]:
        start(status, [("Content-Type", "text/html")])
        return [b"<!doctype html>\n<title>404 Not Found</title>"]

    start, body = ask(application)
    assert start["status"] == 400
    assert json.loads(body)["message"] == "localaws does not implement sagemaker:DescribeModel"


def test_a_failure_of_moto_is_the_members_fault_and_is_not_tried_again() -> None:
    error = fail(lambda: moto_utils.camelcase_to_underscores(5))  # type: ignore[arg-type]
    answer = answer_failure(error, request=make_request(), body=b"{}")
    assert answer.status == 400
    assert answer.headers["x-amzn-errortype"] == "ValidationException"
    assert "localaws cannot answer DescribeModel with these members (" in json.loads(answer.body)["message"]


def test_a_failure_of_localaws_is_its_own_and_stands_in_its_log(caplog: pytest.LogCaptureFixture) -> None:
    """A defect must not look like a mistake of the client, nor stop it from trying again, as on AWS."""
    error = fail(lambda: policies.decide([5], action="a:B", resource="*"))  # type: ignore[list-item]
    with caplog.at_level(logging.ERROR):
        answer = answer_failure(error, request=make_request(), body=b"{}")
    assert answer.status == 500
    assert answer.headers["x-amzn-errortype"] == "InternalFailure"
    assert json.loads(answer.body)["message"] == f"localaws: {type(error).__name__}"
    assert caplog.records[0].exc_info is not None
    assert caplog.records[0].exc_info[1] is error


def test_what_moto_says_it_lacks_is_told() -> None:
    error = NotImplementedError("The filter 'x' is not implemented")
    answer = answer_failure(error, request=make_request(service="iam"), body=b"")
    assert answer.status == 400
    message = json.loads(answer.body)["message"]
    assert message == "localaws does not implement iam:DescribeModel: The filter 'x' is not implemented"


def test_an_unsigned_request_gets_the_error_of_rest_services() -> None:
    request = make_request()
    request.headers = {}
    answer = answer_failure(ValueError("x"), request=request, body=b"")
    assert (answer.status, json.loads(answer.body)["__type"]) == (500, "InternalFailure")


def test_an_application_that_fails_does_not_end_the_server(caplog: pytest.LogCaptureFixture) -> None:
    def application(environ: dict[str, Any], start: Any) -> Iterable[bytes]:
        raise OSError("disk full")

    with caplog.at_level(logging.ERROR):
        start, body = ask(application)
    assert start["status"] == 500
    assert json.loads(body)["message"] == "localaws: OSError"


def test_what_moto_looks_for_in_vain_is_no_failure_of_localaws() -> None:
    """It looks so by `next`, whose StopIteration no future takes."""
    source = "def find(environ, start):\n    next(iter(()))\n"
    names: dict[str, Any] = {"__name__": "moto.ec2.models"}
    exec(source, names)  # noqa: S102 - a frame that looks like one of moto's
    start, body = ask(names["find"])
    assert start["status"] == 400
    assert "(LookupError: nothing was found)" in json.loads(body)["message"]
