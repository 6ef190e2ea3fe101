"""The text that Signature Version 4 signs, and its signature. Pure.

botocore's signer works on a request of its own and takes several times as long, which every call would have
to wait for; the tests compare both.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

import hashlib
import hmac
from collections.abc import Iterable, Mapping
from functools import lru_cache
from urllib.parse import quote, unquote_to_bytes

from botocore.utils import normalize_url_path

PATH_SAFE, QUERY_SAFE = "/~", "-_.~"
SIGNATURE = "X-Amz-Signature"


def canonical_request(
    *,
    method: str,
    path: str,
    query: str,
    headers: Mapping[str, str],
    signed_headers: Iterable[str],
    digest: str,
    is_s3: bool,
) -> str:
    """Return the canonical request; `path` and `query` are as they came, `digest` is the body's SHA-256.

    S3 signs the path as it is, every other service signs it encoded once more.
    """
    names = list(signed_headers)
    lines = "".join(f"{name}:{' '.join(headers.get(name, '').split())}\n" for name in names)
    place = _encode_once(path) if is_s3 else _encode_again(path)
    return f"{method}\n{place}\n{canonical_query(query)}\n{lines}\n{';'.join(names)}\n{digest}"


def _encode_once(path: str) -> str:
    return quote(unquote_to_bytes(path), safe=PATH_SAFE)


def _encode_again(path: str) -> str:
    return path if path == "/" else quote(normalize_url_path(path), safe=PATH_SAFE)


def canonical_query(query: str) -> str:
    """Return the parameters in order, each encoded once, without the signature of a presigned URL."""
    if not query:
        return ""
    pairs = [part.partition("=")[::2] for part in query.split("&") if part]
    encoded = sorted((_encode(name), _encode(value)) for name, value in pairs if name != SIGNATURE)
    return "&".join(f"{name}={value}" for name, value in encoded)


def _encode(text: str) -> str:
    return quote(unquote_to_bytes(text), safe=QUERY_SAFE)


def sign(canonical: str, *, secret: str, time: str, region: str, service: str) -> str:
    """Return the signature of a canonical request, signed at `time` (20261129T150000Z)."""
    day = time[:8]
    scope = f"{day}/{region}/{service}/aws4_request"
    hashed = hashlib.sha256(canonical.encode()).hexdigest()
    text = f"AWS4-HMAC-SHA256\n{time}\n{scope}\n{hashed}"
    return _hmac(signing_key(secret, day, region, service), text).hex()


@lru_cache(maxsize=1024)
def signing_key(secret: str, day: str, region: str, service: str) -> bytes:
    """Return the key that a secret is for one day, region and service."""
    key = f"AWS4{secret}".encode()
    for part in (day, region, service, "aws4_request"):
        key = _hmac(key, part)
    return key


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode(), hashlib.sha256)
