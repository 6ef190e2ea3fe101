"""Credentials of the function's role: from variables, or from the service beside it, and renewed."""

import json
from collections.abc import Mapping
from typing import Any

import aws_credentials
import pytest
from aws_credentials import CredentialsError, RoleCredentials, check_url
from sigv4 import Credentials

NOW = 1_764_412_345.0
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

    def __call__(self, url: str, headers: Mapping[str, str]) -> bytes:
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
    assert credentials.current() == Credentials("A", "S", "T")
    environ["AWS_ACCESS_KEY_ID"] = "B"
    del environ["AWS_SESSION_TOKEN"]
    assert credentials.current() == Credentials("B", "S", "")
    assert service.asked == []


def test_the_service_is_asked_once_until_its_credentials_are_about_to_end(
    service: Service, clock: list[float]
) -> None:
    environ = {"AWS_CONTAINER_CREDENTIALS_FULL_URI": URI, "AWS_CONTAINER_AUTHORIZATION_TOKEN": "secret"}
    credentials = RoleCredentials(environ, get=service)
    assert credentials.current() == credentials.current() == Credentials("A1", "S", "T")
    assert service.asked == [(URI, {"Authorization": "secret"})]
    clock[0] += 699
    assert credentials.current().access_key_id == "A1"
    clock[0] += 2
    assert credentials.current().access_key_id == "A2"


@pytest.mark.parametrize("error", [OSError("no"), TimeoutError()])
def test_a_service_that_fails_is_no_failure_while_the_old_ones_hold(
    service: Service, clock: list[float], error: Exception
) -> None:
    credentials = RoleCredentials({"AWS_CONTAINER_CREDENTIALS_FULL_URI": URI}, get=service)
    credentials.current()
    service.error = error
    clock[0] += 900
    assert credentials.current().access_key_id == "A1"
    clock[0] += 200
    with pytest.raises(CredentialsError, match="the service gives no credentials"):
        credentials.current()


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"{}", b'{"AccessKeyId": "A"}', b"null"])
def test_an_answer_without_credentials_is_none(service: Service, body: bytes) -> None:
    service.body = body
    credentials = RoleCredentials({"AWS_CONTAINER_CREDENTIALS_FULL_URI": URI}, get=service)
    with pytest.raises(CredentialsError, match="the service gives no credentials"):
        credentials.current()


def test_without_either_there_are_none(service: Service) -> None:
    with pytest.raises(CredentialsError, match="neither variables nor a service"):
        RoleCredentials({}, get=service).current()


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
        RoleCredentials({"AWS_CONTAINER_CREDENTIALS_FULL_URI": url}, get=service).current()
    assert service.asked == []


def test_no_secret_is_in_an_error(service: Service) -> None:
    service.error = OSError("the token secret was refused")
    environ: dict[str, Any] = {"AWS_CONTAINER_CREDENTIALS_FULL_URI": URI}
    with pytest.raises(CredentialsError) as error:
        RoleCredentials(environ, get=service).current()
    assert "secret" not in str(error.value)
