"""Who signed a request: the key must be one of localaws', still hold, and have signed this very request.

Of objects that are uploaded, the hash that was signed is compared with the bytes while they arrive
(`s3/checksums`). Not checked are the signatures of an upload's chunks: the first signature alone is.
https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-authenticating-requests.html
"""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum

from moto.sts.models import AssumedRole

from localaws.faults.asked import Asked
from localaws.iam import signatures
from localaws.iam.callers import Principal, find_secret, find_session, find_user_key
from localaws.iam.signatures import SKEW, Signature, SignatureError, read_signature
from localaws.s3.presigned import check_presigned, is_presigned
from localaws.s3.target import read_query, read_target

S3_SKEW = timedelta(minutes=15)
"""https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html#ErrorCodeList"""
DIGEST_HEADER = "x-amz-content-sha256"
DIGEST_LENGTH = 64
UPLOADS = ("PutObject", "UploadPart")
"""Operations whose bodies are read, and their hashes compared, by S3 itself."""


class Flaw(Enum):
    """What is wrong with who a request says that it is from."""

    UNSIGNED = "there is no signature"
    UNKNOWN_KEY = "localaws did not make the key, or it is inactive"
    WRONG_TOKEN = "the session's token is missing, or another's"  # noqa: S105 - a sentence
    ENDED_SESSION = "the session has ended"
    MISMATCH = "something else was signed"
    WRONG_TIME = "it was signed too long ago, or ahead of time"
    INCOMPLETE = "the signature lacks something"
    OTHER_VERSION = "it is signed by another version of the signature"


class UnauthenticatedError(Exception):
    """A request from nobody that is known; `flaw` is why, and the message says more where AWS does."""

    def __init__(self, flaw: Flaw, message: str = "") -> None:
        super().__init__(message)
        self.flaw = flaw


@dataclass(frozen=True, kw_only=True)
class Identified:
    """Who asks; nobody where there is no principal."""

    principal: Principal | None = None
    session: AssumedRole | None = None

    @property
    def name(self) -> str:
        """What policies are attached to: a user, or the role of a session."""
        return self.principal.condition_arn if self.principal else "anonymous"


ANYBODY = Identified()


def identify(asked: Asked) -> Identified:
    """Return whose key a request was signed with, whatever else was signed."""
    return Identified(principal=asked.principal, session=find_session(asked.caller.access_key_id or ""))


async def authenticate(asked: Asked, *, now: datetime | None = None) -> Identified:
    """Return who signed a request; raises UnauthenticatedError, and S3Error for a URL that holds no more.

    Time is the machine's own, even where localaws runs faster: clients sign with it.
    """
    key_id = asked.caller.access_key_id
    if key_id is None:
        return ANYBODY
    check_key(key_id)
    moment = now or datetime.now(UTC)
    query = read_query(asked.request.query)
    if asked.call.service == "s3" and "authorization" not in asked.request.headers and is_presigned(query):
        token = query.get("X-Amz-Security-Token") or query.get("x-amz-security-token")
        _check_token(key_id, token)
        target = read_target(asked.request, caller=asked.caller, query=query)
        if target is None:
            raise UnauthenticatedError(Flaw.OTHER_VERSION)
        check_presigned(target, now=moment)
        return identify(asked)
    await _check(asked, now=moment)
    return identify(asked)


def check_key(access_key_id: str) -> None:
    """Refuse a key that was never made here, that is inactive, or whose session has ended."""
    if find_secret(access_key_id) is None:
        raise UnauthenticatedError(Flaw.UNKNOWN_KEY)
    if session := find_session(access_key_id):
        if session.expiration.replace(tzinfo=UTC) <= datetime.now(UTC):
            raise UnauthenticatedError(Flaw.ENDED_SESSION)
        return
    key = find_user_key(access_key_id)
    if key is not None and (key.status != "Active" or key.user_name is None):
        raise UnauthenticatedError(Flaw.UNKNOWN_KEY)


async def _check(asked: Asked, *, now: datetime) -> None:
    """Hold the signature in a request's header, or in its URL, against the request."""
    try:
        signature = read_signature(asked.request)
    except SignatureError as error:
        raise UnauthenticatedError(Flaw.INCOMPLETE, str(error)) from error
    if signature is None:
        raise UnauthenticatedError(Flaw.OTHER_VERSION)
    try:
        skew = S3_SKEW if signature.service == "s3" else SKEW
        signatures.check_time(signature, now=now, skew=skew)
    except SignatureError as error:
        raise UnauthenticatedError(Flaw.WRONG_TIME, str(error)) from error
    secret = _check_token(signature.access_key_id, signature.token)
    digest = await _find_digest(asked, signature)
    try:
        signatures.check_value(signature, asked.request, digest=digest, secret=secret)
    except SignatureError as error:
        raise UnauthenticatedError(Flaw.MISMATCH, str(error)) from error


def _check_token(access_key_id: str, token: str | None) -> str:
    """Return the secret of a key, if the token of its session has come with it."""
    credentials = find_secret(access_key_id)
    if credentials is None:
        raise UnauthenticatedError(Flaw.UNKNOWN_KEY)
    if not signatures.is_token(token, credentials):
        raise UnauthenticatedError(Flaw.WRONG_TOKEN)
    return str(credentials.secret_key)


async def _find_digest(asked: Asked, signature: Signature) -> str:
    """Return what stands for the body in what was signed; raises where it is another body's hash."""
    request = asked.request
    if signature.service != "s3":
        return hashlib.sha256(await asked.read_body()).hexdigest()
    signed = request.headers.get(DIGEST_HEADER)
    if signed is None:
        message = f"Missing required header for this request: {DIGEST_HEADER}"
        raise UnauthenticatedError(Flaw.INCOMPLETE, message)
    is_hash = len(signed) == DIGEST_LENGTH
    if is_hash and asked.call.action not in UPLOADS:
        body = await asked.read_body()
        if hashlib.sha256(body).hexdigest() != signed.lower():
            raise UnauthenticatedError(Flaw.MISMATCH, signatures.MISMATCH)
    return signed
