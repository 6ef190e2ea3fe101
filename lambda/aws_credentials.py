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

RENEW_S = 300.0
"""Before credentials end, others are asked for."""
TIMEOUT_S = 2.0
MAX_BYTES = 65_536
# https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html
PLAIN_HOSTS = ("169.254.170.2", "169.254.170.23", "fd00:ec2::23")
"""Beside loopback, the hosts that are asked without TLS."""

Get = Callable[[str, Mapping[str, str]], bytes]


class CredentialsError(Exception):
    """There are no credentials; the message says where they were looked for, and holds none."""


class RoleCredentials:
    """Gives the credentials that hold now."""

    def __init__(self, environ: Mapping[str, str], *, get: Get | None = None) -> None:
        """Look nothing up yet; `get` answers a URL's GET with these headers."""
        self._environ, self._get = environ, get or get_plainly
        self._held: Credentials | None = None
        self._until = 0.0

    def current(self) -> Credentials:
        """Return them; CredentialsError where there are none."""
        access, secret = self._environ.get("AWS_ACCESS_KEY_ID"), self._environ.get("AWS_SECRET_ACCESS_KEY")
        if access and secret:
            return Credentials(access, secret, self._environ.get("AWS_SESSION_TOKEN", ""))
        if self._held is None or time.time() > self._until - RENEW_S:
            self._renew()
        if self._held is None:
            raise CredentialsError("no credentials: neither variables nor a service that gives them")
        return self._held

    def _renew(self) -> None:
        """Ask the service; while the old ones hold, its failure is none."""
        url = self._environ.get("AWS_CONTAINER_CREDENTIALS_FULL_URI")
        if not url:
            return
        headers = {}
        if token := self._environ.get("AWS_CONTAINER_AUTHORIZATION_TOKEN"):
            headers["Authorization"] = token
        try:
            self._held, self._until = read_answer(self._get(check_url(url), headers))
        except (OSError, ValueError, http.client.HTTPException) as error:
            if self._held is None or time.time() > self._until:
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
    found: Any = json.loads(body)
    try:
        until = timegm(time.strptime(found["Expiration"][:19], "%Y-%m-%dT%H:%M:%S"))
        return Credentials(found["AccessKeyId"], found["SecretAccessKey"], found["Token"]), float(until)
    except (KeyError, TypeError) as error:
        raise ValueError(f"no credentials in the answer: {type(error).__name__}") from error


def get_plainly(url: str, headers: Mapping[str, str]) -> bytes:
    """Return the body of a 200; OSError for another status."""
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=TIMEOUT_S)
    try:
        target = parts._replace(scheme="", netloc="", path=parts.path or "/").geturl()
        connection.request("GET", target, headers=headers)
        answer = connection.getresponse()
        body = answer.read(MAX_BYTES)
        if answer.status != 200:
            raise OSError(f"status {answer.status}")
        return body
    finally:
        connection.close()
