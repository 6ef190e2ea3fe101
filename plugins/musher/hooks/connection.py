"""Make the provider's hooks for the installation's connection and region, for which no half answer counts."""

import json
import os
from collections.abc import Mapping
from typing import Any, TypeVar

from airflow.providers.amazon.aws.hooks.base_aws import AwsBaseHook
from airflow.providers.amazon.aws.hooks.logs import AwsLogsHook
from airflow.providers.amazon.aws.hooks.s3 import S3Hook
from airflow.sdk import BaseHook, Connection
from airflow.sdk.exceptions import AirflowNotFoundException
from botocore.config import Config

from musher.errors import SettingsError
from musher.hooks.alarms import MusherCloudWatchHook
from musher.hooks.answers import WholeAnswers, with_whole_answers
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

S3_CONFIG: dict[str, Any] = {"signature_version": "s3v4", "s3": {"addressing_style": "path"}}

Hook = TypeVar("Hook", bound=AwsBaseHook)

_hooks: dict[tuple[object, ...], Any] = {}
"""Hooks of this process, by what they were made of."""


def hook_parameters(
    settings: Settings, *, aws_conn_id: str | None = None, region_name: str | None = None
) -> dict[str, Any]:
    """Return what every hook is made with; raise SettingsError where Airflow has no such connection.

    Without arguments of its own, a hook is made for the installation's connection and region.

    The provider only warns of a missing connection and goes on with whatever credentials the machine has,
    which may be those of another account.
    """
    name = aws_conn_id or settings.aws_conn_id
    find_connection(name)
    return {"aws_conn_id": name, "region_name": region_name or settings.region}


def find_connection(name: str) -> Connection:
    """Return Airflow's connection; raise SettingsError where it has none of this name."""
    try:
        return BaseHook.get_connection(name)
    except AirflowNotFoundException as error:
        raise SettingsError(
            f"Airflow has no connection {name!r} (MUSHER_AWS_CONN_ID). Create it, or set "
            f"AIRFLOW_CONN_{name.upper()}."
        ) from error


def shared_hook(
    make: type[Hook], settings: Settings, *, config: Mapping[str, Any] | None = None, **parameters: str
) -> Hook:
    """Return this process's hook of one kind, for the installation's connection as it is now.

    A task asks for the same client up to twenty times, and each would be made anew with its session: 0.03 s
    of processor time, 0.1 s where each session reads botocore's models. Threads may share a client. A forked
    process makes its own, as two processes cannot share a connection to AWS.
    """
    connection = find_connection(settings.aws_conn_id)
    told = json.dumps([settings.region, config, parameters], sort_keys=True)
    secrets = (connection.login, connection.password, connection.host, connection.extra)
    key = (make, os.getpid(), settings.aws_conn_id, told, *secrets)
    if key not in _hooks:
        made_with: dict[str, Any] = {
            "aws_conn_id": settings.aws_conn_id,
            "region_name": settings.region,
            **parameters,
        }
        if config is not None:
            made_with["config"] = Config(**config)
        made = make(**made_with)
        _hooks.setdefault(key, made if isinstance(made, WholeAnswers) else with_whole_answers(made))
    found: Hook = _hooks[key]
    return found


def forget_hooks() -> None:
    """Let each hook be made anew: for tests, in which one AWS follows another."""
    _hooks.clear()


def logs_hook(settings: Settings) -> AwsLogsHook:
    """Return a hook for CloudWatch Logs."""
    return shared_hook(AwsLogsHook, settings)


def s3_hook(settings: Settings) -> S3Hook:
    """Return a hook for S3 whose presigned URLs hold everywhere.

    Signature version 4 with path-style addresses names the region's own host; the default, the global host,
    redirects for young buckets outside us-east-1, which breaks the signature.
    """
    return shared_hook(S3Hook, settings, config=S3_CONFIG)


def ecr_hook(settings: Settings) -> AwsBaseHook:
    """Return a hook for the registry that holds the serving images."""
    return shared_hook(AwsBaseHook, settings, client_type="ecr")


def autoscaling_hook(settings: Settings) -> AwsBaseHook:
    """Return a hook for Application Auto Scaling."""
    return shared_hook(AwsBaseHook, settings, client_type="application-autoscaling")


def cloudwatch_hook(settings: Settings) -> MusherCloudWatchHook:
    """Return a hook for CloudWatch with Musher's waits."""
    return shared_hook(MusherCloudWatchHook, settings)


def sagemaker_hook(settings: Settings) -> MusherSageMakerHook:
    """Return a hook for SageMaker with Musher's waits."""
    return shared_hook(MusherSageMakerHook, settings)


def ec2_hook(settings: Settings) -> MusherEc2Hook:
    """Return a hook for EC2 with Musher's waits."""
    return shared_hook(MusherEc2Hook, settings)


def lambda_hook(settings: Settings) -> MusherLambdaHook:
    """Return a hook for Lambda with Musher's waits."""
    return shared_hook(MusherLambdaHook, settings)


def invoking_lambda_hook(settings: Settings) -> MusherLambdaHook:
    """Return a hook for Lambda that waits long enough for an answer and never asks twice."""
    return shared_hook(MusherLambdaHook, settings, config=INVOKE_CONFIG)


def glance_hook(settings: Settings, *, service: str) -> AwsBaseHook:
    """Return a hook whose calls end soon: for what is nice to know, and not worth a wait."""
    return shared_hook(AwsBaseHook, settings, client_type=service, config=GLANCE_CONFIG)


def runtime_hook(settings: Settings) -> AwsBaseHook:
    """Return a hook for what invokes endpoints."""
    return shared_hook(AwsBaseHook, settings, client_type="sagemaker-runtime")
