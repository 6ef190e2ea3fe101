"""The KMS keys that objects are, or will be, encrypted with: S3 uses them with the rights of whoever asks.

AWS's own key (aws/s3) is everybody's in the account, and asks for nothing. Nothing is encrypted here, but its
key is kept with an object.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html
"""

from collections.abc import Iterator
from typing import Any

from localaws.iam.needs.arns import Asking
from localaws.iam.needs.state import find_bucket

BY_KMS = ("aws:kms", "aws:kms:dsse")
READING = ("GetObject", "CopyObject", "SelectObjectContent", "UploadPartCopy")
WRITING = ("CopyObject", "CreateMultipartUpload", "PutObject")
IN_PARTS = "CreateMultipartUpload"
"""Its parts are read again when the object is put together."""
KEY_ID, ALGORITHM = "x-amz-server-side-encryption-aws-kms-key-id", "x-amz-server-side-encryption"


def find_key_uses(asking: Asking, *, headers: Any, read: str | None) -> Iterator[tuple[str, str]]:
    """Yield what must be allowed of keys; `read` is the ARN of the object that is read."""
    if read is not None and asking.operation in READING and (key := _key_of_object(read)):
        yield "kms:Decrypt", name_key(key, asking)
    if asking.operation in WRITING and (key := headers.get(KEY_ID) or _default_key(asking, headers)):
        yield "kms:GenerateDataKey", name_key(key, asking)
        if asking.operation == IN_PARTS:
            yield "kms:Decrypt", name_key(key, asking)


def _key_of_object(arn: str) -> str | None:
    name, _, key = arn.partition(":::")[2].partition("/")
    bucket = find_bucket(name)
    found = None if bucket is None else bucket.keys.get(key)
    is_by_kms = getattr(found, "encryption", None) in BY_KMS
    return str(found.kms_key_id) if found is not None and is_by_kms and found.kms_key_id else None


def _default_key(asking: Asking, headers: Any) -> str | None:
    """Return the key of the bucket's default encryption, unless the request asks for another kind."""
    bucket = find_bucket(str(asking.tree["Bucket"]))
    rule = {} if bucket is None or not bucket.encryption else bucket.encryption["Rule"]
    default = rule.get("ApplyServerSideEncryptionByDefault", {})
    algorithm = headers.get(ALGORITHM, default.get("SSEAlgorithm"))
    return default.get("KMSMasterKeyID") if algorithm in BY_KMS else None


def name_key(key_id: str, asking: Asking) -> str:
    """Return a key's ARN by its id or its ARN."""
    own = f"arn:{asking.partition}:kms:{asking.region}:{asking.account_id}:key/{key_id}"
    return key_id if key_id.startswith("arn:") else own
