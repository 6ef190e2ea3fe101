"""List what runs leave in storage: log groups, uploads that were never finished, and reports."""

import logging
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from airflow.providers.amazon.aws.hooks.logs import AwsLogsHook
from botocore.exceptions import ClientError

from musher import names
from musher.costs.prices import LOGS_USD_PER_GB_MONTH, S3_USD_PER_GB_MONTH
from musher.errors import TeardownError
from musher.hooks.inventory import Listed, untagged
from musher.hooks.sagemaker import found_or_none
from musher.payloads.expiry import HOURS_PER_MONTH, Resource
from musher.payloads.tags import EXPIRES_TAG, PROJECT_TAG
from musher.settings import Settings

logger = logging.getLogger(__name__)

LOG_GROUP, UPLOAD, REPORT = "log group", "unfinished upload", "report"
GB = 10**9
AT_ONCE = 1000
"""Objects that DeleteObjects takes."""


def list_log_groups(hook: AwsLogsHook, settings: Settings) -> Iterator[Listed]:
    """Give the log groups of the project's endpoints and functions."""
    project = f"{settings.project}-"
    for prefix in (names.endpoint_log_group(project), names.function_log_group(project)):
        pages = hook.conn.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=prefix)
        for found in (one for page in pages for one in page["logGroups"]):
            arn = found["arn"].removesuffix(":*")
            yield Listed(
                kind=LOG_GROUP,
                name=found["logGroupName"],
                arn=arn,
                read=partial(_read_log_group, hook, found, arn=arn),
                read_tags=partial(_tags_of_group, hook, arn=arn),
            )


def _read_log_group(hook: AwsLogsHook, found: Mapping[str, Any], *, arn: str) -> Resource | None:
    tags = _tags_of_group(hook, arn=arn)
    if not tags:
        return None
    return Resource(
        kind=LOG_GROUP,
        name=found["logGroupName"],
        arn=arn,
        tags=tags,
        created_at=datetime.fromtimestamp(found["creationTime"] / 1000, tz=UTC),
        usd_per_hour=_per_hour(found.get("storedBytes", 0), usd_per_gb_month=LOGS_USD_PER_GB_MONTH),
    )


def _tags_of_group(hook: AwsLogsHook, *, arn: str) -> dict[str, str] | None:
    found = found_or_none(hook.conn.list_tags_for_resource, resourceArn=arn)
    return None if found is None else found["tags"]


def list_uploads(client: Any, settings: Settings) -> Iterator[Listed]:
    """Give the uploads in parts that nobody has finished; their parts cost until they are aborted.

    An upload has no tags: its time ends MUSHER_TTL_H after its begin.
    """
    bucket, prefix = names.bucket(settings), f"{settings.project}/"
    for page in _pages(client, "list_multipart_uploads", Bucket=bucket, Prefix=prefix):
        for found in page.get("Uploads", []):
            began = found["Initiated"]
            yield _stored(
                settings,
                kind=UPLOAD,
                name=f"{found['Key']}?uploadId={found['UploadId']}",
                created_at=began,
                expires_at=began + timedelta(hours=settings.ttl_h),
                usd_per_hour=None,
            )


def _pages(client: Any, operation: str, **arguments: str) -> Iterator[dict[str, Any]]:
    """Give the pages of a list; none where the project has no bucket (yet)."""
    try:
        yield from client.get_paginator(operation).paginate(**arguments)
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchBucket":
            raise


def abort_upload(client: Any, settings: Settings, name: str) -> bool:
    """Abort an upload, which removes its parts; return whether there was one."""
    key, _, upload_id = name.rpartition("?uploadId=")
    bucket = names.bucket(settings)
    abort = client.abort_multipart_upload
    return found_or_none(abort, Bucket=bucket, Key=key, UploadId=upload_id) is not None


def list_reports(client: Any, settings: Settings) -> Iterator[Listed]:
    """Give the reports of runs, where MUSHER_REPORT_DAYS says that they have an end."""
    if not settings.report_days:
        return
    bucket, folder = names.bucket(settings), names.reports_prefix(settings)
    newest: dict[str, datetime] = {}
    size: dict[str, int] = {}
    for page in _pages(client, "list_objects_v2", Bucket=bucket, Prefix=f"{folder}/"):
        for found in page.get("Contents", []):
            name = found["Key"].removeprefix(f"{folder}/").partition("/")[0]
            newest[name] = max(found["LastModified"], newest.get(name, found["LastModified"]))
            size[name] = size.get(name, 0) + found["Size"]
    for name, written_at in newest.items():
        yield _stored(
            settings,
            kind=REPORT,
            name=f"{folder}/{name}",
            created_at=written_at,
            expires_at=written_at + timedelta(days=settings.report_days),
            usd_per_hour=_per_hour(size[name], usd_per_gb_month=S3_USD_PER_GB_MONTH),
        )


def delete_report(client: Any, settings: Settings, name: str) -> bool:
    """Delete all objects of a report; return whether there were any."""
    bucket, were = names.bucket(settings), False
    paginator = client.get_paginator("list_objects_v2")
    pages = paginator.paginate(Bucket=bucket, Prefix=f"{name}/", PaginationConfig={"PageSize": AT_ONCE})
    for page in pages:
        keys = [{"Key": found["Key"]} for found in page.get("Contents", [])]
        if keys:
            answer = client.delete_objects(Bucket=bucket, Delete={"Objects": keys, "Quiet": True})
            _raise_first(answer.get("Errors", []))
            were = True
    return were


def _raise_first(errors: list[dict[str, str]]) -> None:
    if errors:
        first = errors[0]
        raise TeardownError(
            f"{len(errors)} objects stay, the first {first['Key']}: {first['Code']} {first['Message']}"
        )


def _stored(
    settings: Settings,
    *,
    kind: str,
    name: str,
    created_at: datetime,
    expires_at: datetime,
    usd_per_hour: float | None,
) -> Listed:
    """Return something in the project's bucket: its place says whose it is, its age when its time ends."""
    tags = {PROJECT_TAG: settings.project, EXPIRES_TAG: expires_at.isoformat()}
    # An object's own ARN names no account; the bucket's name does.
    arn = names.arn(settings, service="s3", resource=f"{names.bucket(settings)}/{name}")
    resource = Resource(
        kind=kind, name=name, arn=arn, tags=tags, created_at=created_at, usd_per_hour=usd_per_hour
    )
    return untagged(resource)


def _per_hour(size: int, *, usd_per_gb_month: float) -> float:
    return size / GB * usd_per_gb_month / HOURS_PER_MONTH
