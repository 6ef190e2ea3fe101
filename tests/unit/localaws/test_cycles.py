"""How answers go out on a connection: what is written, in how many pieces, and what must not be."""

import asyncio
import os
import socket
import struct
from collections.abc import Mapping
from typing import Any

import pytest
from uvicorn.protocols.http.flow_control import FlowControl

from localaws.asgi import CUT, Response
from localaws.cycles import Cycle


class FakeTransport(asyncio.Transport):
    """Keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.pieces: list[bytes] = []
        self.is_closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.pieces.append(bytes(data))

    def close(self) -> None:
        self.is_closed = True


Headers = Mapping[bytes, bytes]
LENGTH_2 = {b"content-length": b"2"}


def start(headers: Headers, *, status: int = 200) -> dict[str, Any]:
    return {"type": "http.response.start", "status": status, "headers": list(headers.items())}


def body(data: bytes = b"", *, more: bool = False) -> dict[str, Any]:
    return {"type": "http.response.body", "body": data, "more_body": more}


def send(
    *messages: dict[str, Any], method: str = "GET", keep_alive: bool = True
) -> tuple[Cycle, FakeTransport]:
    """Send messages as an answer."""
    transport = FakeTransport()

    async def main() -> Cycle:
        cycle = Cycle(
            scope={"method": method, "http_version": "1.1"},  # type: ignore[typeddict-item,arg-type]
            transport=transport,
            flow=FlowControl(transport),
            logger=None,  # type: ignore[arg-type]
            access_logger=None,  # type: ignore[arg-type]
            access_log=False,
            default_headers=[(b"date", b"today")],
            message_event=asyncio.Event(),
            expect_100_continue=False,
            keep_alive=keep_alive,
            on_response=lambda: None,
        )
        for message in messages:
            await cycle.send(message)
        return cycle

    return asyncio.run(main()), transport


def test_an_answer_to_a_client_that_went_away_is_dropped() -> None:
    cycle, transport = send()
    cycle.disconnected = True

    async def answer() -> None:
        await Response(body=b"ok").send(cycle.send)

    asyncio.run(answer())
    assert transport.pieces == []


def test_head_and_body_go_out_in_one_write() -> None:
    cycle, transport = send(start(LENGTH_2), body(b"ok"))
    assert transport.pieces == [b"HTTP/1.1 200 OK\r\ndate: today\r\ncontent-length: 2\r\n\r\nok"]
    assert cycle.response_complete
    assert not transport.is_closed


def test_a_body_in_pieces_is_written_piece_by_piece() -> None:
    _, transport = send(start({b"content-length": b"4"}), body(b"ab", more=True), body(b"cd"))
    assert transport.pieces[0].endswith(b"\r\n\r\nab")
    assert transport.pieces[1:] == [b"cd"]


def test_a_body_of_no_known_length_is_sent_in_chunks() -> None:
    _, transport = send(start({}), body(b"ab", more=True), body())
    head, _, rest = b"".join(transport.pieces).partition(b"\r\n\r\n")
    assert head.endswith(b"transfer-encoding: chunked")
    assert rest == b"2\r\nab\r\n0\r\n\r\n"


@pytest.mark.parametrize("is_first", [True, False])
def test_chunks_have_no_length_whatever_the_headers_say(is_first: bool) -> None:
    chunked = {b"transfer-encoding": b"chunked"}
    _, transport = send(start(chunked | LENGTH_2 if is_first else LENGTH_2 | chunked), body(b"abc"))
    assert transport.pieces[0].endswith(b"\r\n\r\n3\r\nabc\r\n0\r\n\r\n")


@pytest.mark.parametrize(
    ("method", "status"), [("HEAD", 200), ("GET", 204), ("GET", 304)], ids=["HEAD", "204", "304"]
)
def test_an_answer_without_a_body_has_a_head_only(method: str, status: int) -> None:
    headers = LENGTH_2 if method == "HEAD" else {}
    cycle, transport = send(start(headers, status=status), body(), method=method)
    assert len(transport.pieces) == 1
    assert transport.pieces[0].endswith(b"\r\n\r\n")
    assert b"chunked" not in transport.pieces[0]
    assert cycle.response_complete


@pytest.mark.parametrize(
    ("headers", "keep_alive"), [(LENGTH_2, False), (LENGTH_2 | {b"connection": b"TE, Close"}, True)]
)
def test_the_last_answer_says_so_and_ends_the_connection(headers: Headers, keep_alive: bool) -> None:
    _, transport = send(start(headers), body(b"ok"), keep_alive=keep_alive)
    assert transport.pieces[0].lower().count(b"connection: ") == 1
    assert b"close" in transport.pieces[0].lower()
    assert transport.is_closed


@pytest.mark.parametrize(
    ("messages", "words"),
    [
        ([body(b"x")], "expected http.response.start"),
        ([start(LENGTH_2), start(LENGTH_2)], "unexpected http.response.start"),
        ([start(LENGTH_2), body(b"abc")], "longer than its Content-Length"),
        ([start(LENGTH_2), body(b"a")], "shorter than its Content-Length"),
        ([start(LENGTH_2), body(b"ok"), body(b"more")], "unexpected http.response.body"),
        ([start({b"x": b"a\r\nset-cookie: b"})], "invalid value"),
        ([start({b"x: y\r\nz": b"a"})], "invalid name"),
        ([start({b"": b"a"})], "invalid name"),
    ],
)
def test_what_would_break_the_connection_is_refused(messages: list[dict[str, Any]], words: str) -> None:
    with pytest.raises(RuntimeError, match=words):
        send(*messages)


def test_an_answer_that_was_refused_has_no_part_in_the_one_that_tells_of_it() -> None:
    cycle, transport = send()
    failed = Response(body=b"ab", headers={"x-of-the-function": "a\nb"})

    async def answer() -> None:
        with pytest.raises(RuntimeError, match="invalid value"):
            await failed.send(cycle.send)
        await Response(status=500, body=b"InternalFailure").send(cycle.send)

    asyncio.run(answer())
    (piece,) = transport.pieces
    assert piece.startswith(b"HTTP/1.1 500 ")
    assert piece.endswith(b"content-length: 15\r\n\r\nInternalFailure")


def test_a_client_that_has_gone_is_sent_nothing_and_is_no_failure() -> None:
    """Its answer's body was taken for one without a head, and the log had three tracebacks."""
    cycle, transport = send()
    cycle.disconnected = True

    async def answer() -> None:
        await Response(body=b"ok").send(cycle.send)

    asyncio.run(answer())
    assert transport.pieces == []


