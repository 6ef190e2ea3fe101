"""Make the provider's hooks for the installation's connection and region, for which no half answer counts."""

from typing import Any

from airflow.providers.amazon.aws.hooks.base_aws import AwsBaseHook
from airflow.providers.amazon.aws.hooks.logs import AwsLogsHook
from airflow.providers.amazon.aws.hooks.s3 import S3Hook
from airflow.sdk import BaseHook
from airflow.sdk.exceptions import AirflowNotFoundException
from botocore.config import Config

from musher.errors import SettingsError
from musher.hooks.alarms import MusherCloudWatchHook
from musher.hooks.answers import with_whole_answers
from musher.hooks.ec2 import MusherEc2Hook
from musher.hooks.functions import MusherLambdaHook
from musher.hooks.sagemaker import MusherSageMakerHook
from musher.settings import Settings

INVOKE_READ_TIMEOUT_S = 80
"""Longer than a function may run, so that botocore does not send a slow invocation twice."""

MAX_AT_ONCE = 50
"""Connections of a client that invokes functions."""

INVOKE_CONFIG: dict[str, Any] = {
    "read_timeout": INVOKE_READ_TIMEOUT_S,
    "retries": {"total_max_attempts": 1},
    "max_pool_connections": MAX_AT_ONCE,
}
"""What a client that invokes functions is made with: it waits long enough, and never asks twice."""

GLANCE_CONFIG: dict[str, Any] = {
    "connect_timeout": 5,
    "read_timeout": 10,
    "retries": {"mode": "standard", "total_max_attempts": 2},
}
"""What a client is made with that only looks."""


def hook_parameters(
    settings: Settings, *, aws_conn_id: str | None = None, region_name: str | None = None
) -> dict[str, Any]:
    """Return what every hook is made with; raise SettingsError where Airflow has no such connection.

    Without arguments of its own, a hook is made for the installation's connection and region.

    The provider only warns of a missing connection and goes on with whatever credentials the machine has,
    which may be those of another account.
    """
    name = aws_conn_id or settings.aws_conn_id
    try:
        BaseHook.get_connection(name)
    except AirflowNotFoundException as error:
        raise SettingsError(
            f"Airflow has no connection {name!r} (MUSHER_AWS_CONN_ID). Create it, or set "
            f"AIRFLOW_CONN_{name.upper()}."
        ) from error
    return {"aws_conn_id": name, "region_name": region_name or settings.region}


def logs_hook(settings: Settings) -> AwsLogsHook:
    """Return a hook for CloudWatch Logs."""
    return with_whole_answers(AwsLogsHook(**hook_parameters(settings)))


def s3_hook(settings: Settings) -> S3Hook:
    """Return a hook for S3 whose presigned URLs hold everywhere.

    Signature version 4 with path-style addresses names the region's own host; the default, the global host,
    redirects for young buckets outside us-east-1, which breaks the signature.
    """
    config = Config(signature_version="s3v4", s3={"addressing_style": "path"})
    return with_whole_answers(S3Hook(**hook_parameters(settings), config=config))


def ecr_hook(settings: Settings) -> AwsBaseHook:
    """Return a hook for the registry that holds the serving images."""
    return with_whole_answers(AwsBaseHook(**hook_parameters(settings), client_type="ecr"))


def autoscaling_hook(settings: Settings) -> AwsBaseHook:
    """Return a hook for Application Auto Scaling."""
    return with_whole_answers(AwsBaseHook(**hook_parameters(settings), client_type="application-autoscaling"))


def cloudwatch_hook(settings: Settings) -> MusherCloudWatchHook:
    """Return a hook for CloudWatch with Musher's waits."""
    return MusherCloudWatchHook(**hook_parameters(settings))


def sagemaker_hook(settings: Settings) -> MusherSageMakerHook:
    """Return a hook for SageMaker with Musher's waits."""
    return MusherSageMakerHook(**hook_parameters(settings))


def ec2_hook(settings: Settings) -> MusherEc2Hook:
    """Return a hook for EC2 with Musher's waits."""
    return MusherEc2Hook(**hook_parameters(settings))


def lambda_hook(settings: Settings) -> MusherLambdaHook:
    """Return a hook for Lambda with Musher's waits."""
    return MusherLambdaHook(**hook_parameters(settings))


def invoking_lambda_hook(settings: Settings) -> MusherLambdaHook:
    """Return a hook for Lambda that waits long enough for an answer and never asks twice."""
    return MusherLambdaHook(**hook_parameters(settings), config=Config(**INVOKE_CONFIG))


def glance_hook(settings: Settings, *, service: str) -> AwsBaseHook:
    """Return a hook whose calls end soon: for what is nice to know, and not worth a wait."""
    return with_whole_answers(
        AwsBaseHook(**hook_parameters(settings), client_type=service, config=Config(**GLANCE_CONFIG))
    )


def runtime_hook(settings: Settings) -> AwsBaseHook:
    """Return a hook for what invokes endpoints."""
    return with_whole_answers(AwsBaseHook(**hook_parameters(settings), client_type="sagemaker-runtime"))
