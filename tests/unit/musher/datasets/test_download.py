"""A zip by URL is streamed within bounds; every refusal names the address and not its credentials."""

import email.message
import errno
import http.client
import io
import socket
import ssl
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any
from urllib.response import addinfourl

import pytest

from musher.datasets import download
from musher.datasets.download import download_file, public_address
from musher.errors import DatasetSourceError

URL = "http://user:secret@photos.example/dogs.zip?X-Amz-Signature=secret"


class Server(urllib.request.BaseHandler):
    """Answer http without a socket."""

    def __init__(
        self, body: bytes = b"", *, status: int = 200, error: Exception | None = None, **headers: str
    ):
        """Keep what to answer; header names have _ for -."""
        self.body, self.status, self.error = body, status, error
        self.headers = email.message.Message()
        for name, value in headers.items():
            self.headers[name.replace("_", "-")] = value

    def http_open(self, request: urllib.request.Request) -> Any:
        if self.error:
            raise self.error
        answer: Any = addinfourl(io.BytesIO(self.body), self.headers, request.full_url, self.status)
        answer.msg = "Reason"
        return answer


def opener(server: Server) -> urllib.request.OpenerDirector:
    director = download._http_opener(time.monotonic() + 60)
    for handlers in director.handle_open.values():
        handlers[:] = [h for h in handlers if not isinstance(h, urllib.request.HTTPHandler)]
    director.add_handler(server)
    return director


def refusal(server: Server, tmp_path: Path, url: str = URL) -> str:
    with pytest.raises(DatasetSourceError) as caught:
        download_file(url=url, target=tmp_path / "a.zip", opener=opener(server))
    message = str(caught.value)
    assert "secret" not in message
    assert message.endswith("Check the address, or download it by hand and give the path of the zip.")
    return message


def passing_failure(server: Server, tmp_path: Path) -> str:
    """Return the message of an error that is no DatasetError, so that Airflow runs the task again."""
    with pytest.raises(ConnectionError) as caught:
        download_file(url=URL, target=tmp_path / "a.zip", opener=opener(server))
    message = str(caught.value)
    assert "secret" not in message
    assert message.startswith("http://photos.example/dogs.zip cannot be downloaded now: ")
    assert message.endswith("It may be there later.")
    return message


def test_the_body_is_written_to_the_file(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    body = b"x" * 1_000_000
    server = Server(body, Content_Length=str(len(body)))
    download_file(url=URL, target=tmp_path / "a.zip", opener=opener(server))
    assert (tmp_path / "a.zip").read_bytes() == body
    assert "downloaded http://photos.example/dogs.zip: 1000000 bytes" in caplog.text
    assert "secret" not in caplog.text


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410])
def test_an_error_status_is_named(tmp_path: Path, status: int) -> None:
    message = refusal(Server(b"gone", status=status), tmp_path)
    assert message.startswith(
        f"http://photos.example/dogs.zip cannot be downloaded: the server answered {status}"
    )


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_a_status_that_may_pass_is_tried_again(tmp_path: Path, status: int) -> None:
    assert f"the server answered {status}" in passing_failure(Server(b"", status=status), tmp_path)


@pytest.mark.parametrize(
    "error",
    [
        urllib.error.URLError(ConnectionRefusedError(111, "Connection refused")),
        urllib.error.URLError(socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")),
        urllib.error.URLError(OSError(errno.EHOSTUNREACH, "No route to host")),
        ConnectionResetError(104, "Connection reset by peer"),
        TimeoutError("timed out"),
        http.client.RemoteDisconnected("Remote end closed connection without response"),
        http.client.IncompleteRead(b"abc", 7),
    ],
)
def test_a_broken_connection_is_named_and_tried_again(tmp_path: Path, error: Exception) -> None:
    cause = error.reason if isinstance(error, urllib.error.URLError) else error
    assert str(cause) in passing_failure(Server(error=error), tmp_path)


@pytest.mark.parametrize(
    "error",
    [
        urllib.error.URLError(socket.gaierror(socket.EAI_NONAME, "Name or service not known")),
        urllib.error.URLError(ssl.SSLCertVerificationError("certificate has expired")),
        http.client.BadStatusLine("SSH-2.0-OpenSSH"),
        OSError(errno.ENOSPC, "No space left on device"),
    ],
)
def test_what_stays_until_someone_acts_is_refused(tmp_path: Path, error: Exception) -> None:
    cause = error.reason if isinstance(error, urllib.error.URLError) else error
    assert str(cause) in refusal(Server(error=error), tmp_path)


def test_a_connection_that_ends_early_is_tried_again(tmp_path: Path) -> None:
    message = passing_failure(Server(b"abc", Content_Length="10"), tmp_path)
    assert "the connection ended after 3 of 10 bytes" in message


@pytest.mark.parametrize("headers", [{"Content_Length": "11"}, {}])
def test_more_bytes_than_the_limit_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, headers: dict[str, str]
) -> None:
    monkeypatch.setattr(download, "MAX_DOWNLOAD_BYTES", 10)
    assert "10" in refusal(Server(b"x" * 11, **headers), tmp_path)
    assert not (tmp_path / "a.zip").exists() or (tmp_path / "a.zip").stat().st_size <= 11


@pytest.mark.parametrize("lengths", [("-5",), ("3", "4"), ("3, 4",), ("3x",), ("",), ("٣",)])
def test_a_length_that_is_none_is_refused(tmp_path: Path, lengths: tuple[str, ...]) -> None:
    server = Server(b"abc")
    for length in lengths:
        server.headers["Content-Length"] = length
    assert f"the server's Content-Length is {', '.join(lengths)!r}, no one size" in refusal(server, tmp_path)


def test_the_same_length_twice_is_one(tmp_path: Path) -> None:
    server = Server(b"abc", Content_Length="3, 3")
    download_file(url=URL, target=tmp_path / "a.zip", opener=opener(server))
    assert (tmp_path / "a.zip").read_bytes() == b"abc"


def test_a_slow_download_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "DEADLINE_S", -1.0)
    assert "only 3 bytes came in" in passing_failure(Server(b"abc"), tmp_path)


@pytest.mark.parametrize("location", ["file:///etc/passwd", "ftp://photos.example/a.zip"])
def test_a_redirect_to_another_scheme_is_not_followed(tmp_path: Path, location: str) -> None:
    scheme = location.partition(":")[0]
    assert scheme in refusal(Server(status=302, Location=location), tmp_path)


def test_a_user_and_password_are_sent_to_their_server_only(tmp_path: Path) -> None:
    request = download._request("https://us%40er:pass@photos.example:8443/a.zip?x=1")
    assert request.full_url == "https://photos.example:8443/a.zip?x=1"
    assert request.unredirected_hdrs == {"Authorization": "Basic dXNAZXI6cGFzcw=="}
    assert request.headers == {}


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest/meta-data/",
        "http://169.254.170.2/v2/credentials",
        "http://[fd00:ec2::254]/latest/",
        "http://2852039166/",
        "https://0xa9.254.0251.0xfe/",
    ],
)
def test_a_machines_own_credentials_are_never_asked_for(
    tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")  # which would ask for us
    with pytest.raises(DatasetSourceError, match="where a machine gets its own credentials: nothing is ever"):
        download_file(url=url, target=tmp_path / "a.zip")


def test_only_http_is_opened(tmp_path: Path) -> None:
    with pytest.raises(DatasetSourceError, match="unknown url type: file"):
        download_file(url="file:///etc/passwd", target=tmp_path / "a.zip")


def test_the_public_address_has_no_credentials() -> None:
    assert public_address(URL + "#part") == "http://photos.example/dogs.zip"
