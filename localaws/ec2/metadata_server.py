"""Serve the metadata of one instance on a loopback port of its own.

The kernel gives no second 169.254.169.254 without a network namespace, in which localaws itself would be out
of reach: instances find their address in AWS_EC2_METADATA_SERVICE_ENDPOINT, which every SDK of AWS knows.
https://docs.aws.amazon.com/sdkref/latest/guide/feature-imds-credentials.html
"""

import logging
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from localaws.ec2.metadata import Answer, Metadata, refuse
from localaws.origins import is_of_page

logger = logging.getLogger(__name__)

IDLE_S = 10
"""Real seconds that a connection may say nothing."""
LOOK_S = 0.05
"""Real seconds in which the server's end is noticed."""
MAX_CONNECTIONS = 64
"""Connections at a time, each of which has a thread; more are closed at once."""


class BoundedServer(ThreadingHTTPServer):
    """A server with a thread for each connection, of which there are so many at most."""

    daemon_threads = True

    def __init__(self, handler: type[BaseHTTPRequestHandler]) -> None:
        self._free = threading.BoundedSemaphore(MAX_CONNECTIONS)
        super().__init__(("127.0.0.1", 0), handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Start a thread, or close the connection."""
        if self._free.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Answer what a connection asks for."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Note what goes wrong with a connection; most often its client is gone."""
        logger.debug("a connection to an instance's metadata failed", exc_info=True)


class MetadataServer:
    """`start` it once, `close` it once."""

    def __init__(self, metadata: Metadata) -> None:
        self._server = BoundedServer(_make_handler(metadata))
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(LOOK_S,), name="imds", daemon=True
        )

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/"

    def start(self) -> None:
        """Answer from now on."""
        self._thread.start()

    def close(self) -> None:
        """Answer no more."""
        self._server.shutdown()
        self._server.server_close()


def _make_handler(metadata: Metadata) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        """One connection."""

        protocol_version = "HTTP/1.1"
        server_version, sys_version = "EC2ws", ""
        timeout = IDLE_S

        def answer(self) -> None:
            """Answer one request; what a web page in a browser sends is not the instance's."""
            headers = {name.lower(): value for name, value in self.headers.items()}
            found = self.find(headers)
            self.close_connection = (
                headers.get("content-length", "0") != "0" or "transfer-encoding" in headers
            )
            self.send_response(found.status)
            for name, value in found.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(found.body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(found.body)

        def find(self, headers: Mapping[str, str]) -> Answer:
            """Return the answer; the names of headers are lower case."""
            if is_of_page(headers):
                return refuse(403)
            try:
                return metadata.answer(self.command, self.path, headers)
            except Exception:  # the thread's boundary: a defect of ours must be answered
                logger.exception("%s %s of an instance's metadata failed", self.command, self.path)
                return refuse(500)

        do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = answer  # noqa: N815 - http.server's names

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing of single requests."""

    return Handler
