"""Presigned URLs: they end, and they hold for the request alone that was signed.

Only keys that this AWS made (users' access keys, sessions of roles) have a secret that is known here. As
there is no account, any other key is accepted, and of its URLs the expiry alone is checked. Time is the
machine's own, even where localaws runs faster: clients sign with it.
https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
"""

import hmac
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.message import Message
from urllib.parse import urlsplit

from botocore.auth import HmacV1QueryAuth, S3SigV4QueryAuth
from botocore.credentials import Credentials

from localaws.iam.callers import find_secret
from localaws.iam.signatures import MAX_EXPIRES_S, TIME_FORMAT, as_signed
from localaws.s3 import wording
from localaws.s3.target import Target

EARLY = timedelta(minutes=15)
"""How far ahead a client's clock may be."""
V4_PARAMETERS = (
    "X-Amz-Algorithm",
    "X-Amz-Credential",
    "X-Amz-Signature",
    "X-Amz-Date",
    "X-Amz-SignedHeaders",
    "X-Amz-Expires",
)
ISO_TIME = "%Y-%m-%dT%H:%M:%SZ"


def is_presigned(query: Mapping[str, str]) -> bool:
    """Tell whether a URL carries a signature."""
    return "X-Amz-Signature" in query or "X-Amz-Algorithm" in query or "Signature" in query


def check_presigned(target: Target, *, now: datetime | None = None) -> None:
    """Raise S3Error for a URL that has ended, or that was changed since it was signed."""
    moment = now or datetime.now(UTC)
    if "Signature" in target.query:
        _check_v2(target, now=moment)
    else:
        _check_v4(target, now=moment)


def _check_v4(target: Target, *, now: datetime) -> None:
    query = target.query
    if any(name not in query for name in V4_PARAMETERS):
        message = f"the {', '.join(V4_PARAMETERS[:-1])}, and {V4_PARAMETERS[-1]} parameters."
        raise wording.query_parameters(f"Query-string authentication version 4 requires {message}")
    try:
        signed_at = datetime.strptime(query["X-Amz-Date"], TIME_FORMAT).replace(tzinfo=UTC)
    except ValueError as error:
        message = "X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\""
        raise wording.query_parameters(message) from error
    _check_times(signed_at, lasts_s=_read_expires(query["X-Amz-Expires"]), now=now)
    credentials = find_secret(target.caller.access_key_id or "")
    if credentials is not None:
        _check_v4_signature(target, credentials)


def _read_expires(text: str) -> int:
    if re.fullmatch(r"-?[0-9]{1,19}", text) is None:
        raise wording.query_parameters("X-Amz-Expires should be a number")
    seconds = int(text)
    if seconds < 0:
        raise wording.query_parameters("X-Amz-Expires must be non-negative")
    if seconds > MAX_EXPIRES_S:
        raise wording.query_parameters(
            "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be "
            f"less than {MAX_EXPIRES_S} seconds"
        )
    return seconds


def _check_times(signed_at: datetime, *, lasts_s: int, now: datetime) -> None:
    if signed_at > now + EARLY:
        raise wording.access_denied(
            "Request is not valid yet",
            **{"X-Amz-Date": signed_at.strftime(TIME_FORMAT), "ServerTime": now.strftime(ISO_TIME)},
        )
    ends_at = signed_at + timedelta(seconds=lasts_s)
    if ends_at < now:
        raise wording.access_denied(
            "Request has expired",
            **{
                "X-Amz-Expires": str(lasts_s),
                "Expires": ends_at.strftime(ISO_TIME),
                "ServerTime": now.strftime(ISO_TIME),
            },
        )


def _check_v4_signature(target: Target, credentials: Credentials) -> None:
    query = target.query
    signed = query["X-Amz-SignedHeaders"].lower().split(";")
    asked = as_signed(target.request, headers=signed, time=query["X-Amz-Date"])
    signer = S3SigV4QueryAuth(credentials, target.caller.service, target.caller.region)
    text = signer.string_to_sign(asked, signer.canonical_request(asked))
    _compare(signer.signature(text, asked), query["X-Amz-Signature"], credentials, text)


def _check_v2(target: Target, *, now: datetime) -> None:
    query, request = target.query, target.request
    expires = query.get("Expires", "")
    if re.fullmatch(r"[0-9]{1,19}", expires) is None:
        raise wording.access_denied(f"Invalid date (should be seconds since epoch): {expires[:50]}")
    if int(expires) < now.timestamp():
        ends_at = datetime.fromtimestamp(min(int(expires), int(now.timestamp())), UTC).strftime(ISO_TIME)
        times = {"Expires": ends_at, "ServerTime": now.strftime(ISO_TIME)}
        raise wording.access_denied("Request has expired", **times)
    credentials = find_secret(target.caller.access_key_id or "")
    if credentials is None:
        return
    headers = Message()
    given = {name.lower(): value for name, value in query.items() if _is_hoisted(name)} | request.headers
    for name, value in given.items():
        if name in ("content-md5", "content-type") or name.startswith("x-amz-"):
            headers[name] = value
    split = urlsplit(f"http://localaws{request.path}?{request.query}")
    auth_path = f"/{target.bucket_name}{request.path}" if target.is_virtual_host else None
    signer = _V2(Credentials(credentials.access_key, credentials.secret_key), expires=expires)
    text = signer.canonical_string(request.method, split, headers, auth_path=auth_path)
    _compare(signer.sign_string(text), query["Signature"], credentials, text)


def _is_hoisted(name: str) -> bool:
    """Tell whether a parameter stands for a header: so version 2 signs those of a PUT."""
    return name.lower() in ("content-md5", "content-type") or name.lower().startswith("x-amz-")


class _V2(HmacV1QueryAuth):  # type: ignore[misc]  # botocore has no types
    """botocore's signer, with the expiry of a URL that somebody else signed in the place of a date."""

    def __init__(self, credentials: Credentials, *, expires: str) -> None:
        super().__init__(credentials)
        self._given = expires

    def _get_date(self) -> str:
        return self._given


def _compare(expected: str, given: str, credentials: Credentials, text: str) -> None:
    if not hmac.compare_digest(expected.encode(), given.encode()):
        raise wording.signature_mismatch(access_key_id=credentials.access_key, string_to_sign=text)
