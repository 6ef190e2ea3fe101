"""Let an endpoint's instances scale, and end that before the endpoint is deleted."""

import logging
from collections.abc import Mapping
from typing import Any

from airflow.providers.amazon.aws.hooks.base_aws import AwsBaseHook
from botocore.exceptions import ClientError

from musher.payloads.autoscaling import DIMENSION, NAMESPACE, ScalingPlan, place, read_plan, resource_id

logger = logging.getLogger(__name__)

MISSING_CODE = "ObjectNotFoundException"


def scale(hook: AwsBaseHook, *, target: Mapping[str, Any], policy: Mapping[str, Any]) -> list[str]:
    """Register a scalable target and its policy, or change those that exist; return the alarms' names.

    A target that exists keeps what it has scaled to, within the new bounds.
    """
    hook.conn.register_scalable_target(**target)
    answer = hook.conn.put_scaling_policy(**policy)
    logger.info("%s: %d to %d instances", target["ResourceId"], target["MinCapacity"], target["MaxCapacity"])
    return [alarm["AlarmName"] for alarm in answer["Alarms"]]


def find_scaling(hook: AwsBaseHook, *, endpoint_name: str) -> ScalingPlan | None:
    """Return how an endpoint scales; None where it does not, or does by other policies than ours."""
    found, kind = resource_id(endpoint_name), {"ServiceNamespace": NAMESPACE, "ScalableDimension": DIMENSION}
    return read_plan(
        hook.conn.describe_scalable_targets(ResourceIds=[found], **kind),
        hook.conn.describe_scaling_policies(ResourceId=found, **kind),
        endpoint_name=endpoint_name,
    )


def stop_scaling(hook: AwsBaseHook, *, endpoint_name: str) -> bool:
    """Deregister an endpoint's scalable target, which removes policies and alarms; return whether it was.

    SageMaker deletes an endpoint whose target is registered, and the target and its alarms stay.
    """
    try:
        hook.conn.deregister_scalable_target(**place(endpoint_name))
    except ClientError as error:
        if error.response["Error"]["Code"] != MISSING_CODE:
            raise
        return False
    logger.info("%s: scaling ended", endpoint_name)
    return True
