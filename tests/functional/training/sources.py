"""A web server with images, good and bad, for a server that is asked about URLs."""

from __future__ import annotations

import contextlib
import io
import time
from http.server import BaseHTTPRequestHandler

import numpy as np
from PIL import Image

SLOW_S = 4.0
"""What the path /slow takes to answer; /half takes half of that."""


def photo(seed: int = 0, kind: str = "JPEG", side: int = 60) -> bytes:
    """Return a generated image file."""
    pixels = np.random.default_rng(seed).integers(0, 256, (side, side, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind)
    return buffer.getvalue()


class Source(BaseHTTPRequestHandler):
    """Serve an image, late where the path says so, redirects, an endless body and an error."""

    REDIRECTS = {"/loop": "/loop", "/away": "http://169.254.169.254/latest/meta-data/"}  # noqa: RUF012
    DELAYS_S = {"/slow": SLOW_S, "/half": SLOW_S / 2}  # noqa: RUF012

    def do_GET(self) -> None:
        """Answer by path."""
        if self.path in self.REDIRECTS:
            self._answer(302, {"Location": self.REDIRECTS[self.path], "Content-Length": "0"})
        elif self.path == "/huge":
            self._answer(200, {"Content-Length": str(10**9)})
        elif self.path.startswith("/cat.jpg?X-Amz-Signature="):
            self._answer(200, {}, photo(1))
        elif self.path in self.DELAYS_S:
            time.sleep(self.DELAYS_S[self.path])
            with contextlib.suppress(ConnectionError):
                self._answer(200, {}, photo())
        else:
            self.send_error(404)

    def _answer(self, status: int, headers: dict[str, str], body: bytes = b"") -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Keep quiet."""