def test_responses_of_localaws_go_out_as_they_are() -> None:
    """Cookies are several headers of one name."""
    sent: list[dict[str, Any]] = []

    async def collect(message: Any) -> None:
        sent.append(message)

    asyncio.run(Response(body=b"ok", headers={"X-A": "b"}, cookies=["c=1", "d=2"]).send(collect))
    _, transport = send(*sent)
    lines = transport.pieces[0].split(b"\r\n")
    assert {b"x-a: b", b"content-length: 2", b"set-cookie: c=1", b"set-cookie: d=2"} <= set(lines)


def test_a_connection_that_is_cut_ends_behind_what_was_sent() -> None:
    _, transport = send(start(LENGTH_2), body(b"o", more=True), {"type": CUT})
    assert transport.pieces == [b"HTTP/1.1 200 OK\r\ndate: today\r\ncontent-length: 2\r\n\r\no"]
    assert transport.is_closed


def test_a_connection_that_is_cut_before_an_answer_is_reset(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would end in good order otherwise, and the client take it for a closed idle one."""
    near, far = socket.socketpair()
    with near, far:
        monkeypatch.setattr(FakeTransport, "get_extra_info", lambda self, name: near)
        aborted: list[bytes] = []

        def abort(self: FakeTransport) -> None:
            aborted.append(near.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, 8))

        monkeypatch.setattr(FakeTransport, "abort", abort)
        cycle, transport = send({"type": CUT})
        assert os.fstat(near.fileno())
    assert aborted == [struct.pack("ii", 1, 0)]
    assert cycle.disconnected
    assert transport.pieces == []
