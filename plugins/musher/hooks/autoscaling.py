"""Let an endpoint's instances scale, and end that before the endpoint is deleted."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from airflow.providers.amazon.aws.hooks.base_aws import AwsBaseHook
from botocore.exceptions import ClientError

from musher.hooks.alarms import put_alarms, remove_alarms
from musher.payloads.autoscaling import (
    DIMENSION,
    NAMESPACE,
    ScalingPlan,
    place,
    read_plan,
    resource_id,
    step_policy_name,
    wake_policy_name,
)
from musher.payloads.schedules import is_ours
from musher.payloads.step_scaling import build_step_alarm, build_step_policy
from musher.payloads.waking import build_wake_alarm, build_wake_policy

logger = logging.getLogger(__name__)

MISSING_CODE = "ObjectNotFoundException"
SCALES_AGAIN = "the next live run that is good lets it scale again"


def scale(
    hook: AwsBaseHook,
    *,
    target: Mapping[str, Any],
    policy: Mapping[str, Any],
    actions: Sequence[Mapping[str, Any]] = (),
) -> list[str]:
    """Register a scalable target, its policy and scheduled actions, or change them; return alarms' names.

    A target that exists keeps what it has scaled to, within the new bounds. Scheduled actions of an earlier
    run that are not asked for any more are deleted; those that a person has made stay.
    """
    hook.conn.register_scalable_target(**target)
    answer = hook.conn.put_scaling_policy(**policy)
    _schedule(hook, target=target, actions=actions)
    logger.info("%s: %d to %d instances", target["ResourceId"], target["MinCapacity"], target["MaxCapacity"])
    return [alarm["AlarmName"] for alarm in answer["Alarms"]]


def scale_by_steps(
    hook: AwsBaseHook,
    alarms: AwsBaseHook,
    *,
    plan: ScalingPlan,
    steps: Sequence[tuple[float, int]],
) -> list[str]:
    """Put an endpoint's policy by steps and its alarm, or remove an earlier run's; return the alarms."""
    name = step_policy_name(plan.endpoint_name)
    if not steps:
        _remove_policy(hook, alarms, endpoint_name=plan.endpoint_name, name=name)
        return []
    policy = hook.conn.put_scaling_policy(**build_step_policy(plan, steps))
    put_alarms(alarms, requests=[build_step_alarm(plan, steps, policy_arn=policy["PolicyARN"])])
    return [name]


def let_wake(hook: AwsBaseHook, alarms: AwsBaseHook, *, plan: ScalingPlan) -> list[str]:
    """Put the policy and the alarm that end an endpoint's sleep, or remove them; return the alarms."""
    name = wake_policy_name(plan.endpoint_name)
    if plan.min_instances:
        _remove_policy(hook, alarms, endpoint_name=plan.endpoint_name, name=name)
        return []
    policy = hook.conn.put_scaling_policy(**build_wake_policy(plan))
    put_alarms(alarms, requests=[build_wake_alarm(plan, policy_arn=policy["PolicyARN"])])
    return [name]


def _remove_policy(hook: AwsBaseHook, alarms: AwsBaseHook, *, endpoint_name: str, name: str) -> None:
    """Remove a policy and the alarm of the same name; that there are none is fine."""
    remove_alarms(alarms, names=[name])
    try:
        hook.conn.delete_scaling_policy(**place(endpoint_name), PolicyName=name)
    except ClientError as error:
        if error.response["Error"]["Code"] != MISSING_CODE:
            raise


def _schedule(hook: AwsBaseHook, *, target: Mapping[str, Any], actions: Sequence[Mapping[str, Any]]) -> None:
    where = {name: target[name] for name in ("ServiceNamespace", "ResourceId", "ScalableDimension")}
    endpoint_name = target["ResourceId"].split("/")[1]
    found = hook.conn.describe_scheduled_actions(**where)["ScheduledActions"]
    wanted = {action["ScheduledActionName"] for action in actions}
    for name in {action["ScheduledActionName"] for action in found} - wanted:
        if is_ours(name, endpoint_name=endpoint_name):
            hook.conn.delete_scheduled_action(**where, ScheduledActionName=name)
    for action in actions:
        hook.conn.put_scheduled_action(**action)


def find_scaling(hook: AwsBaseHook, *, endpoint_name: str) -> ScalingPlan | None:
    """Return how an endpoint scales; None where it does not, or does by other policies than ours."""
    found, kind = resource_id(endpoint_name), {"ServiceNamespace": NAMESPACE, "ScalableDimension": DIMENSION}
    return read_plan(
        hook.conn.describe_scalable_targets(ResourceIds=[found], **kind),
        hook.conn.describe_scaling_policies(ResourceId=found, **kind),
        endpoint_name=endpoint_name,
    )


def stop_scaling_for_other_type(hook: AwsBaseHook, *, endpoint_name: str) -> None:
    """End an endpoint's scaling before its instances get another type: AWS refuses that to what scales.

    https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-scaling-update.html
    """
    if stop_scaling(hook, endpoint_name=endpoint_name):
        logger.warning(
            "%s: gets instances of another type, which AWS refuses to what scales: its scaling is ended, and "
            "it keeps as many instances as it has; %s",
            endpoint_name,
            SCALES_AGAIN,
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
