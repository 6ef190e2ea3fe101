"""Name, TCP and TLS of a connection end together, whatever hangs; what is opened in vain is closed."""

import socket
import ssl
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import timed_connections
from timed_connections import ConnectTimeoutError, open_connection, resolve

from tests.function_connections import Clock

URL = "https://runtime.example"
SILENT = 1e9
"""Seconds: nobody answers."""
V4, V6 = socket.AF_INET, socket.AF_INET6


class Machine:
    """Names, addresses and TLS as a test has them; what each takes, in seconds."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.addresses: list[tuple[Any, float | Exception]] = [(V4, 0.0)]
        """The families of a name's addresses, and what each does to who connects."""
        self.name_s = 0.0
        self.handshake: list[tuple[float, Exception | None]] = []
        self.sockets: list[FakeSocket] = []

    def look_up(self, _host: str, port: int, **_: Any) -> list[Any]:
        """Answer for getaddrinfo."""
        self.clock.advance(self.name_s)
        return [(family, 1, 6, "", (number, port)) for number, (family, _) in enumerate(self.addresses)]

    def make_socket(self, family: Any, _kind: int, _protocol: int) -> "FakeSocket":
        """Answer for socket.socket."""
        if family is None:
            raise OSError("Address family not supported by protocol")
        self.sockets.append(FakeSocket(self))
        return self.sockets[-1]

    def wrap_socket(self, sock: "FakeSocket", *, server_hostname: str, **_: Any) -> "FakeSocket":
        """Answer for an SSL context."""
        if server_hostname.startswith("."):
            raise ValueError("server_hostname cannot start with a leading dot.")
        return sock

    def poll(self) -> "FakePoll":
        """Answer for select.poll."""
        return FakePoll(self)

    @property
    def open_sockets(self) -> int:
        """How many were not closed."""
        return sum(not sock.is_closed for sock in self.sockets)


class FakeSocket:
    """A socket that connects and shakes hands as the machine says."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self.is_closed = False
        self.timeout_s: float | None = None

    def settimeout(self, seconds: float) -> None:
        """Note the limit."""
        self.timeout_s = seconds

    def connect(self, address: tuple[int, int]) -> None:
        """Take the address's time, at most the limit."""
        outcome = self._machine.addresses[address[0]][1]
        if isinstance(outcome, Exception):
            raise outcome
        assert self.timeout_s is not None
        self._machine.clock.advance(min(outcome, self.timeout_s))
        if outcome > self.timeout_s:
            raise TimeoutError("timed out")

    def setsockopt(self, *_: int) -> None:
        """Take any option."""

    def setblocking(self, is_blocking: bool) -> None:
        """Take no limit of its own."""
        assert not is_blocking

    def do_handshake(self) -> None:
        """Go a step further, as SSLSocket does."""
        if self._machine.handshake:
            error = self._machine.handshake[0][1]
            if not isinstance(error, ssl.SSLWantReadError | ssl.SSLWantWriteError):
                self._machine.handshake.pop(0)
            if error is not None:
                raise error

    def close(self) -> None:
        """Note it."""
        self.is_closed = True


