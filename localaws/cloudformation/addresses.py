"""Templates and policies that lie in S3: an object by any address that it has here, or has on AWS.

moto takes the first word of a host for a bucket, but of `localhost` and AWS's own: of 127.0.0.1, the 127.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html
"""

from typing import Any
from urllib.parse import unquote, urlsplit

from moto.cloudformation import models, responses
from moto.cloudformation.exceptions import ValidationError
from moto.s3.exceptions import MissingBucket
from moto.s3.models import FakeKey

from localaws.s3.target import backend_of, bucket_of_host

MAX_BYTES = 1_000_000
"""https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html"""


def read_address(address: str) -> tuple[str, str]:
    """Return the bucket and the key of an address; raises ValidationError for one that names no object."""
    try:
        parts = urlsplit(address)
        path = unquote(parts.path[1:], errors="strict")
    except ValueError as error:
        raise unsupported() from error
    if not parts.netloc or parts.scheme not in ("http", "https"):
        raise unsupported()
    bucket = bucket_of_host(parts.netloc)
    if bucket is None:
        bucket, _, path = path.partition("/")
    if not path:
        raise unsupported()
    return bucket, path


def unsupported() -> ValidationError:
    """Return the error of an address that is none of an object in S3."""
    return ValidationError(message="TemplateURL must be a supported URL.")


def read_text(template_url: str, account_id: str, partition: str) -> str:
    """Return the text of an object; raises ValidationError where there is none, or it is too long."""
    bucket, key = read_address(template_url)
    try:
        found = backend_of(account_id, partition).get_object(bucket, key)
    except MissingBucket as error:
        raise ValidationError(message="S3 error: The specified bucket does not exist") from error
    if not isinstance(found, FakeKey):  # none, or a mark that it was deleted
        raise ValidationError(message="S3 error: The specified key does not exist.")
    if found.size > MAX_BYTES:
        raise ValidationError(message=f"Template may not exceed {MAX_BYTES} bytes in size.")
    try:
        return found.value.decode()
    except UnicodeDecodeError as error:
        raise ValidationError(message="Template format error: the object is no text in UTF-8.") from error


def install() -> None:
    """Put this in the place of moto's."""
    modules: tuple[Any, ...] = (models, responses)
    for module in modules:
        module.get_stack_from_s3_url = read_text
