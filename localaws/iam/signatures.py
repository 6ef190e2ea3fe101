"""Signature Version 4 of requests that localaws answers by itself, checked as AWS checks it.

Of a key that localaws did not make the secret is not known: what its signature says of itself (service,
region, time) is checked, and the rest taken on trust. Time is the machine's own, even where localaws runs
faster: clients sign with it.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from urllib.parse import parse_qsl

from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from localaws.asgi import Request
from localaws.iam.callers import find_secret
from localaws.iam.canonical import canonical_request, sign

TIME_FORMAT = "%Y%m%dT%H%M%SZ"
SKEW = timedelta(minutes=5)
"""How far a client's clock may be from ours."""
MAX_EXPIRES_S = 604_800
"""Seconds that a presigned URL lasts at most."""
ALGORITHM = "AWS4-HMAC-SHA256"
PARTS = ("Credential", "SignedHeaders", "Signature")
SCOPE = re.compile(r"([^/]+)/(\d{8})/([^/]+)/([^/]+)/aws4_request")
INVALID, INCOMPLETE, UNKNOWN = (
    "InvalidSignatureException",
    "IncompleteSignatureException",
    "UnrecognizedClientException",
)
MISMATCH = (
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret "
    "Access Key and signing method. Consult the service documentation for details."
)
BAD_TOKEN = "The security token included in the request is invalid."  # noqa: S105 - a sentence


class SignatureError(Exception):
    """A signature that AWS refuses with 403; `code` is the error's."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, kw_only=True)
class Signature:
    """What a signed request says of itself; `expires_s` is None unless it is presigned."""

    access_key_id: str
    day: str
    region: str
    service: str
    signed_headers: tuple[str, ...]
    value: str
    time: str
    token: str | None
    expires_s: int | None = None


def read_signature(request: Request) -> Signature | None:
    """Return the signature of a request, in its header or its query; None where there is none.

    Raises SignatureError where it is not whole.
    """
    query = dict(parse_qsl(request.query, keep_blank_values=True))
    authorization = request.headers.get("authorization", "")
    if authorization.startswith(ALGORITHM):
        pairs = (part.strip().partition("=") for part in authorization[len(ALGORITHM) :].split(","))
        parts = {name: value for name, _, value in pairs}
        time, token = request.headers.get("x-amz-date", ""), request.headers.get("x-amz-security-token")
        return _make(parts, time=time, token=token, where="Authorization header")
    if query.get("X-Amz-Algorithm") == ALGORITHM:
        parts = {name: query.get(f"X-Amz-{name}", "") for name in PARTS}
        expires = query.get("X-Amz-Expires", "300")
        return _make(
            parts,
            time=query.get("X-Amz-Date", ""),
            token=query.get("X-Amz-Security-Token"),
            where="Query string",
            expires_s=_read_expires(expires),
        )
    return None


def _read_expires(text: str) -> int:
    if re.fullmatch("[0-9]{1,9}", text) is None or not 0 < int(text) <= MAX_EXPIRES_S:
        raise SignatureError(INCOMPLETE, f"X-Amz-Expires must be between 1 and {MAX_EXPIRES_S} seconds")
    return int(text)


def _make(
    parts: Mapping[str, str], *, time: str, token: str | None, where: str, expires_s: int | None = None
) -> Signature:
    missing = [f"{where} requires '{name}' parameter." for name in PARTS if not parts.get(name)]
    if not time:
        missing.append(f"{where} requires existence of either a 'X-Amz-Date' or a 'Date' header.")
    if missing:
        raise SignatureError(INCOMPLETE, " ".join(missing))
    scope = SCOPE.fullmatch(parts["Credential"])
    if scope is None:
        raise SignatureError(
            INCOMPLETE, f"Credential must have exactly 5 slash-delimited elements in {where}"
        )
    return Signature(
        access_key_id=scope[1],
        day=scope[2],
        region=scope[3],
        service=scope[4],
        signed_headers=tuple(parts["SignedHeaders"].lower().split(";")),
        value=parts["Signature"],
        time=time,
        token=token,
        expires_s=expires_s,
    )


def check_signature(
    signature: Signature, request: Request, body: bytes, *, service: str, region: str, now: datetime
) -> None:
    """Raise SignatureError for a signature of another service, region, time or request."""
    if signature.service != service:
        raise SignatureError(INVALID, f"Credential should be scoped to correct service: '{service}'.")
    if signature.region != region:
        raise SignatureError(INVALID, f"Credential should be scoped to a valid region, not '{region}'. ")
    check_time(signature, now=now)
    credentials = find_secret(signature.access_key_id)
    if credentials is not None:
        check_token(signature, credentials)
        digest = hashlib.sha256(body).hexdigest()
        if request.headers.get("x-amz-content-sha256", digest) != digest:
            raise SignatureError(INVALID, MISMATCH)
        check_value(signature, request, digest=digest, secret=credentials.secret_key)


def check_time(signature: Signature, *, now: datetime, skew: timedelta = SKEW) -> None:
    """Raise SignatureError for a signature of another time, or that leaves out the host."""
    try:
        signed_at = read_time(signature.time)
    except ValueError as error:
        message = f"Date must be in ISO-8601 'basic format'. Got '{signature.time[:50]}'."
        raise SignatureError(INCOMPLETE, message) from error
    if signature.time[:8] != signature.day:
        message = "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: "
        raise SignatureError(
            INVALID, f"{message}'{signature.day}' != '{signature.time[:8]}', from '{signature.time}'."
        )
    lasts = skew if signature.expires_s is None else timedelta(seconds=signature.expires_s)
    shown, minutes = now.strftime(TIME_FORMAT), int(skew.total_seconds() // 60)
    if signed_at + lasts < now:
        bound = f"{(now - lasts).strftime(TIME_FORMAT)} ({shown} - {int(lasts.total_seconds() // 60)} min.)"
        raise SignatureError(INVALID, f"Signature expired: {signature.time} is now earlier than {bound}")
    if signed_at > now + skew:
        bound = f"{(now + skew).strftime(TIME_FORMAT)} ({shown} + {minutes} min.)"
        raise SignatureError(
            INVALID, f"Signature not yet current: {signature.time} is still later than {bound}"
        )
    if "host" not in signature.signed_headers:
        message = "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."
        raise SignatureError(INVALID, message)


@lru_cache(maxsize=256)  # many requests are signed in one second
def read_time(text: str) -> datetime:
    """Return the time of a signature; raises ValueError."""
    return datetime.strptime(text, TIME_FORMAT).replace(tzinfo=UTC)


def check_token(signature: Signature, credentials: Credentials) -> None:
    """Raise SignatureError for the key of a session without the session's token."""
    if not is_token(signature.token, credentials):
        raise SignatureError(UNKNOWN, BAD_TOKEN)


