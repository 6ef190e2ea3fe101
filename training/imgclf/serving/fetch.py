"""Fetch an image from a URL that a stranger chose, without being turned against the private network.

Each host name is looked up once and the connection goes to an address that was checked, so a second look-up
cannot answer differently. Redirects are checked as the first address was. The one private address that may
be reached is the AWS endpoint which this process's own SDK uses (presigned S3 URLs). docs/url-fetching.md
has the whole policy.
"""

from __future__ import annotations

import functools
import http.client
import io
import queue
import re
import socket
import ssl
import threading
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import SplitResult, urljoin, urlsplit

from imgclf.errors import BusySourceError, SourceError, TooLargeError
from imgclf.serving.addresses import is_public

MAX_DOWNLOAD_BYTES = 32 * 2**20
"""As of a photo in staging: a model can be asked about whatever it was trained on."""
MAX_URL_CHARACTERS = 8192
"""A presigned S3 URL with a session token takes about 2,000."""
TIMEOUT_S = 10.0
"""For the whole fetch: look-ups, connections, handshakes, redirects and body."""
MAX_REDIRECTS = 3
MAX_LOOKUPS = 16
"""Host names that are looked up at once; getaddrinfo has no time limit, so one may take half a minute."""
CHUNK_BYTES = 65_536
MAX_ADDRESSES = 8
"""Of a host, that are tried one after the other; all of them are judged."""
REDIRECTS = frozenset({301, 302, 303, 307, 308})
BUSY = frozenset({429, 500, 502, 503, 504})
"""Answers that may be others in a moment: S3 asks so for a pause where it moves a bucket's load."""
PAUSE_S = 0.2
"""Before a busy source is asked once more."""
ENDPOINT_VARIABLES = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")
LENGTH = re.compile("[0-9]{1,18}")
PORTS = {"http": 80, "https": 443}
"""No others but the AWS endpoint's own: a stranger must not reach mail or database servers through us."""

_lookups = threading.BoundedSemaphore(MAX_LOOKUPS)


def fetch_image(url: str, *, environ: Mapping[str, str]) -> bytes:
    """Return the bytes behind an http(s) URL.

    A source that is busy is asked once more. Raises SourceError for a forbidden, unreachable, slow or failing
    source, BusySourceError for one that stays busy, TooLargeError for a body over MAX_DOWNLOAD_BYTES.
    """
    deadline = time.monotonic() + TIMEOUT_S
    try:
        return _follow(url, environ=environ, deadline=deadline)
    except BusySourceError:
        if time.monotonic() + PAUSE_S >= deadline:
            raise
        time.sleep(PAUSE_S)
        return _follow(url, environ=environ, deadline=deadline)


def _follow(url: str, *, environ: Mapping[str, str], deadline: float) -> bytes:
    """Return the bytes behind a URL, and behind where it redirects to."""
    trusted = _trusted_endpoints(environ)
    for _ in range(MAX_REDIRECTS + 1):
        answer = _get(_parse(url, trusted=trusted), trusted=trusted, deadline=deadline)
        if isinstance(answer, bytes):
            return answer
        try:
            url = urljoin(url, answer)
        except ValueError:  # such as an unclosed bracket in the host
            raise SourceError(f"the URL redirects to {answer[:200]!r}, which is no address") from None
    raise SourceError(f"the URL redirects more than {MAX_REDIRECTS} times: send the final address")


def _trusted_endpoints(environ: Mapping[str, str]) -> set[tuple[str, int]]:
    """Return host and port of the AWS endpoints that this process is configured for."""
    urls = [urlsplit(environ[name]) for name in ENDPOINT_VARIABLES if environ.get(name)]
    return {(url.hostname, url.port or PORTS.get(url.scheme, 443)) for url in urls if url.hostname}


