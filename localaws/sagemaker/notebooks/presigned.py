"""The URL by which a browser gets into a notebook instance.

It holds a signed text and no token of the server. `children/notebook_server.py` checks it, gives the browser
a session cookie, which is signed likewise, and leads it to an address without either.
"""

import base64
import hashlib
import hmac
import json
import secrets
from dataclasses import dataclass, field
from urllib.parse import quote

PORT = 8888
"""Where browsers get in, on the instance's own loopback address."""
URL_S, SESSION_S = 300, 43_200
"""AWS seconds for which a URL is good, and a session where a request names no number
(API_CreatePresignedNotebookInstanceUrl)."""


@dataclass(frozen=True, kw_only=True)
class Door:
    """Where one instance that is on is entered, and what signs for it."""

    address: str
    key: str = field(default_factory=lambda: secrets.token_hex(32))

    def url(self, *, until_s: float, session_s: float) -> str:
        """Return a URL that is good until a moment of this machine's clock; `session_s` is the session's."""
        facts = {"until": until_s, "session": session_s, "nonce": secrets.token_hex(8)}
        text = base64.urlsafe_b64encode(json.dumps(facts).encode()).decode()
        return f"http://{self.address}:{PORT}/session?authToken={quote(f'{text}.{sign(self.key, text)}')}"


def sign(key: str, text: str) -> str:
    """Return the signature of a text; `children/notebook_server.py` makes the same."""
    return hmac.new(key.encode(), f"url:{text}".encode(), hashlib.sha256).hexdigest()
