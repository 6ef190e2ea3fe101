"""Sign a request by AWS's Signature Version 4, with the standard library alone.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
Tests hold it against botocore's own signer.
"""

import hashlib
import hmac
import time
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import parse_qsl, quote, urlsplit

ALGORITHM = "AWS4-HMAC-SHA256"
UNRESERVED = "-_.~"
"""What is not percent-encoded, beside letters and digits."""


class Credentials(NamedTuple):
    """Whose the request is. A `token` comes with what expires."""

    access_key_id: str
    secret_access_key: str
    token: str = ""


class Request(NamedTuple):
    """What is signed: all of these headers, and the body's hash."""

    method: str
    url: str
    """Percent-encoded, as it is sent."""
    headers: Mapping[str, str]
    body: bytes


def sign(
    request: Request, *, credentials: Credentials, region: str, service: str, now: float
) -> dict[str, str]:
    """Return the headers to send: the request's own, in lower case, host, date, token and signature.

    `now` is in seconds since the epoch; AWS takes a signature for five minutes.
    """
    moment = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
    headers = {name.lower(): " ".join(value.split()) for name, value in request.headers.items()}
    headers |= {"host": urlsplit(request.url).netloc, "x-amz-date": moment}
    if credentials.token:
        headers["x-amz-security-token"] = credentials.token
    scope = f"{moment[:8]}/{region}/{service}/aws4_request"
    names = ";".join(sorted(headers))
    canonical = hashlib.sha256(_canonical(request, headers, names).encode()).hexdigest()
    text = "\n".join([ALGORITHM, moment, scope, canonical])
    key = _signing_key(credentials.secret_access_key, moment[:8], region, service)
    signature = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
    credential = f"Credential={credentials.access_key_id}/{scope}"
    headers["authorization"] = f"{ALGORITHM} {credential}, SignedHeaders={names}, Signature={signature}"
    return headers


def _canonical(request: Request, headers: Mapping[str, str], names: str) -> str:
    """Return the request in the one form that both sides sign."""
    parts = urlsplit(request.url)
    lines = [f"{name}:{headers[name]}" for name in names.split(";")]
    body = hashlib.sha256(request.body).hexdigest()
    path = quote(parts.path or "/", safe=f"/{UNRESERVED}")  # encoded once more, as for all but S3
    return "\n".join([request.method, path, _canonical_query(parts.query), *lines, "", names, body])


def _canonical_query(query: str) -> str:
    """Return a query with its parameters encoded, in the order of their names."""
    pairs = [
        (quote(name, safe=UNRESERVED), quote(value, safe=UNRESERVED))
        for name, value in parse_qsl(query, keep_blank_values=True)
    ]
    return "&".join(f"{name}={value}" for name, value in sorted(pairs))


@lru_cache(maxsize=4)
def _signing_key(secret: str, date: str, region: str, service: str) -> bytes:
    """Return the key of one day, region and service."""
    key = f"AWS4{secret}".encode()
    for part in (date, region, service, "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key
