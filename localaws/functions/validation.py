"""What CreateFunction and the updates refuse, in AWS's words. Pure but for reading moto's IAM state."""

import json
import re
from collections.abc import Mapping
from typing import Any

from moto.awslambda.exceptions import InvalidParameterValueException, ValidationException
from moto.iam.exceptions import NotFoundException
from moto.iam.models import iam_backends

from localaws.functions.specs import RESERVED_VARIABLES
from localaws.iam.trust import trusts_service

NAME = re.compile(r"[a-zA-Z0-9-_]{1,64}")
TIMEOUT_MAX_S = 900
MEMORY_MB = (128, 10_240)
VARIABLES_LIMIT = 4096
"""Bytes of all environment variables of a function."""
NOT_ASSUMABLE = "The role defined for the function cannot be assumed by Lambda."


def check_name(name: str) -> None:
    """Refuse a name that is too long or has characters a name may not have."""
    if NAME.fullmatch(name) is None:
        constraint = f"Member must satisfy regular expression pattern: {NAME.pattern}"
        raise ValidationException(name, "functionName", constraint)


def check_configuration(spec: Mapping[str, Any]) -> None:
    """Refuse values out of bounds; what `spec` leaves out is fine."""
    timeout, memory = spec.get("Timeout"), spec.get("MemorySize")
    if timeout is not None and not 1 <= timeout <= TIMEOUT_MAX_S:
        raise ValidationException(str(timeout), "timeout", _bound(timeout, 1, TIMEOUT_MAX_S))
    if memory is not None and not MEMORY_MB[0] <= memory <= MEMORY_MB[1]:
        raise ValidationException(str(memory), "memorySize", _bound(memory, *MEMORY_MB))
    check_variables((spec.get("Environment") or {}).get("Variables") or {})


def _bound(value: int, low: int, high: int) -> str:
    word, bound = ("greater", low) if value < low else ("less", high)
    return f"Member must have value {word} than or equal to {bound}"


def check_variables(variables: Mapping[str, str]) -> None:
    """Refuse reserved names and more than 4 KB."""
    start = (
        "Lambda was unable to configure your environment variables "
        "because the environment variables you have "
    )
    if reserved := sorted(RESERVED_VARIABLES & variables.keys()):
        raise InvalidParameterValueException(
            f"{start}provided contains reserved keys that are currently not supported for modification. "
            f"Reserved keys used in this request: {', '.join(reserved)}"
        )
    text = json.dumps(dict(variables), separators=(",", ":"))
    if len(text.encode()) > VARIABLES_LIMIT:
        raise InvalidParameterValueException(
            f"{start}provided exceeded the 4KB limit. String measured: {text}"
        )


def check_package(spec: Mapping[str, Any]) -> None:
    """Refuse a .zip function without handler or runtime."""
    if spec.get("PackageType", "Zip") == "Zip" and not (spec.get("Handler") and spec.get("Runtime")):
        message = (
            "Runtime and Handler are mandatory parameters for functions created with deployment packages."
        )
        raise InvalidParameterValueException(message)


def check_role(role_arn: str, *, account_id: str, partition: str, missing_ok: bool = False) -> None:
    """Refuse a role that does not trust lambda.amazonaws.com, or does not exist (unless `missing_ok`)."""
    try:
        role = iam_backends[account_id][partition].get_role_by_arn(role_arn)
    except NotFoundException as error:
        if missing_ok:
            return
        raise InvalidParameterValueException(NOT_ASSUMABLE) from error
    if not trusts_service(role.assume_role_policy_document, service="lambda.amazonaws.com"):
        raise InvalidParameterValueException(NOT_ASSUMABLE)
