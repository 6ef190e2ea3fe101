"""The function's role: its credentials are variables, or a service beside it gives them and renews them.

https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html#configuration-envvars-runtime
With SnapStart there is no fixed key, as an environment may outlive it: AWS_CONTAINER_CREDENTIALS_FULL_URI.
"""

import http.client
import ipaddress
import json
import time
from calendar import timegm
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from sigv4 import Credentials
from timed_connections import open_connection
from timed_sockets import TimedSocket

RENEW_S = 300.0
"""Before credentials end, others are asked for."""
PAUSE_S = 30.0
"""A service that failed while the old ones hold is left alone for so long: each event would wait for it."""
TIMEOUT_S = 2.0
"""For name, connection and answer of the service together."""
MAX_BYTES = 65_536
# https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html
PLAIN_HOSTS = ("169.254.170.2", "169.254.170.23", "fd00:ec2::23")
"""Beside loopback, the hosts that are asked without TLS."""

Get = Callable[[str, Mapping[str, str], float], bytes]


class CredentialsError(Exception):
    """There are no credentials; the message says where they were looked for, and holds none."""


class RoleCredentials:
    """Gives the credentials that hold now."""

    def __init__(self, environ: Mapping[str, str], *, get: Get | None = None) -> None:
        """Look nothing up yet; `get` answers a URL's GET with these headers before a deadline."""
        self._environ, self._get = environ, get or get_plainly
        self._held: Credentials | None = None
        self._until = self._ask_again = 0.0

    def current(self, *, deadline: float) -> Credentials:
        """Return them; CredentialsError where there are none at the deadline (of time.monotonic)."""
        access, secret = self._environ.get("AWS_ACCESS_KEY_ID"), self._environ.get("AWS_SECRET_ACCESS_KEY")
        if access and secret:
            return Credentials(access, secret, self._environ.get("AWS_SESSION_TOKEN", ""))
        now = time.time()
        if now > self._until or (now > self._until - RENEW_S and now >= self._ask_again):
            self._renew(min(deadline, time.monotonic() + TIMEOUT_S))
        if self._held is None:
            raise CredentialsError("no credentials: neither variables nor a service that gives them")
        return self._held

    def _renew(self, deadline: float) -> None:
        """Ask the service; while the old ones hold, its failure is none."""
        url = self._environ.get("AWS_CONTAINER_CREDENTIALS_FULL_URI")
        if not url:
            return
        headers = {}
        if token := self._environ.get("AWS_CONTAINER_AUTHORIZATION_TOKEN"):
            headers["Authorization"] = token
        try:
            held, until = read_answer(self._get(check_url(url), headers, deadline))
            if time.time() > until:
                raise ValueError("these credentials have ended")
            self._held, self._until = held, until
        except (OSError, ValueError, http.client.HTTPException) as error:
            self._ask_again = time.time() + PAUSE_S
            if time.time() > self._until:
                raise CredentialsError(f"the service gives no credentials: {type(error).__name__}") from error


def check_url(url: str) -> str:
    """Return the URL; ValueError where credentials would be asked of a stranger, or in the clear."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme == "https" or (parts.scheme == "http" and (host in PLAIN_HOSTS or is_loopback(host))):
        return url
    raise ValueError("AWS_CONTAINER_CREDENTIALS_FULL_URI is neither https nor this machine")


def is_loopback(host: str) -> bool:
    """Return whether a host is this machine."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def read_answer(body: bytes) -> tuple[Credentials, float]:
    """Return credentials and when they end, in seconds since the epoch; ValueError for anything else."""
    try:
        found: Any = json.loads(body)
        until = timegm(time.strptime(found["Expiration"][:19], "%Y-%m-%dT%H:%M:%S"))
        texts = [found["AccessKeyId"], found["SecretAccessKey"], found["Token"]]
    except (KeyError, TypeError, RecursionError) as error:
        raise ValueError(f"no credentials in the answer: {type(error).__name__}") from error
    if not all(isinstance(text, str) and text.isascii() and text.isprintable() for text in texts):
        raise ValueError("the answer's credentials are no text that a header can hold")
    return Credentials(*texts), float(until)


def get_plainly(url: str, headers: Mapping[str, str], deadline: float) -> bytes:
    """Return the body of a 200; OSError for another status, TimeoutError at the deadline."""
    parts = urlsplit(url)
    connection = open_connection(url, deadline=deadline)
    try:
        connection.sock = TimedSocket(connection.sock, deadline=deadline)
        target = parts._replace(scheme="", netloc="", path=parts.path or "/").geturl()
        connection.request("GET", target, headers={**headers, "Host": parts.netloc})
        answer = connection.getresponse()
        body = answer.read(MAX_BYTES)
        if answer.status != 200:
            raise OSError(f"status {answer.status}")
        return body
    finally:
        connection.close()
