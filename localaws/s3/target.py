"""Read which object a request is about."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qsl, unquote

from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.iam.models import iam_backends
from moto.s3.models import FakeBucket, s3_backends
from moto.s3.responses import S3Response
from moto.s3.utils import bucket_name_from_url

from localaws.asgi import Request
from localaws.iam.uses import CREDENTIAL, note_use
from localaws.s3 import wording
from localaws.s3.backend import LocalS3Backend

V2_HEADER = re.compile(r"AWS ([^:]+):")
CONTROL_PATH, CONTROL_HOST, ACCESS_POINT = "/v20180820/", "s3-control", ".s3-accesspoint."
MAX_KEY_BYTES = 1024


@dataclass(frozen=True, kw_only=True)
class Caller:
    """Who signed a request; nobody where `access_key_id` is None."""

    access_key_id: str | None
    service: str
    region: str


@dataclass(frozen=True, kw_only=True)
class Target:
    """A request for one object (or, for presigned URLs, for a bucket: the key is empty)."""

    request: Request
    caller: Caller
    bucket_name: str
    key: str
    query: Mapping[str, str]
    is_virtual_host: bool

    def find_bucket(self) -> FakeBucket | None:
        """Return the bucket; None for one that is no general purpose bucket. Raises S3Error where none is."""
        owner = s3_backends.bucket_accounts.get(self.bucket_name)
        if owner is None:
            raise wording.no_such_bucket(self.bucket_name)
        partition, account_id = owner
        return backend_of(account_id, partition).buckets.get(self.bucket_name)

    def backend_for(self, bucket: FakeBucket) -> LocalS3Backend:
        """Return the backend of the caller's account, which notes that its key was used."""
        key_id = self.caller.access_key_id
        for account_id, account in list(iam_backends.items()):
            if any(key_id in backend.access_keys for backend in list(account.values())):
                note_use(account_id, str(key_id), "s3", self.caller.region)
                return backend_of(account_id, bucket.partition)
        return backend_of(DEFAULT_ACCOUNT_ID, bucket.partition)


def backend_of(account_id: str, partition: str) -> LocalS3Backend:
    """Return an account's backend; what is there already is found without moto's lock."""
    account = s3_backends.get(account_id) or s3_backends[account_id]
    backend: Any = account.get(partition) or account[partition]
    return backend  # type: ignore[no-any-return]


def read_caller(headers: Mapping[str, str], query: Mapping[str, str]) -> Caller | None:
    """Return who signed a request; None where nobody did."""
    authorization = headers.get("authorization")
    if authorization:
        if scope := CREDENTIAL.search(authorization):
            return Caller(access_key_id=scope[1], region=scope[2], service=scope[3].lower())
        found = V2_HEADER.match(authorization)
        return Caller(access_key_id=found[1], region="us-east-1", service="s3") if found else None
    if scope := CREDENTIAL.fullmatch(f"Credential={query.get('X-Amz-Credential', '')}"):
        return Caller(access_key_id=scope[1], region=scope[2], service=scope[3].lower())
    if "AWSAccessKeyId" in query and "Signature" in query:
        return Caller(access_key_id=query["AWSAccessKeyId"], region="us-east-1", service="s3")
    return None


def read_query(query: str) -> dict[str, str]:
    """Return the parameters of a URL; of those that are repeated, the first."""
    if not query:
        return {}
    pairs = parse_qsl(query.replace("+", "%2B"), keep_blank_values=True)
    return dict(reversed(pairs))


def read_target(request: Request, *, caller: Caller, query: Mapping[str, str]) -> Target | None:
    """Return what an S3 request is about; None where moto's other services share the address."""
    host = request.headers.get("host", "")
    if request.path.startswith(CONTROL_PATH) or CONTROL_HOST in host or ACCESS_POINT in host:
        return None
    bucket = bucket_of_host(host)
    path = request.path[1:]
    if bucket is None:
        bucket, _, path = path.partition("/")
    try:
        bucket, key = unquote(bucket, errors="strict"), unquote(path, errors="strict")
    except UnicodeDecodeError as error:
        raise wording.invalid_uri() from error
    if len(key.encode()) > MAX_KEY_BYTES:
        raise wording.key_too_long(size=len(key.encode()), most=MAX_KEY_BYTES)
    return Target(
        request=request,
        caller=caller,
        bucket_name=bucket,
        key=key,
        query=query,
        is_virtual_host=bucket_of_host(host) is not None,
    )


@lru_cache(maxsize=1024)
def bucket_of_host(host: str) -> str | None:
    """Return the bucket that a host names, as moto reads it; None where the path names it."""
    if not S3Response.subdomain_based_buckets(SimpleNamespace(headers={"host": host})):
        return None
    return bucket_name_from_url(f"http://{host}/")