def _parse(url: str, *, trusted: set[tuple[str, int]]) -> SplitResult:
    """Split a URL; raise SourceError unless it is plain http or https at a port that is allowed."""
    if len(url) > MAX_URL_CHARACTERS:
        raise SourceError(f"the URL has {len(url)} characters: at most {MAX_URL_CHARACTERS} are taken")
    try:
        parts = urlsplit(url)
        valid = parts.scheme in PORTS and bool(parts.hostname) and parts.port != 0
    except ValueError:
        valid = False
    if not valid or not url.isascii() or any(character <= " " for character in url):
        # The URL itself may hold a password or a signature, and errors are logged and answered.
        raise SourceError(
            "the URL is not a valid http or https address: escape spaces and other characters in it"
        )
    if parts.port not in (None, *PORTS.values()) and (parts.hostname, parts.port) not in trusted:
        raise SourceError(f"port {parts.port} is not fetched from: use a URL at port 80 or 443")
    return parts


def _get(parts: SplitResult, *, trusted: set[tuple[str, int]], deadline: float) -> bytes | str:
    """Ask for one URL; return its body, or the address it redirects to."""
    host, port = parts.hostname or "", parts.port or PORTS[parts.scheme]
    sock = _connect(host, port, is_trusted=(host, port) in trusted, deadline=deadline)
    connection = http.client.HTTPConnection(host, port)
    connection.auto_open, connection.sock = 0, sock
    connection.response_class = _BoundedResponse
    try:
        if parts.scheme == "https":
            sock = _tls().wrap_socket(sock, server_hostname=host, do_handshake_on_connect=False)
            connection.sock = sock
        with _cut_off(sock, deadline):
            if isinstance(sock, ssl.SSLSocket):
                sock.do_handshake()
            target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            connection.request("GET", target, headers={"Accept": "image/*", "User-Agent": "musher"})
            with connection.getresponse() as response:
                return _read_answer(response, f"{host}:{port}")
    except (OSError, http.client.HTTPException, ValueError) as error:
        if time.monotonic() >= deadline:
            raise _too_slow(f"{host}:{port}") from error
        raise SourceError(f"{host}:{port} broke off: {error!r}") from error
    finally:
        connection.close()


@functools.cache
def _tls() -> ssl.SSLContext:
    """Return the settings of every TLS connection; reading the authorities' certificates takes 20 ms."""
    return ssl.create_default_context()


@contextmanager
def _cut_off(sock: socket.socket, deadline: float) -> Generator[None]:
    """Shut the socket down at the deadline, and let nothing that came before count as an answer then.

    A socket's own time limit starts anew with each byte: a source could drip for ever.
    """
    is_late = threading.Event()

    def cut() -> None:
        is_late.set()
        _shut_down(sock)

    alarm = threading.Timer(max(0.0, deadline - time.monotonic()), cut)
    alarm.daemon = True
    alarm.start()
    try:
        yield
        if is_late.is_set():  # a body without a length ends so, too
            raise TimeoutError("cut off")
    finally:
        alarm.cancel()


def _shut_down(sock: socket.socket) -> None:
    """Wake whoever waits for this socket."""
    try:
        sock.shutdown(socket.SHUT_RDWR)
    except OSError:  # it is closed already
        return


def _connect(host: str, port: int, *, is_trusted: bool, deadline: float) -> socket.socket:
    """Connect to the first address of the host that answers; all of them were checked to be public."""
    reason: OSError | None = None
    for address in _resolve(host, port, is_trusted=is_trusted, deadline=deadline)[:MAX_ADDRESSES]:
        remaining_s = deadline - time.monotonic()
        if remaining_s <= 0:
            raise _too_slow(f"{host}:{port}")
        try:
            return socket.create_connection((address, port), timeout=remaining_s)
        except OSError as error:
            reason = error
    raise SourceError(f"{host}:{port} cannot be reached: {reason}") from reason


