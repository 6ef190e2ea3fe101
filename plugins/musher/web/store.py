"""Read a run's report from the project's bucket, for the API server."""

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from airflow.providers.amazon.aws.hooks.s3 import S3Hook
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from musher import names
from musher.errors import ReportError
from musher.hooks.answers import with_whole_answers
from musher.hooks.connection import hook_parameters
from musher.report.strict import make_strict
from musher.settings import Settings

logger = logging.getLogger(__name__)

MAX_BYTES = 64 * 1024 * 1024
"""What a report may have; the largest that 1,000 classes make is some 3 MB."""

CONFIG = Config(connect_timeout=3, read_timeout=10, retries={"total_max_attempts": 2})
"""A person waits for the page: give up after some seconds."""

MISSING = ("NoSuchKey", "404")
FORBIDDEN = ("AccessDenied", "403", "Forbidden")


class ReportMissingError(ReportError):
    """Report that the bucket holds no report of a run."""


@dataclass(frozen=True, kw_only=True)
class Report:
    """The page of a run and its numbers, as they lie in the bucket."""

    page: bytes
    summary: Mapping[str, Any]


def read_report(settings: Settings, *, dag_id: str, run_id: str) -> Report:
    """Return a run's report; ReportMissingError where there is none, ReportError where it cannot be read.

    Who may write to the bucket may copy a report to another run's key: what is found must say itself that it
    belongs to this run.
    """
    prefix = names.report_prefix(settings, dag_id=dag_id, run_id=run_id)
    bucket = names.bucket(settings)
    hook = with_whole_answers(S3Hook(**hook_parameters(settings), config=CONFIG))
    summary = _read_summary(_get(hook, bucket=bucket, key=f"{prefix}/summary.json"))
    if (summary.get("dag_id"), summary.get("run_id")) != (dag_id, run_id):
        logger.warning("s3://%s/%s belongs to another run than %s %s", bucket, prefix, dag_id, run_id)
        raise ReportMissingError(f"s3://{bucket}/{prefix} holds the report of another run.")
    return Report(page=_get(hook, bucket=bucket, key=f"{prefix}/report.html"), summary=summary)


def _read_summary(body: bytes) -> Mapping[str, Any]:
    """Return summary.json's content, which anybody may have written who may write to the bucket."""
    try:
        summary = make_strict(json.loads(body))  # older ones have NaN, which no answer can hold
    except (ValueError, RecursionError) as error:
        raise ReportError(
            f"The run's summary.json is not JSON ({error}). Clear the task `report`."
        ) from error
    if not isinstance(summary, dict):
        raise ReportError("The run's summary.json is no JSON object. Clear the task `report`.")
    return summary


def _get(hook: S3Hook, *, bucket: str, key: str) -> bytes:
    uri = f"s3://{bucket}/{key}"
    try:
        answer = hook.get_conn().get_object(Bucket=bucket, Key=key)
        if answer["ContentLength"] > MAX_BYTES:
            raise ReportError(
                f"{uri} has {answer['ContentLength']} bytes, and at most {MAX_BYTES} are shown."
            )
        body: bytes = answer["Body"].read()
    except ClientError as error:
        raise _explain(error, uri=uri, bucket=bucket) from error
    except BotoCoreError as error:
        raise ReportError(
            f"{uri} cannot be read: {error}. Is the address in the Airflow connection right, and does S3 "
            "answer from where the API server runs?"
        ) from error
    return body


def _explain(error: ClientError, *, uri: str, bucket: str) -> ReportError:
    code = error.response["Error"]["Code"]
    if code in MISSING:
        return ReportMissingError(f"There is nothing at {uri}.")
    if code in FORBIDDEN:
        return ReportError(
            f"The API server may not read {uri} ({error}). Grant its role s3:GetObject on it, and "
            "s3:ListBucket on the bucket: without the latter, S3 gives this answer also for a report that is "
            "not written yet."
        )
    if code == "NoSuchBucket":
        return ReportError(
            f"There is no bucket {bucket}. Apply infra/bootstrap.yaml, or correct MUSHER_ACCOUNT_ID, "
            "MUSHER_PROJECT or MUSHER_REGION where the API server runs."
        )
    return ReportError(f"{uri} cannot be read: {error}.")