class FakePoll:
    """select.poll: the handshake's next step is there after its seconds."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine

    def register(self, _sock: FakeSocket, _event: int) -> None:
        """Wait for this."""

    def poll(self, limit_ms: float) -> list[int]:
        """Wait."""
        seconds, _ = self._machine.handshake[0]
        self._machine.clock.advance(min(seconds, limit_ms / 1000))
        if seconds * 1000 > limit_ms:
            return []
        self._machine.handshake.pop(0)
        return [1]


@pytest.fixture
def machine(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Machine:
    made = Machine(clock)
    monkeypatch.setattr(timed_connections.socket, "getaddrinfo", made.look_up)
    monkeypatch.setattr(timed_connections.socket, "socket", made.make_socket)
    monkeypatch.setattr(timed_connections.select, "poll", made.poll)
    monkeypatch.setattr(timed_connections, "tls_context", lambda: made)
    return made


def wants(count: int, *, each_s: float) -> list[tuple[float, Exception | None]]:
    """Return steps of a handshake, of which each is in time for itself."""
    return [(each_s, ssl.SSLWantReadError()) for _ in range(count)]


def test_a_connection_is_open_once_all_three_are_done(machine: Machine) -> None:
    machine.name_s, machine.addresses = 0.5, [(V4, 1.0)]
    machine.handshake = [(0.5, ssl.SSLWantReadError()), (0.5, ssl.SSLWantWriteError())]
    connection = open_connection(URL, deadline=1003.0)
    assert (connection.sock, connection.port) == (machine.sockets[0], 443)
    assert (machine.clock.now(), machine.open_sockets) == (1002.5, 1)


@pytest.mark.parametrize(
    ("name_s", "connect_s", "steps"),
    [(2.9, 1.0, 0), (1.0, 1.0, 1), (0.0, SILENT, 0), (0.0, 0.0, 100), (2.0, 0.5, 2)],
    ids=["tcp after a slow name", "all of them", "a silent address", "tls that drips", "tls after the rest"],
)
def test_no_part_has_more_time_than_all_together(
    name_s: float, connect_s: float, steps: int, machine: Machine
) -> None:
    machine.name_s, machine.addresses = name_s, [(V4, connect_s)]
    machine.handshake = wants(steps, each_s=1.01)
    with pytest.raises(ConnectTimeoutError, match=r"no connection to runtime\.example in time"):
        open_connection(URL, deadline=1003.0)
    assert machine.clock.now() == pytest.approx(1003.0)
    assert machine.open_sockets == 0


def test_silent_addresses_share_the_time_and_the_last_one_is_reached(machine: Machine) -> None:
    machine.addresses = [(V6, SILENT), (V6, SILENT), (V4, 0.5)]
    open_connection(URL, deadline=1003.0)
    assert [sock.timeout_s for sock in machine.sockets] == [1.0, 1.0, 1.0]
    assert machine.open_sockets == 1


@pytest.mark.parametrize("first", [(None, 0.0), (V6, OSError("unreachable")), (V6, ConnectionRefusedError())])
def test_an_address_that_fails_at_once_costs_nothing(first: tuple[Any, Any], machine: Machine) -> None:
    """None: the machine has no such family, as a kernel without IPv6."""
    machine.addresses = [first, (V4, 2.5)]
    open_connection(URL, deadline=1003.0)
    assert (machine.clock.now(), machine.open_sockets) == (1002.5, 1)


@pytest.mark.parametrize(
    "error", [ConnectionRefusedError("refused"), OSError("Address family not supported by protocol")]
)
def test_where_no_address_answers_the_last_one_s_error_is_told(error: OSError, machine: Machine) -> None:
    machine.addresses = [(V4, SILENT), (V4, error)]
    with pytest.raises(OSError, match=str(error)) as failure:
        open_connection(URL, deadline=1003.0)
    assert not isinstance(failure.value, TimeoutError)
    assert machine.open_sockets == 0


def test_a_name_without_address_is_an_error(machine: Machine) -> None:
    machine.addresses = []
    with pytest.raises(OSError, match=r"runtime.example has no address"):
        open_connection(URL, deadline=1003.0)


@pytest.mark.parametrize("error", [ssl.SSLCertVerificationError("self-signed"), ssl.SSLEOFError("cut")])
def test_a_handshake_that_fails_is_no_timeout_and_is_closed(error: OSError, machine: Machine) -> None:
    machine.handshake = [*wants(1, each_s=0.1), (0.0, error)]
    with pytest.raises(type(error)):
        open_connection(URL, deadline=1003.0)
    assert machine.open_sockets == 0


@pytest.mark.parametrize(
    "url",
    ["https://a:99999", "https://a:x", "ftp://a", "127.0.0.1:4566", "", "https://[::1", "https://.a"],
)
def test_an_address_that_is_none_is_an_error_and_no_crash(url: str, machine: Machine) -> None:
    with pytest.raises(OSError, match=r"is no address"):
        open_connection(url, deadline=1003.0)
    assert machine.open_sockets == 0


@pytest.fixture
def answered(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Let each look-up of a name hang until this is set."""
    event = threading.Event()

    def hang(*_: Any, **__: Any) -> list[Any]:
        event.wait(30)
        return []

    monkeypatch.setattr(timed_connections.socket, "getaddrinfo", hang)
    yield event
    event.set()


def test_a_look_up_that_hangs_is_left_behind_and_nothing_waits_for_it(answered: threading.Event) -> None:
    before = set(threading.enumerate())
    with pytest.raises(TimeoutError, match=r"is not resolved|is over"):
        resolve("slow.example", 443, deadline=timed_connections.time.monotonic() + 0.1)
    (left,) = set(threading.enumerate()) - before
    assert left.daemon  # the interpreter ends without it, too
    answered.set()
    left.join(10)
    assert not left.is_alive()


@pytest.mark.parametrize("host", ["a" * 64 + ".example", "\ud800"])
def test_a_name_that_dns_cannot_hold_is_an_error_at_once(host: str) -> None:
    """The C library is not even asked for these."""
    with pytest.raises(OSError, match=r"codec|character") as error:
        resolve(host, 443, deadline=timed_connections.time.monotonic() + 30)
    assert not isinstance(error.value, TimeoutError)
