"""A proxy on loopback that passes S3 requests on unchanged and keeps their methods and headers."""

import contextlib
import http.client
import threading
from collections.abc import Generator
from dataclasses import dataclass
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TIMEOUT_S = 120.0
READING = frozenset({"GET", "HEAD"})
OWN_HEADERS = frozenset({"content-length", "transfer-encoding", "connection"})


@dataclass(frozen=True)
class Request:
    """What a client asked for."""

    method: str
    path: str
    headers: Message


def count_writes(requests: list[Request]) -> int:
    """Return how many requests were neither GET nor HEAD."""
    return sum(request.method not in READING for request in requests)


@contextlib.contextmanager
def recording_proxy(url: str) -> Generator[tuple[str, list[Request]], None, None]:
    """Give the address of a proxy before `url`, and the list of requests that it passes on until the end.

    The Host header stays the client's, for the signature covers it.
    """
    requests: list[Request] = []
    closed = threading.Event()

    class Forward(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: Any) -> None:
            """Stay silent."""

        def forward(self) -> None:
            self.close_connection = closed.is_set()
            if self.close_connection:
                return
            requests.append(Request(self.command, self.path, self.headers))
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            upstream = http.client.HTTPConnection(url.removeprefix("http://"), timeout=TIMEOUT_S)
            with contextlib.closing(upstream):
                upstream.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
                for name, value in self.headers.items():
                    if name.lower() != "expect":
                        upstream.putheader(name, value)
                upstream.endheaders(body)
                self.give_back(upstream.getresponse())

        do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = forward  # noqa: N815 - as the base class calls them

        def give_back(self, answer: http.client.HTTPResponse) -> None:
            body = answer.read()
            length = answer.getheader("Content-Length", "0") if self.command == "HEAD" else str(len(body))
            self.send_response_only(answer.status, answer.reason)
            for name, value in answer.getheaders():
                if name.lower() not in OWN_HEADERS:
                    self.send_header(name, value)
            self.send_header("Content-Length", length)
            self.end_headers()
            self.wfile.write(body)

    proxy = ThreadingHTTPServer(("127.0.0.1", 0), Forward)
    proxy.daemon_threads = True
    thread = threading.Thread(target=proxy.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{proxy.server_address[1]}", requests
    finally:
        closed.set()
        proxy.shutdown()
        thread.join()
        proxy.server_close()
