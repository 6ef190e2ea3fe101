"""Put small objects into the project's bucket, and get them back."""

import logging
from collections.abc import Iterator
from typing import Any

from airflow.providers.amazon.aws.hooks.s3 import S3Hook

from musher import names
from musher.settings import Settings

logger = logging.getLogger(__name__)

URL_EXPIRES_S = 900


def upload_once(hook: S3Hook, settings: Settings, *, key: str, data: bytes) -> str:
    """Upload `data` unless the key, which holds their hash, is there already; return the s3:// address."""
    bucket = names.bucket(settings)
    if hook.check_for_key(key, bucket):
        logger.info("s3://%s/%s is there already", bucket, key)
    else:
        hook.get_conn().put_object(Bucket=bucket, Key=key, Body=data)
        logger.info("s3://%s/%s uploaded, %d bytes", bucket, key, len(data))
    return names.s3_uri(settings, key=key)


def upload(hook: S3Hook, settings: Settings, *, key: str, data: bytes, content_type: str) -> str:
    """Upload `data` with a content type that browsers know; return the s3:// address."""
    bucket = names.bucket(settings)
    hook.get_conn().put_object(Bucket=bucket, Key=key, Body=data, ContentType=content_type)
    logger.info("s3://%s/%s uploaded, %d bytes", bucket, key, len(data))
    return names.s3_uri(settings, key=key)


def has_object(hook: S3Hook, *, uri: str) -> bool:
    """Return whether there is an object at an s3:// address."""
    bucket, key = names.split_s3_uri(uri)
    return bool(hook.check_for_key(key, bucket))


def has_objects(s3: Any, *, uri: str) -> bool:
    """Return whether a client of S3 finds any object whose address begins so."""
    bucket, prefix = names.split_s3_uri(uri)
    return bool(s3.list_objects_v2(Bucket=bucket, Prefix=prefix, MaxKeys=1).get("KeyCount"))


def count_bytes(s3: Any, *, uri: str) -> int:
    """Return how many bytes all objects have whose address begins so."""
    bucket, prefix = names.split_s3_uri(uri)
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    return sum(int(found["Size"]) for page in pages for found in page.get("Contents", []))


def list_keys(s3: Any, *, uri: str) -> Iterator[str]:
    """Give the keys of all objects whose address begins so, folders' own objects excepted."""
    bucket, prefix = names.split_s3_uri(uri)
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        yield from (found["Key"] for found in page.get("Contents", []) if not found["Key"].endswith("/"))


def download(hook: S3Hook, *, uri: str) -> bytes:
    """Return the bytes of the object at an s3:// address."""
    bucket, key = names.split_s3_uri(uri)
    data: bytes = hook.get_conn().get_object(Bucket=bucket, Key=key)["Body"].read()
    return data


def sign_url(hook: S3Hook, *, bucket: str, key: str, expires_s: int = URL_EXPIRES_S) -> str:
    """Return an address from which anyone can read an object for `expires_s`."""
    url: str = hook.get_conn().generate_presigned_url(
        "get_object", Params={"Bucket": bucket, "Key": key}, ExpiresIn=expires_s
    )
    return url
