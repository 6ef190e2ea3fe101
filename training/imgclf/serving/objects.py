"""Read an image from S3 as the server's own role may, where the image brings boto3.

Whoever may invoke the endpoint can ask about every photo that the model's role can read: the role is the
limit (docs/url-fetching.md).
"""

from __future__ import annotations

import functools
import importlib.util
import re
import threading
import time
from typing import Any

from imgclf.errors import ImageError, SourceError, TooLargeError
from imgclf.serving.fetch import CHUNK_BYTES, MAX_DOWNLOAD_BYTES, TIMEOUT_S

URI = re.compile(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])/(.{1,1024})", re.DOTALL)
"""https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html"""
IP_ADDRESS = re.compile(r"[0-9.]+")
CONNECT_S, READ_S, ATTEMPTS = 2, 4, 2
"""Seconds; together within TIMEOUT_S."""

_making = threading.Lock()


def fetch_object(uri: str) -> bytes:
    """Return the object's bytes.

    Raises ImageError for what is no s3:// address, SourceError for an object that cannot be read or a server
    without boto3, TooLargeError for one over MAX_DOWNLOAD_BYTES.
    """
    match = URI.fullmatch(uri)
    if match is None or IP_ADDRESS.fullmatch(match[1]) or len(match[2].encode(errors="replace")) > 1024:
        raise ImageError("the s3_uri is no address of an object: send s3://bucket/key")
    if importlib.util.find_spec("boto3") is None:
        raise SourceError("this server has no boto3 to read S3 with: send a presigned https URL as url")
    from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError

    deadline = time.monotonic() + TIMEOUT_S
    try:
        answer = _client().get_object(Bucket=match[1], Key=match[2])
        if answer["ContentLength"] > MAX_DOWNLOAD_BYTES:
            raise _too_large()
        return _read(answer["Body"], deadline)
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "unknown")
        raise SourceError(f"S3 answered {str(code)[:100]} for the s3_uri: check it and the role") from error
    except (BotoCoreError, HTTPClientError, OSError, ValueError) as error:
        raise SourceError(f"S3 cannot be read from here: {type(error).__name__}") from error


@functools.cache
def _make_client() -> Any:
    import boto3
    from botocore.config import Config

    config = Config(connect_timeout=CONNECT_S, read_timeout=READ_S, retries={"total_max_attempts": ATTEMPTS})
    return boto3.client("s3", config=config)


def _client() -> Any:
    """Return the one client: making one is not safe in threads, using it is."""
    with _making:
        return _make_client()


def _read(stream: Any, deadline: float) -> bytes:
    """Read the body up to the limits; the connection is closed in any case."""
    body = bytearray()
    try:
        while chunk := stream.read(CHUNK_BYTES):
            body += chunk
            if len(body) > MAX_DOWNLOAD_BYTES:
                raise _too_large()
            if time.monotonic() > deadline:
                raise SourceError(f"S3 took more than {TIMEOUT_S:.0f} s: try again")
    finally:
        stream.close()
    return bytes(body)


def _too_large() -> TooLargeError:
    return TooLargeError(f"the object is over {MAX_DOWNLOAD_BYTES // 2**20} MiB: name a smaller one")