def _resolve(host: str, port: int, *, is_trusted: bool, deadline: float) -> list[str]:
    """Look the host up once; return its addresses, raise SourceError if one is not public."""
    addresses = _look_up(host, port, deadline=deadline)
    if not is_trusted and not all(is_public(address) for address in addresses):
        raise SourceError(
            f"host {host!r} is not a public address: only images on the public internet are fetched"
        )
    return addresses


def _look_up(host: str, port: int, *, deadline: float) -> list[str]:
    """Return a host's addresses, each once; a thread of its own waits for them, and may be left behind."""
    found: queue.SimpleQueue[list[str] | Exception] = queue.SimpleQueue()
    places = _lookups
    if not places.acquire(timeout=max(0.0, deadline - time.monotonic())):
        raise SourceError(f"host {host!r} was not looked up: too many others are; try again in a moment")

    def look() -> None:
        try:
            answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            found.put(list(dict.fromkeys(str(answer[4][0]) for answer in answers)))
        except (OSError, UnicodeError) as error:
            found.put(error)
        finally:
            places.release()

    threading.Thread(target=look, name="look-up", daemon=True).start()
    try:
        outcome = found.get(timeout=max(0.0, deadline - time.monotonic()))
    except queue.Empty:
        raise _too_slow(f"the look-up of host {host!r}") from None
    if isinstance(outcome, Exception):
        raise SourceError(f"host {host!r} cannot be resolved: {outcome}") from outcome
    return outcome


def _read_answer(response: http.client.HTTPResponse, source: str) -> bytes | str:
    """Return the body of a success, the address of a redirect; raise SourceError for any other answer."""
    location = response.headers.get("Location")
    if response.status in REDIRECTS and location:
        return location
    if response.status in BUSY:
        raise BusySourceError(f"{source} answered {response.status} {response.reason}: try again later")
    if response.status != 200:
        raise SourceError(f"{source} answered {response.status} {response.reason}: check the URL")
    _check_length(response.headers.get_all("Content-Length", []), source)
    return _read(response)


def _check_length(lines: list[str], source: str) -> None:
    """Refuse lengths that http.client takes for none, and all but the first of several."""
    announced = ", ".join(lines)
    sizes = {size.strip() for size in announced.split(",")} if lines else set()
    if len(sizes) > 1 or not all(LENGTH.fullmatch(size) for size in sizes):
        raise SourceError(
            f"{source} answered with Content-Length {announced[:200]!r}, which is no one size: check the URL"
        )


class _BoundedReader(io.BufferedReader):
    """Refuse to read without a bound: http.client takes a chunk's size of -1 for the whole connection."""

    def read(self, size: int | None = -1, /) -> bytes:
        """Read up to `size` bytes."""
        if size is None or not 0 <= size <= MAX_DOWNLOAD_BYTES:
            raise http.client.HTTPException(f"a piece of {size} bytes was announced")
        return super().read(size)


class _BoundedResponse(http.client.HTTPResponse):
    """An answer of which no piece may be of any size."""

    def __init__(self, sock: socket.socket, *arguments: Any, **options: Any) -> None:
        super().__init__(sock, *arguments, **options)
        self.fp = _BoundedReader(self.fp.detach())


def _read(response: http.client.HTTPResponse) -> bytes:
    """Read the body up to the limit; raise TooLargeError beyond it."""
    too_large = TooLargeError(
        f"the image at the URL is over {MAX_DOWNLOAD_BYTES // 2**20} MiB: send a smaller one"
    )
    if (response.length or 0) > MAX_DOWNLOAD_BYTES:
        raise too_large
    body = bytearray()
    while chunk := response.read(CHUNK_BYTES):
        body += chunk
        if len(body) > MAX_DOWNLOAD_BYTES:
            raise too_large
    if response.length:
        raise http.client.IncompleteRead(b"", response.length)
    return bytes(body)


def _too_slow(what: str) -> SourceError:
    return SourceError(f"{what} took more than {TIMEOUT_S:.0f} s: use a faster source")
