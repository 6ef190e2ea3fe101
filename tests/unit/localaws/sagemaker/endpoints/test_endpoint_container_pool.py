"""What a container answers piece by piece, and which connections are used again; no socket is opened."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from localaws.sagemaker.endpoints import container_pool
from localaws.sagemaker.endpoints.container_pool import (
    KEEP_ALIVE_S,
    MAX_HEAD_BYTES,
    Answer,
    ContainerConnection,
    ContainerPool,
    UnansweredError,
    build_request,
)

PORT = 25_001
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


class FakeTransport(asyncio.Transport):
    """Keeps what is written; its other end is the test."""

    def __init__(self, connection: ContainerConnection) -> None:
        super().__init__()
        self.written = b""
        self.is_ended = False
        self.connection = connection

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += data

    def is_closing(self) -> bool:
        return self.is_ended

    def abort(self) -> None:
        if not self.is_ended:
            self.is_ended = True
            asyncio.get_running_loop().call_soon(self.connection.connection_lost, None)


class Network:
    """Connections by the order in which they were opened."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.opened: list[FakeTransport] = []
        self.refusal: Exception | None = None
        self.pool = ContainerPool()
        monkeypatch.setattr(asyncio.get_running_loop(), "create_connection", self._connect)

    async def _connect(self, make: Callable[[], ContainerConnection], host: str, port: int) -> Any:
        assert (host, port) == ("127.0.0.1", PORT)
        if self.refusal is not None:
            raise self.refusal
        connection = make()
        transport = FakeTransport(connection)
        self.opened.append(transport)
        connection.connection_made(transport)
        return transport, connection

    def post(self, body: bytes = b"x", *, timeout_s: float = 60.0) -> "asyncio.Task[Answer]":
        """Begin a request."""
        return asyncio.create_task(self.pool.post(PORT, headers={}, body=body, timeout_s=timeout_s))

    async def begin(self, *, timeout_s: float = 60.0) -> tuple["asyncio.Task[Answer]", ContainerConnection]:
        """Begin a request; return it and the connection that it was sent on, once it was."""
        before = sum(len(transport.written) for transport in self.opened)
        task = self.post(timeout_s=timeout_s)
        while sum(len(transport.written) for transport in self.opened) == before:
            await asyncio.sleep(0)
        (found,) = [each for each in self.opened if each.connection._waiting is not None]
        return task, found.connection


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[Network], Awaitable[None]]], None]:
    def run_test(test: Callable[[Network], Awaitable[None]]) -> None:
        async def main() -> None:
            network = Network(monkeypatch)
            async with asyncio.timeout(60):
                await test(network)
            network.pool.close()

        asyncio.run(main())

    return run_test


