"""Build the requests for a notebook instance and its lifecycle configuration.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateNotebookInstance.html
https://docs.aws.amazon.com/sagemaker/latest/dg/notebook-lifecycle-config.html
"""

import base64
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from musher import names
from musher.errors import PayloadError
from musher.payloads.tags import as_list
from musher.settings import Settings

PLATFORM = "notebook-al2023-v1"
MIN_VOLUME_GB, MAX_VOLUME_GB = 5, 16_384
MIN_IDLE_MINUTES, MAX_IDLE_MINUTES = 10, 1_440
"""The program that stops an idle instance looks every five minutes."""

MAX_SCRIPT_CHARACTERS = 16_384
"""Of a lifecycle script in base64."""

FOLDER = "/opt/musher"
"""Where the instance keeps that program: root's own, and made anew at each start."""

AUTOSTOP = "autostop.py"
ON_START = "on_start.sh"

VALID_S = 300
"""Seconds within which a presigned address must be opened:
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreatePresignedNotebookInstanceUrl.html"""

SESSION_S = 8 * 3600
"""Seconds that a session lasts: a working day. AWS takes 1,800 to 43,200."""

CHANGEABLE = ("InstanceType", "LifecycleConfigName", "RoleArn", "RootAccess", "VolumeSizeInGB")
"""What UpdateNotebookInstance changes of an instance that is Stopped or Failed."""

FIXED = ("DirectInternetAccess", "KmsKeyId", "SubnetId")
"""What stays as the instance was created."""

MEMBERS = {"LifecycleConfigName": "NotebookInstanceLifecycleConfigName"}
"""What a request calls otherwise than the instance's description does."""


@dataclass(frozen=True, kw_only=True)
class NotebookPlan:
    """What a run asks of a notebook instance."""

    name: str
    instance_type: str
    volume_gb: int
    has_root: bool


@dataclass(frozen=True, kw_only=True)
class ScriptPlan:
    """What an instance's script does at each start."""

    idle_minutes: int
    code_key: str
    code_version: str


def build_notebook(settings: Settings, *, plan: NotebookPlan, tags: Mapping[str, str]) -> dict[str, Any]:
    """Return the CreateNotebookInstance request; PayloadError for a volume that AWS refuses."""
    if not MIN_VOLUME_GB <= plan.volume_gb <= MAX_VOLUME_GB:
        raise PayloadError(
            f"volume_gb is {plan.volume_gb}, and AWS takes {MIN_VOLUME_GB} to {MAX_VOLUME_GB}. Choose one "
            "of these."
        )
    return {
        "NotebookInstanceName": plan.name,
        "InstanceType": plan.instance_type,
        "RoleArn": names.role_arn(settings, role="notebook"),
        "VolumeSizeInGB": plan.volume_gb,
        "LifecycleConfigName": plan.name,
        "RootAccess": "Enabled" if plan.has_root else "Disabled",
        "PlatformIdentifier": PLATFORM,
        "InstanceMetadataServiceConfiguration": {"MinimumInstanceMetadataServiceVersion": "2"},
        "Tags": as_list(dict(tags)),
        **network(settings),
        **({"KmsKeyId": settings.volume_kms_key} if settings.volume_kms_key else {}),
    }


def network(settings: Settings) -> dict[str, Any]:
    """Return the members that say where an instance is: in the installation's VPC it has no other way out."""
    if not settings.subnets:
        return {"DirectInternetAccess": "Enabled"}
    return {
        "SubnetId": settings.subnets[0],
        "SecurityGroupIds": list(settings.security_groups),
        "DirectInternetAccess": "Disabled",
    }


def build_lifecycle_config(*, name: str, script: str, tags: Mapping[str, str]) -> dict[str, Any]:
    """Return the CreateNotebookInstanceLifecycleConfig request; PayloadError for a script that is too long.

    It has no OnCreate: what an instance needs at its first start it needs at each, as only
    /home/ec2-user/SageMaker is kept.
    """
    content = base64.b64encode(script.encode()).decode()
    if len(content) > MAX_SCRIPT_CHARACTERS:
        raise PayloadError(
            f"The script that notebook instances start with has {len(content)} characters in base64, and AWS "
            f"takes {MAX_SCRIPT_CHARACTERS}. Shorten training/notebook/{ON_START} or {AUTOSTOP}."
        )
    return {
        "NotebookInstanceLifecycleConfigName": name,
        "OnStart": [{"Content": content}],
        "Tags": as_list(dict(tags)),
    }


def write_script(settings: Settings, *, plan: ScriptPlan, on_start: str, autostop: str) -> str:
    """Return the script of each start: variables, the program that stops the instance, what starts that."""
    if not MIN_IDLE_MINUTES <= plan.idle_minutes <= MAX_IDLE_MINUTES:
        raise PayloadError(
            f"idle_minutes is {plan.idle_minutes}. Choose {MIN_IDLE_MINUTES} to {MAX_IDLE_MINUTES} minutes."
        )
    variables = {
        "FOLDER": FOLDER,
        "IDLE_MINUTES": str(plan.idle_minutes),
        "CODE_BUCKET": names.bucket(settings),
        "CODE_KEY": plan.code_key,
        "CODE_VERSION": plan.code_version,
    }
    exported = {
        "MUSHER_PROJECT": settings.project,
        "MUSHER_BUCKET": names.bucket(settings),
        "MUSHER_ENDPOINT": names.live_endpoint(settings),
        "AWS_DEFAULT_REGION": settings.region,
    }
    end = f"END_OF_{AUTOSTOP}"
    return "\n".join(
        [
            "#!/bin/bash",
            *(f"{name}={shlex.quote(value)}" for name, value in variables.items()),
            *(f"export {name}={shlex.quote(value)}" for name, value in exported.items()),
            'mkdir -p "$FOLDER"',
            f"cat > \"$FOLDER/{AUTOSTOP}\" << '{end}'",
            f"{autostop.rstrip()}\n{end}",
            on_start,
        ]
    )


def find_changes(wanted: Mapping[str, Any], found: Mapping[str, Any]) -> dict[str, Any]:
    """Return what UpdateNotebookInstance must change of a described instance; a volume never gets smaller."""
    changes = {
        member: wanted[member]
        for member in CHANGEABLE
        if member in wanted and found.get(MEMBERS.get(member, member)) != wanted[member]
    }
    if changes.get("VolumeSizeInGB", 0) < found.get("VolumeSizeInGB", 0):
        changes.pop("VolumeSizeInGB", None)
    return changes


def find_fixed(wanted: Mapping[str, Any], found: Mapping[str, Any]) -> list[str]:
    """Return which members differ and cannot be changed."""
    differing = [member for member in FIXED if wanted.get(member) != found.get(member)]
    if wanted["VolumeSizeInGB"] < found.get("VolumeSizeInGB", 0):
        differing.append("VolumeSizeInGB")
    return differing
