"""Look at pre-trained weights in S3 before anything is paid for."""

import struct
from dataclasses import dataclass

from airflow.providers.amazon.aws.hooks.s3 import S3Hook
from botocore.exceptions import ClientError

from musher import names
from musher.errors import PayloadError

LENGTH_BYTES = 8
"""A safetensors file begins with its header's length: https://github.com/huggingface/safetensors#format"""

MAX_HEADER_BYTES = 100_000_000
REMEDY = "Convert the weights with training/convert_weights.py and upload the result to the project's bucket."


@dataclass(frozen=True, kw_only=True)
class Weights:
    """An object that holds weights; `version` changes with its content."""

    uri: str
    version: str


def find_weights(hook: S3Hook, *, uri: str) -> Weights:
    """Return the weights at an s3:// address; PayloadError where there is no safetensors file."""
    bucket, key = names.split_s3_uri(uri)
    try:
        answer = hook.get_conn().get_object(Bucket=bucket, Key=key, Range=f"bytes=0-{LENGTH_BYTES}")
    except ClientError as error:
        raise PayloadError(
            f"weights_uri is {uri}, which cannot be read: {error.response['Error']['Code']}. {REMEDY}"
        ) from error
    if not is_safetensors(answer["Body"].read()):
        raise PayloadError(f"weights_uri is {uri}, which is no safetensors file. {REMEDY}")
    return Weights(uri=uri, version=answer["ETag"].strip('"'))


def is_safetensors(start: bytes) -> bool:
    """Say whether a file that starts so is one: a header of bounded length, which is a JSON object."""
    if len(start) <= LENGTH_BYTES:
        return False
    (length,) = struct.unpack("<Q", start[:LENGTH_BYTES])
    return bool(2 <= length <= MAX_HEADER_BYTES and start[LENGTH_BYTES:] == b"{")
