"""Refuse what SendCommand refuses, before anything runs. Pure but for reading moto's S3 state."""

import re
from collections.abc import Mapping
from typing import Any

from moto.s3.models import s3_backends
from moto.ssm.exceptions import SSMException

from localaws.ssm import wording

SHELL = "AWS-RunShellScript"
OTHERS = frozenset(
    {
        "AWS-ApplyAnsiblePlaybooks",
        "AWS-ConfigureAWSPackage",
        "AWS-ConfigureDocker",
        "AWS-GatherSoftwareInventory",
        "AWS-RunAnsiblePlaybook",
        "AWS-RunDocument",
        "AWS-RunPatchBaseline",
        "AWS-RunPowerShellScript",
        "AWS-RunRemoteScript",
        "AWS-RunSaltState",
        "AWS-UpdateSSMAgent",
    }
)
"""Documents of AWS that would run on Linux, and are not built."""
WINDOWS = frozenset(
    {
        "AWS-ConfigureWindowsUpdate",
        "AWS-FindWindowsUpdates",
        "AWS-InstallApplication",
        "AWS-InstallMissingWindowsUpdates",
        "AWS-InstallPowerShellModule",
        "AWS-InstallSpecificWindowsUpdates",
        "AWS-ListWindowsInventory",
        "AWS-UpdateEC2Config",
    }
)
PARAMETERS = ("commands", "workingDirectory", "executionTimeout")
VERSIONS = ("", "1", "$DEFAULT", "$LATEST")
EXECUTION = re.compile(r"[1-9][0-9]{0,5}")
MAX_EXECUTION_S = 172_800
NOT_HEEDED = ("AlarmConfiguration", "DocumentHash", "DocumentHashType", "ServiceRoleArn")


def check_command(request: Mapping[str, Any], *, documents: Mapping[str, Any]) -> None:
    """Raise SSMException for a request that cannot be; `documents` are those of the account itself."""
    check_document(request["DocumentName"], documents=documents)
    if (version := request.get("DocumentVersion", "")) not in VERSIONS:
        raise SSMException("InvalidDocumentVersion", wording.no_version(version))
    check_parameters(request.get("Parameters") or {}, document=request["DocumentName"])
    check_targets(request)
    for member in NOT_HEEDED:
        if request.get(member):
            raise SSMException("ValidationException", wording.not_known(member))
    if (request.get("NotificationConfig") or {}).get("NotificationArn"):
        raise SSMException("InvalidNotificationConfig", wording.NO_NOTIFICATIONS)
    bucket = request.get("OutputS3BucketName")
    if bucket and bucket not in s3_backends.bucket_accounts:
        raise SSMException("InvalidOutputFolder", wording.no_bucket(bucket))


def check_document(name: str, *, documents: Mapping[str, Any]) -> None:
    """Refuse documents that there are not, or that are not for these instances, or not built."""
    short = name.rpartition("/")[2]
    if short == SHELL:
        return
    if short in WINDOWS:
        raise SSMException("UnsupportedPlatformType", wording.other_platform(short))
    is_known = short in OTHERS or name in documents
    raise SSMException("InvalidDocument", wording.not_built(name) if is_known else wording.no_document(name))


def check_parameters(parameters: Mapping[str, list[str]], *, document: str) -> None:
    """Refuse parameters that the document does not take."""
    unknown = [name for name in parameters if name not in PARAMETERS]
    if unknown:
        raise invalid(wording.unknown_parameters(unknown, document=document))
    if not any(line.strip() for line in parameters.get("commands") or []):
        raise invalid(wording.NO_COMMANDS)
    for name in PARAMETERS[1:]:
        if len(parameters.get(name, [])) > 1:
            raise invalid(wording.one_value(name))
    limit = "".join(parameters.get("executionTimeout", []))
    if limit and not (EXECUTION.fullmatch(limit) and int(limit) <= MAX_EXECUTION_S):
        raise invalid(wording.wrong_time(limit))


def invalid(message: str) -> SSMException:
    """Return the error of parameters."""
    return SSMException("InvalidParameters", message)


def check_targets(request: Mapping[str, Any]) -> None:
    """Refuse a command for nobody, or for one instance twice."""
    named, targets = request.get("InstanceIds") or [], request.get("Targets") or []
    if bool(named) == bool(targets):
        raise SSMException("ValidationException", wording.NO_TARGETS)
    if len(set(named)) < len(named):
        raise SSMException("DuplicateInstanceId", "")
    for target in targets:
        key = target.get("Key", "")
        if key.lower() not in ("instanceids", "tag-key") and not key.startswith("tag:"):
            raise SSMException("ValidationException", wording.unknown_target(key))
