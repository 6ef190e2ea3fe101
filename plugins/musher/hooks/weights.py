"""Look at pre-trained weights in S3 before anything is paid for."""

import json
from dataclasses import dataclass

from airflow.providers.amazon.aws.hooks.s3 import S3Hook
from botocore.exceptions import ClientError

from musher import names
from musher.errors import PayloadError

LENGTH_BYTES = 8
"""A safetensors file begins with its header's length: https://github.com/huggingface/safetensors#format"""

MAX_HEADER_BYTES = 100_000_000
READ_BYTES = 2**20
"""What is read of a file: the header of a ResNet-50 takes some 30 kB."""
REMEDY = "Convert the weights with training/convert_weights.py and upload the result to the project's bucket."


@dataclass(frozen=True, kw_only=True)
class Weights:
    """An object that holds weights; `version` changes with its content."""

    uri: str
    version: str


def find_weights(hook: S3Hook, *, uri: str, architecture: str) -> Weights:
    """Return the weights at an s3:// address; PayloadError for no safetensors file, or one of another model.

    convert_weights.py names the architecture in the file; one that names none is left for the job to judge.
    """
    bucket, key = names.split_s3_uri(uri)
    try:
        answer = hook.get_conn().get_object(Bucket=bucket, Key=key, Range=f"bytes=0-{READ_BYTES - 1}")
    except ClientError as error:
        raise PayloadError(
            f"weights_uri is {uri}, which cannot be read: {error.response['Error']['Code']}. {REMEDY}"
        ) from error
    start = answer["Body"].read()
    if not is_safetensors(start):
        raise PayloadError(f"weights_uri is {uri}, which is no safetensors file. {REMEDY}")
    found = read_architecture(start)
    if found not in (None, architecture):
        raise PayloadError(
            f"weights_uri is {uri}, weights of {found}, and architecture is {architecture}. "
            "Set architecture to theirs, or name other weights."
        )
    return Weights(uri=uri, version=answer["ETag"].strip('"'))


def is_safetensors(start: bytes) -> bool:
    """Return whether a file that starts so is one: a header of bounded length, which is a JSON object."""
    if len(start) <= LENGTH_BYTES:
        return False
    is_bounded = 2 <= _header_bytes(start) <= MAX_HEADER_BYTES
    return is_bounded and start[LENGTH_BYTES:].startswith(b"{")


def read_architecture(start: bytes) -> str | None:
    """Return the architecture that a safetensors file names in its header, None where it names none."""
    header = start[LENGTH_BYTES : LENGTH_BYTES + _header_bytes(start)]
    try:
        found = json.loads(header).get("__metadata__", {}).get("architecture")
    except ValueError:  # damaged, or longer than what was read
        return None
    return None if found is None else str(found)


def _header_bytes(start: bytes) -> int:
    """Return the length of the header, as the file's first bytes say."""
    return int.from_bytes(start[:LENGTH_BYTES], "little")
