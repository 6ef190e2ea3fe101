"""Fetch a zip by http or https, to disk, within bounds of size and time."""

import base64
import errno
import http.client
import logging
import socket
import ssl
import time
import urllib.error
import urllib.request
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from musher.datasets.addresses import JudgedHTTPHandler, JudgedHTTPSHandler
from musher.errors import DatasetSourceError

logger = logging.getLogger(__name__)

MAX_DOWNLOAD_BYTES = 64 * 1024**3
DEADLINE_S = 3600.0
"""For the whole download."""
READ_TIMEOUT_S = 30.0
"""For each answer of the server."""
CHUNK_BYTES = 256 * 1024

TEMPORARY_STATUSES = frozenset(
    {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS}
)
"""Besides all from 500 upwards."""
TEMPORARY_ERRORS = frozenset({errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN})
"""Besides timeouts and connections that are refused or broken."""


def download_file(*, url: str, target: Path, opener: urllib.request.OpenerDirector | None = None) -> None:
    """Stream a URL to a file; every error names the URL.

    Raises ConnectionError where a retry may succeed (timeouts, broken connections, answers 408, 425, 429 and
    5xx), DatasetSourceError for everything that stays until someone acts.

    Only http and https are followed, redirects included, and never to a machine's own credentials (see
    `addresses`). The query is left out of messages and logs: in a
    presigned URL it is a credential.
    """
    address = public_address(url)
    started = time.monotonic()
    deadline = started + DEADLINE_S
    try:
        with (opener or _http_opener(deadline)).open(_request(url), timeout=READ_TIMEOUT_S) as answer:
            expected = _expected_bytes(answer, address=address)
            received = _copy(answer, target=target, address=address, deadline=deadline)
    except urllib.error.HTTPError as error:
        error.close()
        reason = f"the server answered {error.code} {error.reason}"
        raise _failure(address, reason, is_temporary=_is_temporary_status(error.code)) from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        cause = error.reason if isinstance(error, urllib.error.URLError) else error
        raise _failure(address, str(cause) or repr(cause), is_temporary=_is_temporary(cause)) from error
    if expected is not None and received != expected:
        reason = f"the connection ended after {received} of {expected} bytes"
        raise _failure(address, reason, is_temporary=True)
    logger.info("downloaded %s: %s bytes in %.1f s", address, received, time.monotonic() - started)


class UnreadRedirectHandler(urllib.request.HTTPRedirectHandler):
    """Follow redirects without their bodies, which urllib reads whole into memory."""

    def http_error_302(self, req: Any, fp: Any, code: int, msg: str, headers: Any) -> Any:
        """Follow one."""
        return super().http_error_302(req, _Unread(fp), code, msg, headers)  # type: ignore[arg-type]

    http_error_301 = http_error_303 = http_error_307 = http_error_308 = http_error_302


class _Unread:
    """An answer of which nothing more is read; it can be closed."""

    def __init__(self, answer: Any) -> None:
        self.close = answer.close

    def read(self) -> bytes:
        return b""


def public_address(url: str) -> str:
    """Return a URL without its query, fragment, user and password."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def _request(url: str) -> urllib.request.Request:
    """Return the request; a user and password in the URL go to its own server, not to one redirected to."""
    parts = urlsplit(url)
    user, at, host = parts.netloc.rpartition("@")
    if parts.scheme not in {"http", "https"} or not at:
        return urllib.request.Request(url)  # noqa: S310 - the opener knows http and https only
    request = urllib.request.Request(parts._replace(netloc=host).geturl())  # noqa: S310
    token = base64.b64encode(unquote(user).encode()).decode()
    request.add_unredirected_header("Authorization", f"Basic {token}")
    return request


def _http_opener(deadline: float) -> urllib.request.OpenerDirector:
    """Return an opener that knows http and https (and the proxies of the environment), not file or ftp."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        JudgedHTTPHandler(deadline=deadline),
        JudgedHTTPSHandler(deadline=deadline),
        UnreadRedirectHandler(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.UnknownHandler(),
    ):
        opener.add_handler(handler)
    return opener


def _expected_bytes(answer: Any, *, address: str) -> int | None:
    """Return the length that the server announced, None where it did not."""
    lines = answer.headers.get_all("Content-Length")
    if lines is None:
        return None
    announced = ", ".join(lines)
    sizes = {size.strip() for size in announced.split(",")}
    if len(sizes) > 1 or not all(size.isascii() and size.isdigit() for size in sizes):
        raise _refusal(address, f"the server's Content-Length is {announced!r}, no one size")
    size = int(sizes.pop())
    if size > MAX_DOWNLOAD_BYTES:
        raise _refusal(address, f"it has {size} bytes, and {MAX_DOWNLOAD_BYTES} is the limit")
    return size


def _copy(answer: Any, *, target: Path, address: str, deadline: float) -> int:
    """Copy until the end; `read1` returns what one packet brought, so a drip cannot outlast the deadline."""
    received = 0
    with target.open("wb") as file:
        while chunk := answer.read1(CHUNK_BYTES):
            received += file.write(chunk)
            if received > MAX_DOWNLOAD_BYTES:
                raise _refusal(address, f"it has more than {MAX_DOWNLOAD_BYTES} bytes, the limit")
            if time.monotonic() > deadline:
                raise TimeoutError(f"only {received} bytes came in {DEADLINE_S:.0f} s, the limit")
    return received


def _is_temporary_status(code: int) -> bool:
    return code >= HTTPStatus.INTERNAL_SERVER_ERROR or code in TEMPORARY_STATUSES


def _is_temporary(cause: object) -> bool:
    """Tell whether an error may pass by itself; the names of hosts that do not exist will not appear."""
    if isinstance(cause, socket.gaierror):
        return cause.errno == socket.EAI_AGAIN
    if isinstance(cause, OSError) and cause.errno in TEMPORARY_ERRORS:
        return True
    return isinstance(cause, (ConnectionError, TimeoutError, ssl.SSLEOFError, http.client.IncompleteRead))


def _failure(address: str, reason: str, *, is_temporary: bool) -> Exception:
    if is_temporary:
        return ConnectionError(f"{address} cannot be downloaded now: {reason}. It may be there later.")
    return _refusal(address, reason)


def _refusal(address: str, reason: str) -> DatasetSourceError:
    return DatasetSourceError(
        f"{address} cannot be downloaded: {reason}. Check the address, or download it by hand and give the "
        "path of the zip."
    )
