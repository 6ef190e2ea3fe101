"""Connections to containers: when one is kept, and what becomes of a request whose connection ends."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from localaws.sagemaker.endpoints import container_pool
from localaws.sagemaker.endpoints.container_pool import Answer, ContainerPool

OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\ncontent-length: 2\r\n\r\nok"
WAIT_S = 30.0


class Container:
    """A server that answers each request with the next of some bytes; None ends the connection instead."""

    def __init__(self, *answers: bytes | None, closes: bool = False) -> None:
        self.answers = list(answers)
        self.closes = closes
        self.requests: list[bytes] = []
        self.connections = 0
        self.closed = 0

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        self.connections += 1
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
                self.requests.append(head + await reader.readexactly(length))
                answer = self.answers.pop(0) if self.answers else None
                if answer is None:
                    break
                writer.write(answer)
                if self.closes:
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            self.closed += 1
        finally:
            writer.close()


Ask = Callable[..., Awaitable[Answer]]


def with_pool(container: Container, test: Callable[[Ask, ContainerPool], Awaitable[None]]) -> None:
    """Run a test with a pool and a container that listens."""

    async def main() -> None:
        server = await asyncio.start_server(container.talk, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        pool = ContainerPool()

        async def ask(body: bytes = b"x", timeout_s: float = WAIT_S) -> Answer:
            return await pool.post(port, headers={"accept": "a/b"}, body=body, timeout_s=timeout_s)

        async with asyncio.timeout(2 * WAIT_S):
            await test(ask, pool)
        pool.close()
        server.close()

    asyncio.run(main())


def test_a_connection_is_kept_for_the_next_request() -> None:
    container = Container(OK, OK)

    async def test(ask: Ask, pool: ContainerPool) -> None:
        assert await ask(b"one") == Answer(200, {"content-type": "text/plain", "content-length": "2"}, b"ok")
        assert (await ask(b"")).body == b"ok"

    with_pool(container, test)
    assert container.connections == 1
    assert [request.partition(b"\r\n\r\n")[2] for request in container.requests] == [b"one", b""]
    assert all(b"\r\naccept: a/b\r\n" in request for request in container.requests)


def test_requests_at_the_same_time_have_a_connection_each() -> None:
    container = Container(*[OK] * 3)

    async def test(ask: Ask, pool: ContainerPool) -> None:
        await asyncio.gather(ask(), ask(), ask())

    with_pool(container, test)
    assert container.connections == 3


def test_many_requests_at_the_same_time_all_get_their_answers() -> None:
    container = Container(*[OK] * 400)

    async def test(ask: Ask, pool: ContainerPool) -> None:
        async def ask_often() -> None:
            for _ in range(50):
                assert (await ask(timeout_s=10)).body == b"ok"

        await asyncio.gather(*(ask_often() for _ in range(8)))

    with_pool(container, test)
    assert container.connections <= 8


@pytest.mark.parametrize(
    ("answer", "body"),
    [
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n", b"abc"),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + OK, b"ok"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b""),
    ],
    ids=["chunked", "interim answer", "no body"],
)
def test_answers_end_where_they_say(answer: bytes, body: bytes) -> None:
    container = Container(answer, OK)

    async def test(ask: Ask, pool: ContainerPool) -> None:
        assert (await ask()).body == body
        assert (await ask()).body == b"ok"

    with_pool(container, test)
    assert container.connections == 1


@pytest.mark.parametrize(
    "head",
    [b"HTTP/1.0 200 OK\r\n", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nconnection: close\r\n"],
    ids=["HTTP/1.0", "no length", "announced"],
)
def test_an_answer_without_a_length_ends_with_its_connection(head: bytes) -> None:
    container = Container(head + b"\r\nall of it", OK, closes=True)

    async def test(ask: Ask, pool: ContainerPool) -> None:
        assert (await ask()).body == b"all of it"
        assert (await ask()).body == b"ok"

    with_pool(container, test)
    assert container.connections == 2


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-le",
        b"this is no HTTP\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nx: " + b"a" * (container_pool.MAX_HEAD_BYTES + 1),
    ],
    ids=["half a body", "half of the chunks", "half a head", "no HTTP", "another protocol", "endless head"],
)
def test_what_is_no_whole_answer_is_a_broken_connection_and_is_not_asked_for_again(answer: bytes) -> None:
    container = Container(OK, answer, closes=False)

    async def test(ask: Ask, pool: ContainerPool) -> None:
        await ask()
        container.closes = True
        with pytest.raises(ConnectionError):
            await ask()

    with_pool(container, test)
    assert len(container.requests) == 2


def test_a_request_that_finds_its_kept_connection_closed_is_sent_again() -> None:
    container = Container(OK, None, OK)

    async def test(ask: Ask, pool: ContainerPool) -> None:
        await ask(b"one")
        assert (await ask(b"two")).body == b"ok"

    with_pool(container, test)
    assert [request[-3:] for request in container.requests] == [b"one", b"two", b"two"]


def test_a_request_on_a_new_connection_that_ends_is_not_sent_again() -> None:
    container = Container(None, OK)

    async def test(ask: Ask, pool: ContainerPool) -> None:
        with pytest.raises(ConnectionResetError):
            await ask()

    with_pool(container, test)
    assert len(container.requests) == 1


def test_nothing_that_listens_is_a_refusal() -> None:
    async def main() -> None:
        server = await asyncio.start_server(Container().talk, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        server.close()
        await server.wait_closed()
        with pytest.raises(ConnectionRefusedError):
            await ContainerPool().post(port, headers={}, body=b"", timeout_s=WAIT_S)

    asyncio.run(main())


def test_an_answer_that_comes_too_late_is_a_timeout_and_reaches_nobody() -> None:
    container = Container(b"", OK)

    async def test(ask: Ask, pool: ContainerPool) -> None:
        with pytest.raises(TimeoutError):
            await ask(b"slow", timeout_s=0.2)
        assert (await ask(b"next")).body == b"ok"

    with_pool(container, test)
    assert container.connections == 2


def test_bytes_that_nobody_asked_for_do_not_become_the_next_answer() -> None:
    container = Container(OK + OK.replace(b"ok", b"no"), OK)

    async def test(ask: Ask, pool: ContainerPool) -> None:
        assert (await ask()).body == b"ok"
        assert (await ask()).body == b"ok"

    with_pool(container, test)
    assert container.connections == 2


def test_idle_connections_are_closed_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(container_pool, "KEEP_ALIVE_S", 0.1)
    container = Container(OK, OK)

    async def test(ask: Ask, pool: ContainerPool) -> None:
        await ask()
        while not container.closed:
            await asyncio.sleep(0.01)
        assert (await ask()).body == b"ok"

    with_pool(container, test)
    assert container.connections == 2


def test_closing_the_pool_ends_what_is_under_way() -> None:
    container = Container(b"")

    async def test(ask: Ask, pool: ContainerPool) -> None:
        asked = asyncio.ensure_future(ask())
        while not container.requests:
            await asyncio.sleep(0.01)
        pool.close()
        with pytest.raises(ConnectionResetError):
            await asked

    with_pool(container, test)