def is_token(given: str | None, credentials: Credentials) -> bool:
    """Tell whether a token is that of a key's session; keys of users have none."""
    return credentials.token is None or _equal(credentials.token, given or "")


def check_value(signature: Signature, request: Request, *, digest: str, secret: str) -> None:
    """Raise SignatureError for a request that is not the one that was signed; `digest` is its body's."""
    if not _equal(compute(signature, request, digest=digest, secret=secret), signature.value):
        raise SignatureError(INVALID, MISMATCH)


def _equal(expected: str, given: str) -> bool:
    return hmac.compare_digest(expected.encode(), given.encode())


def as_signed(request: Request, *, headers: Iterable[str], time: str) -> AWSRequest:
    """Return a request as its client signed it: these headers, at this time, without the signature."""
    query = "&".join(part for part in request.query.split("&") if not part.startswith("X-Amz-Signature="))
    asked = AWSRequest(
        method=request.method,
        url=f"http://{request.headers.get('host', '')}{request.path}?{query}",
        headers={name: request.headers.get(name, "") for name in headers},
    )
    asked.context["timestamp"] = time
    return asked


def compute(signature: Signature, request: Request, *, digest: str, secret: str) -> str:
    """Return the signature that a request must have; `digest` stands for its body."""
    canonical = canonical_request(
        method=request.method,
        path=request.path,
        query=request.query,
        headers=request.headers,
        signed_headers=signature.signed_headers,
        digest=digest,
        is_s3=signature.service == "s3",
    )
    scope = {"region": signature.region, "service": signature.service}
    return sign(canonical, secret=secret, time=signature.time, **scope)
