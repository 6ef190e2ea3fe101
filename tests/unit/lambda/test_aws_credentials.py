"""Credentials of the function's role: from variables, or from the service beside it, and renewed."""

import json
from collections.abc import Mapping
from typing import Any

import aws_credentials
import pytest
from aws_credentials import CredentialsError, RoleCredentials, check_url, get_plainly
from sigv4 import Credentials

from tests.function_connections import Clock as Monotonic
from tests.function_wires import END, Wire, Wires, at_once, drip, http_answer

NOW = 1_764_412_345.0
FOREVER = float("inf")
URI = "http://127.0.0.1:9001/credentials"


def answer(number: int, *, ends: str = "2025-11-29T10:49:05Z") -> bytes:
    """Return what the service says: these end at NOW + 1,000 s."""
    return json.dumps(
        {"AccessKeyId": f"A{number}", "SecretAccessKey": "S", "Token": "T", "Expiration": ends}
    ).encode()


class Service:
    """The service, which counts how often it is asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.error: Exception | None = None
        self.body: bytes | None = None

    def __call__(self, url: str, headers: Mapping[str, str], _deadline: float) -> bytes:
        """Answer a GET."""
        self.asked.append((url, dict(headers)))
        if self.error:
            raise self.error
        return answer(len(self.asked)) if self.body is None else self.body


@pytest.fixture
def service() -> Service:
    return Service()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return the time, which a test may change."""
    now = [NOW]
    monkeypatch.setattr(aws_credentials.time, "time", lambda: now[0])
    return now


def test_variables_are_read_at_each_event(service: Service) -> None:
    environ = {"AWS_ACCESS_KEY_ID": "A", "AWS_SECRET_ACCESS_KEY": "S", "AWS_SESSION_TOKEN": "T"}
    credentials = RoleCredentials(environ, get=service)
    assert credentials.current(deadline=FOREVER) == Credentials("A", "S", "T")
    environ["AWS_ACCESS_KEY_ID"] = "B"
    del environ["AWS_SESSION_TOKEN"]
    assert credentials.current(deadline=FOREVER) == Credentials("B", "S", "")
    assert service.asked == []


def test_the_service_is_asked_once_until_its_credentials_are_about_to_end(
    service: Service, clock: list[float]
) -> None:
    environ = {"AWS_CONTAINER_CREDENTIALS_FULL_URI": URI, "AWS_CONTAINER_AUTHORIZATION_TOKEN": "secret"}
    credentials = RoleCredentials(environ, get=service)
    assert (
        credentials.current(deadline=FOREVER)
        == credentials.current(deadline=FOREVER)
        == Credentials("A1", "S", "T")
    )
    assert service.asked == [(URI, {"Authorization": "secret"})]
    clock[0] += 699
    assert credentials.current(deadline=FOREVER).access_key_id == "A1"
    clock[0] += 2
    assert credentials.current(deadline=FOREVER).access_key_id == "A2"


@pytest.mark.parametrize("error", [OSError("no"), TimeoutError()])
def test_a_service_that_fails_is_no_failure_while_the_old_ones_hold(
    service: Service, clock: list[float], error: Exception
) -> None:
    credentials = RoleCredentials({"AWS_CONTAINER_CREDENTIALS_FULL_URI": URI}, get=service)
    credentials.current(deadline=FOREVER)
    service.error = error
    clock[0] += 900
    assert credentials.current(deadline=FOREVER).access_key_id == "A1"
    clock[0] += 200
    with pytest.raises(CredentialsError, match="the service gives no credentials"):
        credentials.current(deadline=FOREVER)


def test_a_service_that_failed_is_left_alone_for_a_while_as_long_as_the_old_ones_hold(
    service: Service, clock: list[float]
) -> None:
    """Each event would wait for one that hangs."""
    credentials = RoleCredentials({"AWS_CONTAINER_CREDENTIALS_FULL_URI": URI}, get=service)
    credentials.current(deadline=FOREVER)
    service.error = TimeoutError()
    for seconds, asked in ((701, 2), (29, 2), (1, 3), (29, 3), (241, 4)):
        clock[0] += seconds
        try:
            assert credentials.current(deadline=FOREVER).access_key_id == "A1"
        except CredentialsError:
            assert clock[0] > NOW + 1000
        assert len(service.asked) == asked
    service.error, service.body = None, answer(5, ends="2999-01-01T00:00:00Z")
    assert credentials.current(deadline=FOREVER).access_key_id == "A5"  # without any, nothing waits


def test_credentials_that_have_ended_do_not_replace_what_holds(service: Service, clock: list[float]) -> None:
    credentials = RoleCredentials({"AWS_CONTAINER_CREDENTIALS_FULL_URI": URI}, get=service)
    credentials.current(deadline=FOREVER)
    service.body = answer(2, ends="2025-11-29T10:00:00Z")
    clock[0] += 800
    assert credentials.current(deadline=FOREVER).access_key_id == "A1"
    clock[0] += 300
    with pytest.raises(CredentialsError):
        credentials.current(deadline=FOREVER)


