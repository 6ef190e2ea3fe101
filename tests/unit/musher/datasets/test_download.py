"""A zip by URL is streamed within bounds; every refusal names the address and not its credentials."""

import email.message
import io
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
    director = download._http_opener()
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


def test_the_body_is_written_to_the_file(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    body = b"x" * 1_000_000
    server = Server(body, Content_Length=str(len(body)))
    download_file(url=URL, target=tmp_path / "a.zip", opener=opener(server))
    assert (tmp_path / "a.zip").read_bytes() == body
    assert "downloaded http://photos.example/dogs.zip: 1000000 bytes" in caplog.text
    assert "secret" not in caplog.text


def test_an_error_status_is_named(tmp_path: Path) -> None:
    message = refusal(Server(b"gone", status=404), tmp_path)
    assert message.startswith("http://photos.example/dogs.zip cannot be downloaded: the server answered 404")


def test_an_unreachable_server_is_named(tmp_path: Path) -> None:
    error = urllib.error.URLError(ConnectionRefusedError(111, "Connection refused"))
    assert "Connection refused" in refusal(Server(error=error), tmp_path)


def test_a_silent_server_is_named(tmp_path: Path) -> None:
    assert "timed out" in refusal(Server(error=TimeoutError("timed out")), tmp_path)


def test_a_connection_that_ends_early_is_refused(tmp_path: Path) -> None:
    assert "the connection ended after 3 of 10 bytes" in refusal(
        Server(b"abc", Content_Length="10"), tmp_path
    )


@pytest.mark.parametrize("headers", [{"Content_Length": "11"}, {}])
def test_more_bytes_than_the_limit_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, headers: dict[str, str]
) -> None:
    monkeypatch.setattr(download, "MAX_DOWNLOAD_BYTES", 10)
    assert "10" in refusal(Server(b"x" * 11, **headers), tmp_path)
    assert not (tmp_path / "a.zip").exists() or (tmp_path / "a.zip").stat().st_size <= 11


def test_a_slow_download_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "DEADLINE_S", -1.0)
    assert "only 3 bytes came in" in refusal(Server(b"abc"), tmp_path)


@pytest.mark.parametrize("location", ["file:///etc/passwd", "ftp://photos.example/a.zip"])
def test_a_redirect_to_another_scheme_is_not_followed(tmp_path: Path, location: str) -> None:
    scheme = location.partition(":")[0]
    assert scheme in refusal(Server(status=302, Location=location), tmp_path)


def test_only_http_is_opened(tmp_path: Path) -> None:
    with pytest.raises(DatasetSourceError, match="unknown url type: file"):
        download_file(url="file:///etc/passwd", target=tmp_path / "a.zip")


def test_the_public_address_has_no_credentials() -> None:
    assert public_address(URL + "#part") == "http://photos.example/dogs.zip"