@pytest.mark.parametrize(
    ("sent", "body", "is_kept"),
    [
        (OK, b"ok", True),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b"", True),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\no\r\n1\r\nk\r\n0\r\n\r\n", b"ok", True),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + OK, b"ok", True),
        (b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok", b"ok", False),
        (b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok", b"ok", False),
        (b"HTTP/1.1 500 Oh\r\nContent-Length: 1\r\n\r\n!", b"!", True),
    ],
    ids=["length", "empty", "chunked", "interim", "close", "old", "error"],
)
@pytest.mark.parametrize("step", [1, 7, 1000])
def test_an_answer_is_the_same_in_whatever_pieces_it_comes(
    run: Any, sent: bytes, body: bytes, is_kept: bool, step: int
) -> None:
    async def test(network: Network) -> None:
        task, connection = await network.begin()
        for start in range(0, len(sent), step):
            connection.data_received(sent[start : start + step])
        assert (await task).body == body
        await asyncio.sleep(0)
        assert connection.is_open is is_kept

    run(test)


def test_headers_have_lower_case_names_and_the_status_is_the_last_answer_s(run: Any) -> None:
    async def test(network: Network) -> None:
        task, connection = await network.begin()
        connection.data_received(b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n")
        connection.data_received(b"HTTP/1.1 418 I\r\nX-Amzn-Sagemaker-Custom-Attributes: a\r\n")
        connection.data_received(b"Content-Length: 0\r\n\r\n")
        answer = await task
        assert answer.status == 418
        assert answer.headers == {"x-amzn-sagemaker-custom-attributes": "a", "content-length": "0"}

    run(test)


def test_a_body_without_a_length_ends_with_the_connection(run: Any) -> None:
    async def test(network: Network) -> None:
        task, connection = await network.begin()
        connection.data_received(b"HTTP/1.1 200 OK\r\n\r\nall of")
        connection.data_received(b" it")
        connection.connection_lost(None)
        assert (await task).body == b"all of it"

    run(test)


@pytest.mark.parametrize(
    ("sent", "error"),
    [
        (b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nha", "closed the connection"),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n", "closed the connection"),
        (b"HTTP/1.1 200 OK\r\ncontent-", "closed the connection"),
        (b"SSH-2.0-OpenSSH_9\r\n", "no HTTP from port 25001"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n", "no HTTP from port 25001"),
        (b"HTTP/1.1 200 OK\r\nx: " + b"a" * MAX_HEAD_BYTES, "endless headers from port 25001"),
    ],
    ids=["cut", "cut chunks", "cut headers", "no HTTP", "no length", "endless"],
)
def test_what_is_no_whole_answer_is_told_and_not_asked_for_again(run: Any, sent: bytes, error: str) -> None:
    """The container has the request: it might do its work twice."""

    async def test(network: Network) -> None:
        task, connection = await network.begin()
        connection.data_received(sent)
        connection.connection_lost(None)
        with pytest.raises(ConnectionResetError, match=error):
            await task
        assert len(network.opened) == 1

    run(test)


def test_a_large_body_is_no_endless_header(run: Any) -> None:
    async def test(network: Network) -> None:
        task, connection = await network.begin()
        connection.data_received(b"HTTP/1.1 200 OK\r\ncontent-length: 300000\r\n\r\n")
        for _ in range(3):
            connection.data_received(b"a" * 100_000)
        assert len((await task).body) == 300_000

    run(test)


def test_the_last_connection_that_was_used_is_used_again(run: Any) -> None:
    async def test(network: Network) -> None:
        first, second = network.post(), network.post()
        await asyncio.sleep(0.01)
        for transport in network.opened:
            transport.connection.data_received(OK)
        await asyncio.gather(first, second)
        task, connection = await network.begin()
        assert len(network.opened) == 2
        assert connection is network.opened[1].connection
        connection.data_received(OK)
        await task

    run(test)


def test_a_connection_that_has_idled_too_long_is_not_trusted(
    run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def test(network: Network) -> None:
        task, connection = await network.begin()
        connection.data_received(OK)
        await task
        connection.idle_since_s -= KEEP_ALIVE_S
        task, another = await network.begin()
        assert another is not connection
        assert not connection.is_open
        another.data_received(OK)
        await task

    run(test)


def test_idle_connections_are_closed_without_a_request_that_finds_them(
    run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(container_pool, "KEEP_ALIVE_S", 0.01)

    async def test(network: Network) -> None:
        task, connection = await network.begin()
        connection.data_received(OK)
        await task
        while connection.is_open or network.pool._sweeper is not None:
            await asyncio.sleep(0.01)
        assert not network.pool._idle

    run(test)


def test_a_kept_connection_that_turns_out_closed_costs_the_client_nothing(run: Any) -> None:
    async def test(network: Network) -> None:
        task, connection = await network.begin()
        connection.data_received(OK)
        await task
        task, again = await network.begin()
        assert again is connection
        connection.connection_lost(ConnectionResetError())
        await asyncio.sleep(0.01)
        network.opened[1].connection.data_received(OK)
        assert (await task).body == b"ok"
        assert network.opened[1].written == build_request(PORT, headers={}, body=b"x")

    run(test)


def test_a_new_connection_that_is_closed_unanswered_is_an_error(run: Any) -> None:
    async def test(network: Network) -> None:
        task, connection = await network.begin()
        connection.connection_lost(None)
        with pytest.raises(UnansweredError, match="the process on port 25001 closed the connection"):
            await task
        assert len(network.opened) == 1

    run(test)


@pytest.mark.parametrize("error", [ConnectionRefusedError("no one"), OSError(113, "No route to host")])
def test_a_port_where_nobody_listens_is_told_as_not_sent(run: Any, error: OSError) -> None:
    async def test(network: Network) -> None:
        network.refusal = error
        with pytest.raises(ConnectionRefusedError):
            await network.post()

    run(test)


def test_a_process_that_took_a_request_and_is_gone_is_not_told_as_not_sent(run: Any) -> None:
    """Else the invoker would take the request to the next instance, which may die of it too."""

    async def test(network: Network) -> None:
        task, connection = await network.begin()
        connection.data_received(OK)
        await task
        task, _ = await network.begin()
        network.refusal = ConnectionRefusedError("no one")
        connection.connection_lost(None)
        with pytest.raises(ConnectionResetError, match="no one"):
            await task

    run(test)


def test_a_container_that_does_not_answer_in_time_loses_the_connection(run: Any) -> None:
    async def test(network: Network) -> None:
        task, connection = await network.begin(timeout_s=0.01)
        with pytest.raises(TimeoutError):
            await task
        await asyncio.sleep(0)
        assert not connection.is_open
        assert network.pool._idle[PORT] == []

    run(test)


def test_a_client_that_goes_away_takes_its_connection_along(run: Any) -> None:
    """The answer that is still to come must not be the next client's."""

    async def test(network: Network) -> None:
        task, connection = await network.begin()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.sleep(0)
        assert not connection.is_open

    run(test)


@pytest.mark.parametrize("surplus", [OK, b"more"], ids=["answer", "bytes"])
@pytest.mark.parametrize("is_with_answer", [True, False])
def test_bytes_that_nobody_asked_for_are_nobody_s_answer(
    run: Any, surplus: bytes, is_with_answer: bool
) -> None:
    async def test(network: Network) -> None:
        task, connection = await network.begin()
        connection.data_received(OK + (surplus if is_with_answer else b""))
        assert (await task).body == b"ok"
        if not is_with_answer:
            connection.data_received(surplus)
        await asyncio.sleep(0)
        assert not connection.is_open
        task, another = await network.begin()
        another.data_received(OK.replace(b"ok", b"no"))
        assert (await task).body == b"no"

    run(test)


def test_the_end_of_the_pool_ends_all_connections(run: Any) -> None:
    async def test(network: Network) -> None:
        first, connection = await network.begin()
        connection.data_received(OK)
        await first
        waiting, _ = await network.begin()
        network.pool.close()
        with pytest.raises(ConnectionError):
            await waiting
        assert network.pool._open == set()

    run(test)


def test_a_request_has_its_length_and_the_headers_that_are_passed_on() -> None:
    headers = {"content-type": "text/csv", "x-amzn-sagemaker-custom-attributes": "é"}
    head, _, body = build_request(PORT, headers=headers, body=b"1,2").partition(b"\r\n\r\n")
    assert body == b"1,2"
    assert head.decode("latin-1").split("\r\n") == [
        "POST /invocations HTTP/1.1",
        f"host: 127.0.0.1:{PORT}",
        "content-type: text/csv",
        "x-amzn-sagemaker-custom-attributes: é",
        "content-length: 3",
    ]


def test_an_answer_without_end_is_given_up(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(container_pool, "MAX_BODY_BYTES", 1000)

    async def test(network: Network) -> None:
        task, connection = await network.begin()
        connection.data_received(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 1000)
        assert not task.done()
        connection.data_received(b"x")
        with pytest.raises(ConnectionResetError, match="more than 1000 bytes from port"):
            await task

    run(test)
