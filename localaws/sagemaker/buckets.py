"""Look, when a job is created, whether what it reads is in S3 and where it writes exists.

AWS checks the same. moto's state is read directly: this runs in a request, and a request that waits for
another one could find no free thread.
"""

from moto.s3.models import FakeDeleteMarker, s3_backends
from moto.sagemaker.exceptions import AWSValidationException

from localaws.errors import StorageError
from localaws.sagemaker.training.spec import Channel
from localaws.sagemaker.wording import constraint
from localaws.storage import S3Uri
from localaws.wire.wording import matches

S3_URI = "(https|s3)://([^/]+)/?(.*)"
"""AWS's pattern of addresses in S3; localaws takes those that begin with s3:// only."""


def parse_uri(uri: str, *, member: str) -> S3Uri:
    """Split an S3 URI, or refuse it as AWS does."""
    try:
        return S3Uri.parse(uri)
    except StorageError as error:
        raise constraint(value=uri, member=member, rule=matches(S3_URI)) from error


def check_bucket(uri: str, *, member: str) -> None:
    """Refuse an output whose bucket does not exist; `member` is `OutputDataConfig.S3OutputPath`, say."""
    bucket = parse_uri(uri, member=f"{member[0].lower()}{member[1:]}").bucket
    if bucket not in s3_backends.bucket_accounts:
        raise AWSValidationException(f"The S3 bucket {bucket!r} of {member} {uri!r} does not exist.")


def check_objects(channel: Channel, *, account_id: str, region: str, role_arn: str) -> None:
    """Refuse an input without objects."""
    if _has_objects(channel, account_id=account_id):
        return
    bucket = S3Uri.parse(channel.uri).bucket
    kind = "manifest file" if channel.data_type == "ManifestFile" else "input data source"
    raise AWSValidationException(
        f'No S3 objects found under S3 URL "{channel.uri}" given in {kind}. Please ensure that the bucket '
        f"exists in the selected region ({region}), that objects exist under that S3 prefix, and that "
        f'the role "{role_arn}" has "s3:ListBucket" permissions on bucket "{bucket}".'
    )


def _has_objects(channel: Channel, *, account_id: str) -> bool:
    uri = parse_uri(channel.uri, member="inputDataConfig.dataSource.s3DataSource.s3Uri")
    partition, owner = s3_backends.bucket_accounts.get(uri.bucket, ("aws", account_id))
    bucket = s3_backends[owner][partition].buckets.get(uri.bucket)
    if bucket is None:
        return False
    if channel.data_type == "ManifestFile":
        return uri.key in bucket.keys and not isinstance(bucket.keys[uri.key], FakeDeleteMarker)
    return any(
        key.startswith(uri.key)
        and not key.endswith("/")
        and not isinstance(bucket.keys[key], FakeDeleteMarker)
        for key in list(bucket.keys)
    )
