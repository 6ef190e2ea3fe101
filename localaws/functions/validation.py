"""What CreateFunction and the updates refuse, in AWS's words. Pure but for reading moto's IAM state."""

import json
import re
from collections.abc import Mapping
from typing import Any

from moto.awslambda.exceptions import InvalidParameterValueException, ValidationException
from moto.iam.exceptions import NotFoundException
from moto.iam.models import iam_backends

from localaws.functions.arns import REFERENCE
from localaws.functions.known_runtimes import check_runtime
from localaws.functions.specs import RESERVED_VARIABLES
from localaws.iam.trust import trusts_service
from localaws.wire.wording import matches

NAME = re.compile(r"[a-zA-Z0-9-_]{1,64}")
TIMEOUT_MAX_S = 900
MEMORY_MB = (128, 10_240)
NUMBERS = ("Timeout", "MemorySize", "ReservedConcurrentExecutions")
STORAGE_MB = (512, 10_240)
VARIABLES_LIMIT = 4096
"""Bytes of all environment variables of a function."""
NOT_ASSUMABLE = "The role defined for the function cannot be assumed by Lambda."


def check_name(name: str) -> None:
    """Refuse a name that is too long or has characters a name may not have."""
    if NAME.fullmatch(name) is None:
        raise ValidationException(name, "functionName", matches(NAME.pattern))


def read_new_name(text: str, *, account_id: str, region: str) -> str:
    """Return the name of a new function, given as a name or as an ARN of this account and region."""
    match = REFERENCE.fullmatch(text)
    name = match["name"] if match else text
    check_name(name)
    elsewhere = match and (match["account_id"] or account_id, match["region"] or region) != (
        account_id,
        region,
    )
    if elsewhere or (match and match["qualifier"]):
        raise InvalidParameterValueException(
            "The function name must be a name, or an unqualified ARN of this account and region"
        )
    return name


def check_configuration(spec: Mapping[str, Any]) -> None:
    """Refuse values out of bounds; what `spec` leaves out is fine."""
    timeout, memory = spec.get("Timeout"), spec.get("MemorySize")
    if timeout is not None and not 1 <= timeout <= TIMEOUT_MAX_S:
        raise ValidationException(str(timeout), "timeout", _bound(timeout, 1, TIMEOUT_MAX_S))
    if memory is not None and not MEMORY_MB[0] <= memory <= MEMORY_MB[1]:
        raise ValidationException(str(memory), "memorySize", _bound(memory, *MEMORY_MB))
    if spec.get("Runtime") is not None:
        check_runtime(str(spec["Runtime"]))
    _check_storage(spec)
    check_variables((spec.get("Environment") or {}).get("Variables") or {})


def _check_storage(spec: Mapping[str, Any]) -> None:
    size = (spec.get("EphemeralStorage") or {}).get("Size")
    if size is not None and not STORAGE_MB[0] <= size <= STORAGE_MB[1]:
        raise ValidationException(str(size), "ephemeralStorage.size", _bound(size, *STORAGE_MB))


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


def read_numbers(spec: Mapping[str, Any]) -> dict[str, Any]:
    """Return a request whose numbers are numbers: a stack's template may write them as text."""
    return {
        name: int(value) if name in NUMBERS and isinstance(value, str) and value.isdecimal() else value
        for name, value in spec.items()
    }


def check_package(spec: Mapping[str, Any]) -> None:
    """Refuse a .zip function without handler or runtime, and an image, which nothing here would run."""
    if spec.get("PackageType") == "Image":
        raise InvalidParameterValueException(
            "localaws runs no container images: PackageType Image is not supported; give the code as a .zip."
        )
    if not (spec.get("Handler") and spec.get("Runtime")):
        raise InvalidParameterValueException(
            "Runtime and Handler are mandatory parameters for functions created with deployment packages."
        )


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
