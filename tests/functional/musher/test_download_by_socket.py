"""A zip by URL from a real server on loopback: what fails for good, and what Airflow tries again."""

import threading
import time
import tracemalloc
from collections.abc import Callable, Generator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException

from musher.datasets import download
from musher.datasets.download import download_file
from musher.datasets.sources import open_source
from musher.errors import DatasetSourceError
from musher.operators.base import fail_without_retry

DRIP_S = 0.05
PIECES = 1000


class Pages(BaseHTTPRequestHandler):
    """A page for each way in which a download goes wrong."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        """Stay silent."""

    def do_GET(self) -> None:
        page: Callable[[], None] = getattr(self, self.path.strip("/").partition("?")[0], self.missing)
        self.close_connection = True
        page()

    def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content_Length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def missing(self) -> None:
        self.answer(404, b"no such page")

    def busy(self) -> None:
        self.answer(503)

    def page(self) -> None:
        self.answer(200, b"<html>sign in</html>")

    def loop(self) -> None:
        self.answer(302, Location="/loop?signature=secret")

    def away(self) -> None:
        self.answer(302, Location="file:///etc/passwd")

    def large(self) -> None:
        self.answer(200, b"", Content_Length=str(10**12))

    def endless(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.pour(b"x" * 65536, pause_s=0)

    def drip(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(PIECES))
        self.end_headers()
        self.pour(b"x", pause_s=DRIP_S)

    def metadata(self) -> None:
        self.answer(302, Location="http://169.254.169.254/latest/meta-data/iam/")

    def talkative(self) -> None:
        self.send_response(302)
        self.send_header("Location", "/photos")
        self.end_headers()
        self.pour(b"x" * 65536, pause_s=0)

    def photos(self) -> None:
        self.answer(200, b"photos")

    def slow_headers(self) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\n")
        self.pour(b"X: 1\r\n", pause_s=DRIP_S)

    def chunks(self) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")

    def silence(self) -> None:
        time.sleep(DRIP_S * 20)

    def reset(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "10")
        self.end_headers()
        self.wfile.write(b"abc")

    def pour(self, piece: bytes, *, pause_s: float) -> None:
        try:
            for _ in range(PIECES):
                self.wfile.write(piece)
                time.sleep(pause_s)
        except OSError:
            """The client has gone, as it should."""


@pytest.fixture(scope="module")
def site() -> Generator[str, None, None]:
    """Yield the address of the server."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Pages)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def fetch(site: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Return a function that downloads a page within small limits, as the stage does."""
    monkeypatch.setattr(download, "MAX_DOWNLOAD_BYTES", 10**6)
    monkeypatch.setattr(download, "DEADLINE_S", 0.5)
    monkeypatch.setattr(download, "READ_TIMEOUT_S", 0.4)

    def fetch(page: str) -> None:
        with fail_without_retry():
            download_file(url=f"{site}/{page}?signature=secret", target=tmp_path / "a.zip")

    return fetch


@pytest.mark.parametrize(
    ("page", "reason"),
    [
        ("none", "the server answered 404 Not Found"),
        ("loop", "302 .*infinite loop"),
        ("away", "302 .*not allowed"),
        ("large", "1000000000000 bytes, and 1000000 is the limit"),
        ("endless", "more than 1000000 bytes, the limit"),
    ],
)
def test_what_stays_wrong_fails_the_task_for_good(
    fetch: Callable[[str], None], page: str, reason: str
) -> None:
    with pytest.raises(AirflowFailException, match=rf"/{page} cannot be downloaded: .*{reason}") as caught:
        fetch(page)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("page", "reason"),
    [
        ("busy", "the server answered 503"),
        ("drip", r"only \d+ bytes came in 0 s, the limit"),
        ("slow_headers", "the answer had not ended when the time was up"),
        ("chunks", "IncompleteRead"),
        ("silence", "timed out"),
        ("reset", "the connection ended after 3 of 10 bytes"),
    ],
)
def test_what_may_pass_is_left_to_airflows_retries(
    fetch: Callable[[str], None], page: str, reason: str
) -> None:
    started = time.monotonic()
    with pytest.raises(ConnectionError, match=rf"/{page} cannot be downloaded now: .*{reason}") as caught:
        fetch(page)
    assert "secret" not in str(caught.value)
    assert time.monotonic() - started < 5


def test_a_redirects_own_body_is_not_read(fetch: Callable[[str], None], tmp_path: Path) -> None:
    """All of it once came into memory, within the time of the whole download: 150 MiB took 300 MB."""
    tracemalloc.start()
    try:
        fetch("talkative")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (tmp_path / "a.zip").read_bytes() == b"photos"
    assert peak < 8 * 2**20


def test_a_redirect_to_a_machines_own_credentials_is_refused(fetch: Callable[[str], None]) -> None:
    with pytest.raises(AirflowFailException, match=r"169\.254\.169\.254, where a machine gets its own cred"):
        fetch("metadata")


def test_a_server_that_is_not_there_is_tried_again(tmp_path: Path) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Pages)
    server.server_close()
    with pytest.raises(ConnectionError, match=r"cannot be downloaded now: .*Connection refused"):
        download_file(url=f"http://127.0.0.1:{server.server_address[1]}/a.zip", target=tmp_path / "a.zip")


def test_a_page_that_is_no_zip_fails_for_good(site: str, tmp_path: Path) -> None:
    with (
        pytest.raises(
            DatasetSourceError,
            match=r"/page \(\d+ bytes\) is a web page, not a zip: open the address in a browser",
        ),
        open_source(source=f"{site}/page", s3=None, work_dir=tmp_path),
    ):
        pass
