"""Links from which a function's code can be downloaded for ten minutes, as GetFunction gives them.

https://docs.aws.amazon.com/lambda/latest/api/API_FunctionCodeLocation.html
"""

import hashlib
import hmac
import secrets
from datetime import datetime
from urllib.parse import parse_qs, quote, urlencode

PATH = "/_localaws/function-code"
VALID_S = 600
"""AWS seconds that a link can be used."""


class CodeLinks:
    """Makes links, and tells which ones it has made."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)

    def make(self, *, base: str, arn: str, digest: str, now: datetime) -> str:
        """Return a link to the code of a version, named by its ARN and the SHA-256 of its code."""
        expires = str(int(now.timestamp()) + VALID_S)
        signed = {
            "digest": digest,
            "X-Amz-Expires": expires,
            "X-Amz-Signature": self._sign(arn, digest, expires),
        }
        return f"{base}{PATH}/{quote(arn, safe='')}?{urlencode(signed)}"

    def _sign(self, arn: str, digest: str, expires: str) -> str:
        text = "\n".join((arn, digest, expires)).encode()
        return hmac.new(self._key, text, hashlib.sha256).hexdigest()

    def refusal(self, *, arn: str, query: str, now: datetime) -> str | None:
        """Say why a link is no good, or return None where it is."""
        sent = {name: values[0] for name, values in parse_qs(query).items()}
        digest, expires = sent.get("digest", ""), sent.get("X-Amz-Expires", "")
        expected = self._sign(arn, digest, expires)
        if not hmac.compare_digest(expected.encode(), sent.get("X-Amz-Signature", "").encode()):
            return "The signature does not fit the link"
        return "Request has expired" if now.timestamp() > int(expires) else None


def digest_of(query: str) -> str:
    """Return the SHA-256 that a link names."""
    return parse_qs(query).get("digest", [""])[0]
