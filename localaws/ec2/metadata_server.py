"""Serve the metadata of one instance on a loopback port of its own.

The kernel gives no second 169.254.169.254 without a network namespace, in which localaws itself would be out
of reach: instances find their address in AWS_EC2_METADATA_SERVICE_ENDPOINT, which every SDK of AWS knows.
https://docs.aws.amazon.com/sdkref/latest/guide/feature-imds-credentials.html
"""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from localaws.ec2.metadata import Metadata, refuse
from localaws.origins import is_of_page

IDLE_S = 10
"""Real seconds that a connection may say nothing."""


class MetadataServer:
    """`start` it once, `close` it once."""

    def __init__(self, metadata: Metadata) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _make_handler(metadata), bind_and_activate=True)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, name="imds", daemon=True)

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
            found = refuse(403) if is_of_page(headers) else metadata.answer(self.command, self.path, headers)
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

        do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = answer  # noqa: N815 - http.server's names

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing of single requests."""

    return Handler
