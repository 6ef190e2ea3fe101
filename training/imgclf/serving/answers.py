"""What is sent back for a request, and what the log tells of it."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass

from imgclf.errors import RequestError

logger = logging.getLogger(__name__)


@dataclass(kw_only=True, slots=True)
class Answer:
    """A status, a body, and headers."""

    status: int
    body: bytes
    content_type: bytes = b"application/json"
    retry_after_s: int | None = None
    reason: str | None = None
    """Of a refusal, for the log."""

    @classmethod
    def refusal(cls, status: int, reason: str, *, retry_after_s: int | None = None) -> Answer:
        """Return an answer that says why there is no other."""
        body = json.dumps({"error": reason}).encode()
        return cls(status=status, body=body, retry_after_s=retry_after_s, reason=reason)

    @classmethod
    def of_error(cls, error: Exception) -> Answer:
        """Return the answer to an invocation that failed; what nobody foresaw is logged as an error."""
        if isinstance(error, RequestError):
            error.forget_frames()  # one may hold the error, until Python's collector comes by
            return cls.refusal(error.status, str(error), retry_after_s=error.retry_after_s)
        if isinstance(error, ConnectionError):  # nobody reads this
            return cls(status=499, body=b"", reason="the client went away")
        logger.error("an invocation failed", exc_info=error)
        return cls.refusal(500, "the model failed on this request: see the endpoint's log")

    def headers(self) -> list[tuple[bytes, bytes]]:
        """Return the headers that describe this answer, for ASGI."""
        found = [(b"content-type", self.content_type), (b"content-length", b"%d" % len(self.body))]
        if self.retry_after_s is not None:
            found.append((b"retry-after", b"%d" % self.retry_after_s))
        return found
