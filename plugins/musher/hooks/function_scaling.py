"""Let the provisioned concurrency of a function's version scale, and end that."""

import logging

from airflow.providers.amazon.aws.hooks.base_aws import AwsBaseHook

from musher.payloads.function_scaling import DIMENSION, NAMESPACE, FunctionScaling, build_requests, place

logger = logging.getLogger(__name__)


def list_scaled(hook: AwsBaseHook, *, name: str) -> list[str]:
    """Return the versions and aliases of a function whose provisioned concurrency scales."""
    paginator = hook.conn.get_paginator("describe_scalable_targets")
    pages = paginator.paginate(ServiceNamespace=NAMESPACE, ScalableDimension=DIMENSION)
    found = [str(target["ResourceId"]) for page in pages for target in page["ScalableTargets"]]
    return [known.rpartition(":")[2] for known in found if known.startswith(f"function:{name}:")]


def scale_function(hook: AwsBaseHook, *, name: str, version: str, scaling: FunctionScaling) -> None:
    """Let a version's environments follow their use, and a schedule where there is one."""
    target, policy, actions = build_requests(scaling, function_name=name, version=version)
    hook.conn.register_scalable_target(**target)
    hook.conn.put_scaling_policy(**policy)
    for action in actions:
        hook.conn.put_scheduled_action(**action)
    logger.info("%s: version %s has %d to %d environments", name, version, scaling.least, scaling.most)


def stop_scaling_function(hook: AwsBaseHook, *, name: str) -> bool:
    """Let none of a function's versions scale, with what each has now; return whether one did.

    Before the environments of a version are given up: its policy would ask for them again.
    """
    scaled = list_scaled(hook, name=name)
    for version in scaled:
        hook.conn.deregister_scalable_target(**place(name, version))
        logger.info("%s: version %s does not scale any longer", name, version)
    return bool(scaled)