@pytest.mark.parametrize("deadline_s", [0.5, 60.0])
def test_the_service_has_two_seconds_or_what_is_left_of_the_event(
    deadline_s: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    deadlines: list[float] = []

    def get(_url: str, _headers: Mapping[str, str], deadline: float) -> bytes:
        deadlines.append(deadline)
        return answer(1, ends="2999-01-01T00:00:00Z")

    monkeypatch.setattr(aws_credentials.time, "monotonic", lambda: 1000.0)
    RoleCredentials({"AWS_CONTAINER_CREDENTIALS_FULL_URI": URI}, get=get).current(
        deadline=1000.0 + deadline_s
    )
    assert deadlines == [1000.0 + min(2.0, deadline_s)]


@pytest.mark.parametrize(
    "change",
    [
        {"Token": None},
        {"Token": {"a": 1}},
        {"SecretAccessKey": 7},
        {"Token": "t\r\nX-Forged: 1"},
        {"AccessKeyId": "A\u0141"},
        {"Expiration": 1},
        {"Expiration": {}},
        {"Expiration": "soon"},
    ],
    ids=str,
)
def test_credentials_that_no_header_can_hold_are_none(service: Service, change: dict[str, Any]) -> None:
    """Else http.client would raise in the middle of an event, and Lambda show the caller a stack."""
    service.body = json.dumps(json.loads(answer(1)) | change).encode()
    credentials = RoleCredentials({"AWS_CONTAINER_CREDENTIALS_FULL_URI": URI}, get=service)
    with pytest.raises(CredentialsError, match="ValueError"):
        credentials.current(deadline=FOREVER)


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>", b"[]", b"{}", b'{"AccessKeyId": "A"}', b"null", b"\xff", b"[" * 50_000],
    ids=["nothing", "html", "list", "empty", "part", "null", "bytes", "deep"],
)
def test_an_answer_without_credentials_is_none(service: Service, body: bytes) -> None:
    service.body = body
    credentials = RoleCredentials({"AWS_CONTAINER_CREDENTIALS_FULL_URI": URI}, get=service)
    with pytest.raises(CredentialsError, match="the service gives no credentials"):
        credentials.current(deadline=FOREVER)


def test_without_either_there_are_none(service: Service) -> None:
    with pytest.raises(CredentialsError, match="neither variables nor a service"):
        RoleCredentials({}, get=service).current(deadline=FOREVER)


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost/x",
        URI,
        "http://[::1]:80/",
        "http://169.254.170.2/v2",
        "http://[fd00:ec2::23]/",
        "https://a.b/c",
    ],
)
def test_a_service_on_this_machine_or_behind_tls_is_asked(url: str) -> None:
    assert check_url(url) == url


@pytest.mark.parametrize(
    "url", ["http://example.com/", "http://169.254.169.254/", "file:///etc/passwd", "http://"]
)
def test_a_stranger_is_not(url: str, service: Service) -> None:
    with pytest.raises(CredentialsError):
        RoleCredentials({"AWS_CONTAINER_CREDENTIALS_FULL_URI": url}, get=service).current(deadline=FOREVER)
    assert service.asked == []


def test_no_secret_is_in_an_error(service: Service) -> None:
    service.error = OSError("the token secret was refused")
    environ: dict[str, Any] = {"AWS_CONTAINER_CREDENTIALS_FULL_URI": URI}
    with pytest.raises(CredentialsError) as error:
        RoleCredentials(environ, get=service).current(deadline=FOREVER)
    assert "secret" not in str(error.value)


def over(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> Wires:
    """Let the service be at the other end of a wire."""
    wires = Wires(wire)
    monkeypatch.setattr(aws_credentials, "open_connection", lambda _url, *, deadline: wires.connect(deadline))
    return wires


@pytest.fixture
def monotonic(monkeypatch: pytest.MonkeyPatch) -> Monotonic:
    made = Monotonic()
    monkeypatch.setattr(aws_credentials.time, "monotonic", made.now)
    return made


def test_the_service_s_200_is_taken(monotonic: Monotonic, monkeypatch: pytest.MonkeyPatch) -> None:
    wires = over(Wire(monotonic, drip(http_answer(b"{}"), each_s=0.01)), monkeypatch)
    assert get_plainly("http://127.0.0.1:9001/role?x=1", {"Authorization": "t"}, 1002.0) == b"{}"
    (wire,) = wires.opened
    assert wire.sent.startswith(b"GET /role?x=1 HTTP/1.1\r\n")
    assert b"Authorization: t\r\n" in wire.sent
    assert wire.sent.lower().count(b"host: 127.0.0.1:9001\r\n") == 1
    assert (wires.deadlines, wire.is_closed) == ([1002.0], True)


@pytest.mark.parametrize("data", [http_answer(b"{}"), b"HTTP/1.1 100 Continue\r\n\r\n" * 20])
def test_a_service_that_drips_ends_at_the_deadline(
    data: bytes, monotonic: Monotonic, monkeypatch: pytest.MonkeyPatch
) -> None:
    wires = over(Wire(monotonic, drip(data, each_s=0.3)), monkeypatch)
    with pytest.raises(TimeoutError):
        get_plainly(URI, {}, 1002.0)
    assert (monotonic.now(), wires.opened[0].is_closed) == (1002.0, True)


@pytest.mark.parametrize("status", ["301 Moved", "404 Not Found", "500 Failed"])
def test_another_status_of_the_service_is_an_error(
    status: str, monotonic: Monotonic, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A redirect too: credentials are not fetched from where somebody else points."""
    wires = over(Wire(monotonic, at_once(http_answer(answer(1), status=status), END)), monkeypatch)
    with pytest.raises(OSError, match=f"status {status[:3]}"):
        get_plainly(URI, {}, 1002.0)
    assert len(wires.opened) == 1
