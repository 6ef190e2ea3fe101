"""Remove an endpoint and what belongs to it; what is missing already is fine."""

import logging
from collections import defaultdict
from collections.abc import Mapping
from functools import partial
from typing import Any

from musher.hooks.removing import ask_if_taken, remove_when_settled
from musher.hooks.sagemaker import MusherSageMakerHook, found_or_none
from musher.payloads.choices import ASYNC, REALTIME, RETENTION, SERVERLESS
from musher.payloads.tags import PREVIOUS_TAG, SHADOW_TAG, as_list, as_mapping

logger = logging.getLogger(__name__)

BUSY = ("Creating", "Updating", "SystemUpdating", "RollingBack")
"""States in which DeleteEndpoint is refused, with the same error code as for a missing endpoint: `Cannot
update in-progress endpoint`, by which AWS's own client for Kubernetes tells the two apart:
https://github.com/aws/amazon-sagemaker-operator-for-k8s/blob/master/controllers/sdkutil/clientwrapper/sagemaker_client.go"""

IN_SERVICE = "InService"

LEFT_ALONE = (
    "nothing is undone: what is under way goes on, and it costs until the run's teardown removes it, or the "
    "DAG retire_deployment where it is the live one"
)
"""What becomes of an endpoint whose deployment a person cancels."""


def note_previous(hook: MusherSageMakerHook, *, config_name: str, previous: str) -> None:
    """Keep in a configuration's tags what serves before it does."""
    config = hook.conn.describe_endpoint_config(EndpointConfigName=config_name)
    hook.conn.add_tags(ResourceArn=config["EndpointConfigArn"], Tags=as_list({PREVIOUS_TAG: previous}))


def release_of(hook: MusherSageMakerHook, *, config_name: str) -> str:
    """Return the configuration itself, or, where it only adds a shadow to another one, that one."""
    return tags_of_config(hook, config_name).get(SHADOW_TAG, config_name)


def tags_of(hook: MusherSageMakerHook, *, arn: str) -> dict[str, str]:
    """Return the tags of an endpoint, a configuration or a model."""
    pages = hook.conn.get_paginator("list_tags").paginate(ResourceArn=arn)
    return as_mapping(tag for page in pages for tag in page["Tags"])


def tags_of_config(hook: MusherSageMakerHook, config_name: str) -> dict[str, str]:
    """Return the tags of an endpoint configuration; none where it is gone."""
    config = hook.find_endpoint_config(config_name)
    return tags_of(hook, arn=config["EndpointConfigArn"]) if config else {}


def find_tags(hook: MusherSageMakerHook, *, arn: str) -> dict[str, str] | None:
    """Return a resource's tags; None where it is gone."""
    return found_or_none(partial(tags_of, hook), arn=arn)


def has_other_type(hook: MusherSageMakerHook, *, current: str, wanted: str) -> bool:
    """Return whether a variant of two configurations has another type of instances in each of them.

    Not where one of them is gone. A challenger is in one only: what scales beside it keeps its type.
    """
    types: defaultdict[str, set[str | None]] = defaultdict(set)
    for config in (hook.find_endpoint_config(name) for name in (current, wanted)):
        for variant in (config or {}).get("ProductionVariants", []):
            types[variant["VariantName"]].add(variant.get("InstanceType"))
    return any(len(found) > 1 for found in types.values())


def retention_of(endpoint: Mapping[str, Any]) -> dict[str, Any]:
    """Return what an update keeps of an endpoint: of one that sleeps not that it has no instance.

    Else a model would be in service that no instance has ever started; and where the update ends the scaling,
    nothing would wake it.
    """
    counts = [variant.get("DesiredInstanceCount") for variant in endpoint.get("ProductionVariants", [])]
    if 0 not in counts:
        return RETENTION
    excluded = [
        *RETENTION["ExcludeRetainedVariantProperties"],
        {"VariantPropertyType": "DesiredInstanceCount"},
    ]
    return {**RETENTION, "ExcludeRetainedVariantProperties": excluded}


def kind_of(config: Mapping[str, Any]) -> str:
    """Return of which kind an endpoint is, from its configuration's description."""
    if config.get("AsyncInferenceConfig"):
        return ASYNC
    is_serverless = any(variant.get("ServerlessConfig") for variant in config["ProductionVariants"])
    return SERVERLESS if is_serverless else REALTIME


def find_kind(hook: MusherSageMakerHook, *, name: str) -> str | None:
    """Return of which kind an endpoint is; None where it or its configuration is gone."""
    endpoint = hook.find_endpoint(name)
    config = hook.find_endpoint_config(endpoint["EndpointConfigName"]) if endpoint else None
    return kind_of(config) if config else None


def find_captures(endpoint: Mapping[str, Any], *, name: str) -> str | None:
    """Return the address below which an endpoint's captures lie, from its description; None without any."""
    capture = endpoint.get("DataCaptureConfig") or {}
    if capture.get("CaptureStatus") != "Started":
        return None
    return f"{capture['DestinationS3Uri'].rstrip('/')}/{name}/"


def remove_endpoint(hook: MusherSageMakerHook, *, name: str, delay_s: float) -> bool:
    """Delete an endpoint and wait until it no longer exists; return whether there was one."""
    if hook.find_endpoint(name) is None:
        return False
    remove_when_settled(
        hook.get_waiter("EndpointRemoved"),
        subject=f"endpoint {name}",
        arguments={"EndpointName": name},
        status_key="EndpointStatus",
        ask=partial(_delete_where_settled, hook, name),
        delay_s=delay_s,
    )
    return True


def ask_for_deletion(hook: MusherSageMakerHook, *, name: str, status: str) -> None:
    """Ask AWS to delete an endpoint: whether that happens, only its description tells."""
    ask_if_taken(partial(_delete_where_settled, hook, name), status, subject=f"endpoint {name}")


def _delete_where_settled(hook: MusherSageMakerHook, name: str, status: str) -> None:
    """Ask for an endpoint's deletion, unless that is refused in its status or under way."""
    if status not in (*BUSY, "Deleting"):
        hook.conn.delete_endpoint(EndpointName=name)
        logger.info("%s: asked AWS to delete the endpoint", name)


def remove_versions(
    hook: MusherSageMakerHook, *, kind: str, prefix: str, tags: Mapping[str, str] | None = None
) -> list[str]:
    """Delete each Model or EndpointConfig whose name begins so, and that has these tags, if any.

    Returns their names.
    """
    delete = {"Model": hook.conn.delete_model, "EndpointConfig": hook.conn.delete_endpoint_config}[kind]
    removed = []
    for name, arn in hook.list_resources(kind, name_contains=prefix):
        if not name.startswith(prefix):
            continue
        if not tags or tags.items() <= (find_tags(hook, arn=arn) or {}).items():
            found_or_none(delete, **{f"{kind}Name": name})
            logger.info("%s: removed %s", name, kind)
            removed.append(name)
    return removed
