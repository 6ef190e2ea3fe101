"""Reach S3 by two clients: boto3 asks, lists and copies; obstore moves the bytes.

obstore (Rust's object_store) sends and fetches many objects at once several times as fast as boto3, but it
copies within one bucket only and tells nothing of an object's checksum. Both use the same credentials and
endpoint, and both fail with botocore's ClientError, so that nobody above has to know which one it was. A
single large download stays boto3's: it fetches ranges in parallel, and each is tried again alone.

obstore has threads of its own: a process that has used it must not fork children that use it too. Airflow
runs each task in a process that has not.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

import botocore.session
import obstore
from botocore.exceptions import ClientError
from obstore.auth.boto3 import Boto3CredentialProvider
from obstore.exceptions import BaseError
from obstore.store import S3Store

if TYPE_CHECKING:
    from obstore.store import ClientConfig

CREDENTIALS_TTL = timedelta(minutes=5)
"""How long obstore keeps what the session gave; botocore renews that 15 to 10 minutes before its end."""

REQUEST_TIMEOUT = timedelta(minutes=15)
"""For one object, body included: a shard of 64 MiB at 0.6 Mbit/s."""
RETRY_TIMEOUT = timedelta(minutes=2)
MAX_RETRIES = 5

ERROR_CODE = re.compile(r"<Code>(\w+)</Code>")
ERROR_MESSAGE = re.compile(r"<Message>(.+?)</Message>")
STATUS_CODE = re.compile(r"status code: (\d{3})")
OTHER_REGION = "Received redirect without LOCATION"
"""object_store's words for S3's answer 301."""


@dataclass(frozen=True, kw_only=True)
class S3Connection:
    """A boto3 client and the session that made it; threads share both.

    `verify` is the client's own: False, or the path of a file with certificates, or None for botocore's rule.
    """

    client: Any
    session: Any
    verify: bool | str | None = None
    _stores: dict[str, S3Store] = field(default_factory=dict, init=False, repr=False, compare=False)
    _lock: Lock = field(default_factory=Lock, init=False, repr=False, compare=False)

    def put(self, bucket: str, key: str, *, body: bytes, content_type: str, metadata: dict[str, str]) -> None:
        """Store an object in one request; S3 checks the bytes against a SHA-256 and keeps it.

        Raises botocore's ClientError for S3's refusals, ConnectionError where S3 could not be reached.
        """
        store = self._store(bucket)
        attributes = {"Content-Type": content_type, **metadata}
        with _as_client_error("PutObject", key=key):
            obstore.put(store, key, body, attributes=attributes, use_multipart=False)

    def get(self, bucket: str, key: str) -> bytes:
        """Return an object's bytes; errors are those of `put`."""
        return b"".join(self.stream(bucket, key))

    def stream(self, bucket: str, key: str) -> Iterator[bytes]:
        """Give an object's bytes piece by piece; errors are those of `put`."""
        store = self._store(bucket)
        with _as_client_error("GetObject", key=key):
            yield from obstore.get(store, key)

    def download(self, bucket: str, key: str, *, target: Path) -> None:
        """Fetch one large object to disk; raises botocore's ClientError."""
        self.client.download_file(bucket, key, str(target))

    def _store(self, bucket: str) -> S3Store:
        with self._lock:
            if bucket not in self._stores:
                self._stores[bucket] = self._open_store(bucket)
            return self._stores[bucket]

    def _open_store(self, bucket: str) -> S3Store:
        region = self._region(bucket)
        endpoint = self._endpoint(region)
        return S3Store(
            bucket,
            region=region,
            endpoint=endpoint,
            virtual_hosted_style_request=False,
            checksum_algorithm="SHA256",
            credential_provider=Boto3CredentialProvider(self.session, ttl=CREDENTIALS_TTL),
            client_options=self._client_options(endpoint),
            retry_config={"max_retries": MAX_RETRIES, "retry_timeout": RETRY_TIMEOUT},
        )

    def _region(self, bucket: str) -> str:
        """Return a bucket's region, the client's where the bucket does not tell."""
        own: str = self.client.meta.region_name
        try:
            answer = self.client.head_bucket(Bucket=bucket)
        except ClientError:  # missing or closed to us: the transfer itself says so better
            return own
        return answer.get("BucketRegion") or own

    def _endpoint(self, region: str) -> str:
        """Return the client's endpoint; boto3 follows AWS to a bucket's region, obstore must be told."""
        own: str = self.client.meta.endpoint_url
        if region == self.client.meta.region_name or ".amazonaws.com" not in own:
            return own
        other: str = self.session.client("s3", region_name=region).meta.endpoint_url
        return other

    def _client_options(self, endpoint: str) -> "ClientConfig":
        options: ClientConfig = {"timeout": REQUEST_TIMEOUT, "allow_http": endpoint.startswith("http://")}
        verify = self.verify
        if verify is None:
            verify = botocore.session.get_session().get_config_variable("ca_bundle")
        if verify is False:
            options["allow_invalid_certificates"] = True
        elif isinstance(verify, str):
            options["root_certificate"] = Path(verify).read_bytes()
        return options


@contextmanager
def _as_client_error(operation: str, *, key: str) -> Iterator[None]:
    """Raise obstore's errors as boto3 would: ClientError with S3's code, or ConnectionError without one."""
    if key.startswith("/") or key.endswith("/"):  # obstore would drop the slash and take another object
        raise _invalid_key(operation, key)
    try:
        yield
    except ValueError as error:
        raise _invalid_key(operation, key) from error
    except (BaseError, FileNotFoundError) as error:
        text = " ".join(str(error).partition("Debug source:")[0].split())
        code = _error_code(text)
        if code is None:
            raise ConnectionError(text) from error
        raise ClientError({"Error": {"Code": code, "Message": _error_message(text)}}, operation) from error


def _error_code(text: str) -> str | None:
    if OTHER_REGION in text:
        return "PermanentRedirect"
    found = ERROR_CODE.search(text) or STATUS_CODE.search(text)
    return found[1] if found else None


def _error_message(text: str) -> str:
    found = ERROR_MESSAGE.search(text)
    return found[1] if found else text


def _invalid_key(operation: str, key: str) -> ClientError:
    message = f"the key {key!r} has an empty, '.' or '..' part, or control characters"
    return ClientError({"Error": {"Code": "InvalidKey", "Message": message}}, operation)
