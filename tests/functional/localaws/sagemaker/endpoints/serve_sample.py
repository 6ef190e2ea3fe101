"""The server inside the tests' model archives: it tells what it sees, and fails when asked to."""

import json
import os
import signal
import sys
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


def identity() -> dict[str, Any]:
    """Return the credentials document that the container may fetch, less its secrets."""
    request = urllib.request.Request(
        os.environ["AWS_CONTAINER_CREDENTIALS_FULL_URI"],
        headers={"Authorization": os.environ["AWS_CONTAINER_AUTHORIZATION_TOKEN"]},
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        return {"role_arn": json.load(answer)["RoleArn"], "environment": sorted(os.environ)}


class Handler(BaseHTTPRequestHandler):
    """Answer /ping and /invocations, the latter with the status in ANSWER_STATUS where there is one."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        """Answer /ping with the status in PING_STATUS."""
        self.answer(int(os.environ.get("PING_STATUS", "200")), b"")

    def do_POST(self) -> None:
        """Answer what was asked for: `status N`, `sleep N`, `die`, `identity`, or a description."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        word, _, rest = body[:40].decode(errors="replace").partition(" ")
        if status := os.environ.get("ANSWER_STATUS"):
            self.answer(int(status), b"{}")
        elif word == "status":
            self.answer(int(rest), json.dumps({"error": f"as asked: {rest}"}).encode())
        elif word == "die":
            os._exit(3)
        else:
            if word == "sleep":
                time.sleep(float(rest))
            seen = identity() if word == "identity" else self.describe(body)
            self.answer(200, json.dumps(seen).encode())

    def describe(self, body: bytes) -> dict[str, Any]:
        """Return what this process sees of the request and of its container."""
        return {
            "body_bytes": len(body),
            "content_type": self.headers.get("Content-Type"),
            "accept": self.headers.get("Accept"),
            "attributes": self.headers.get("X-Amzn-SageMaker-Custom-Attributes"),
            "greeting": os.environ.get("GREETING", ""),
            "model_dir": os.environ["SM_MODEL_DIR"],
            "base_dir": os.environ["SAGEMAKER_BASE_DIR"],
            "cwd": os.getcwd(),  # noqa: PTH109 - a plain string for JSON
            "python": sys.executable,
            "port": self.server.server_address[1],
        }

    def answer(self, status: int, body: bytes) -> None:
        """Send an answer, with the custom attributes echoed."""
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        if attributes := self.headers.get("X-Amzn-SageMaker-Custom-Attributes"):
            self.send_header("X-Amzn-SageMaker-Custom-Attributes", f"echo {attributes}")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing for each request."""


def main() -> None:
    """Serve until SIGTERM."""
    if message := os.environ.get("START_EXIT"):
        sys.exit(message)
    if os.environ.get("IGNORE_SIGTERM"):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    time.sleep(float(os.environ.get("START_S", "0")))
    port = int(os.environ["SAGEMAKER_BIND_TO_PORT"])
    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    print(f"serving on port {port}")  # noqa: T201 - read by a test
    server.serve_forever()


if __name__ == "__main__":
    main()
