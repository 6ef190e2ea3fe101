"""Plan the endpoint of a run: its names, and how it is updated."""

import hashlib
import json
from collections.abc import Sequence

from musher import names
from musher.errors import GateError
from musher.hooks.sagemaker import MusherSageMakerHook
from musher.payloads.alarms import AlarmLimits, build_alarms
from musher.payloads.approval import APPROVED
from musher.payloads.updates import UpdatePolicy, build_update
from musher.results import Params, Request
from musher.stages.run import Run

CONTENT = (
    "endpoint_instance_type",
    "endpoint_instance_count",
    "capture_percent",
    "endpoint_kind",
    "serverless_memory_mb",
    "serverless_concurrency",
    "serverless_provisioned",
    "async_concurrency",
)
"""Params that a configuration holds."""


def check_approved(hook: MusherSageMakerHook, *, package_arn: str) -> None:
    """Raise GateError unless the registry still says that the version may be deployed."""
    package = hook.find_package(package_arn)
    status = package["ModelApprovalStatus"] if package else "gone"
    if status != APPROVED:
        raise GateError(
            f"{package_arn} is {status}, not {APPROVED}: it is not deployed. Approve it in the registry, or "
            "clear the stage gate, then clear this task."
        )


def name_version(run: Run, *, model_uri: str, image_uri: str) -> str:
    """Return the name of the run's model and configuration: one for each content."""
    content = [model_uri, image_uri, *(run.params[name] for name in CONTENT)]
    return names.endpoint_version(run.settings, slug=run.slug, content_hash=hash_content(content))


def hash_content(content: Sequence[object]) -> str:
    """Return the hash (64 hex digits) by which a version with this content is named."""
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def request_update(run: Run, *, config_name: str) -> Request:
    """Return the UpdateEndpoint request, and those of the alarms that take it back: a trial has none."""
    params = run.params
    limits = AlarmLimits(
        max_error_percent=params["max_error_percent"], max_latency_ms=params["max_latency_ms"]
    )
    alarms = build_alarms(run.settings, slug=run.slug, limits=limits) if run.is_live else []
    return {
        "Update": build_update(
            endpoint_name=run.endpoint_name,
            endpoint_config_name=config_name,
            policy=update_policy(params, alarms=[alarm["AlarmName"] for alarm in alarms]),
            instances=params["endpoint_instance_count"],
        ),
        "Alarms": alarms,
    }


def request_shadow(run: Run) -> Request | None:
    """Return how a model is watched beside what serves; None where it is not."""
    params = run.params
    if not run.is_live or not params["comparison_percent"]:
        return None
    return {
        "role": params["comparison_role"],
        "percent": params["comparison_percent"],
        "seconds": params["comparison_s"],
        "limits": {name: params[name] for name in ("max_error_percent", "max_latency_ms")},
    }


def update_policy(params: Params, *, alarms: Sequence[str]) -> UpdatePolicy:
    """Return how an update goes, as the run's Params say."""
    return UpdatePolicy(
        kind=params["update_policy"],
        share_percent=params["update_share_percent"],
        bake_s=params["update_bake_s"],
        alarms=tuple(alarms),
    )
