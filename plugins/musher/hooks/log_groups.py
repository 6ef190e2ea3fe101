"""Give log groups an end: AWS makes one for each function and endpoint, and keeps it for ever."""

import logging
from collections.abc import Mapping

from airflow.providers.amazon.aws.hooks.logs import AwsLogsHook
from botocore.exceptions import ClientError

from musher.hooks.refusals import read_refusal
from musher.hooks.sagemaker import found_or_none

logger = logging.getLogger(__name__)

EXISTS = "ResourceAlreadyExistsException"


def limit_log_group(hook: AwsLogsHook, *, group: str, days: int, tags: Mapping[str, str]) -> None:
    """Make a log group whose lines expire after `days`, before the function or endpoint makes its own.

    A role that may not do so does not end a run whose training is paid: the lines then stay for ever. What
    may pass (a throttle, an outage) is raised, so that the task is tried again.
    """
    try:
        _create(hook, group=group, tags=tags)
        hook.conn.put_retention_policy(logGroupName=group, retentionInDays=days)
    except ClientError as error:
        if read_refusal(error) is None:
            raise
        logger.warning("%s: lines are kept for ever: %s", group, error)
    else:
        logger.info("%s: lines are kept for %d days", group, days)


def _create(hook: AwsLogsHook, *, group: str, tags: Mapping[str, str]) -> None:
    try:
        hook.conn.create_log_group(logGroupName=group, tags=dict(tags))
    except ClientError as error:
        if error.response["Error"]["Code"] != EXISTS:
            raise


def remove_log_group(hook: AwsLogsHook, *, group: str) -> bool:
    """Delete a log group; return whether there was one."""
    is_there = found_or_none(hook.conn.delete_log_group, logGroupName=group) is not None
    if is_there:
        logger.info("%s: removed log group", group)
    return is_there
