"""What CreateFunction and the updates refuse beside the model. Pure but for reading moto's IAM state."""

import json
from collections.abc import Mapping
from typing import Any

from moto.awslambda.exceptions import InvalidParameterValueException, ValidationException
from moto.iam.exceptions import NotFoundException
from moto.iam.models import iam_backends

from localaws.functions.arns import REFERENCE
from localaws.functions.known_runtimes import check_runtime
from localaws.functions.spec import RESERVED_VARIABLES
from localaws.iam.trust import trusts_service
from localaws.wire.wording import length_at_most, value_at_most

NAME_CHARACTERS = 64
LIMITS = {"Timeout": 900, "MemorySize": 10_240, "EphemeralStorage": 10_240}
"""Seconds, MiB and MiB at most. The model allows more, for functions of a capacity provider
(https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html)."""
ABSENT = frozenset({"CapacityProviderConfig", "DurableConfig", "PublishTo", "TenancyConfig"})
"""Members that would change how a function runs, and are not built."""
LOG_LEVELS = frozenset({"ApplicationLogLevel", "SystemLogLevel"})
VARIABLES_LIMIT = 4096
"""Bytes of all environment variables of a function."""
NOT_ASSUMABLE = "The role defined for the function cannot be assumed by Lambda."


def read_new_name(text: str, *, account_id: str, region: str) -> str:
    """Return the name of a new function, given as a name or as an ARN of this account and region."""
    match = REFERENCE.fullmatch(text)
    name = match["name"] if match else text
    if len(name) > NAME_CHARACTERS:
        raise ValidationException(name, "functionName", length_at_most(NAME_CHARACTERS))
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
    """Refuse numbers, runtimes and variables that a function may not have; what is left out is fine."""
    for member, most in LIMITS.items():
        value = spec.get(member)
        number = value["Size"] if isinstance(value, Mapping) else value
        if number is not None and number > most:
            name = member[0].lower() + member[1:] + (".size" if isinstance(value, Mapping) else "")
            raise ValidationException(str(number), name, value_at_most(most))
    check_absent(spec)
    check_logging(spec.get("LoggingConfig") or {})
    if spec.get("Runtime") is not None:
        check_runtime(str(spec["Runtime"]))
    check_variables((spec.get("Environment") or {}).get("Variables") or {})


def check_absent(spec: Mapping[str, Any]) -> None:
    """Refuse what localaws does not have."""
    if absent := sorted(ABSENT & spec.keys()):
        raise InvalidParameterValueException(f"localaws does not implement {absent[0]} of functions")


def check_logging(config: Mapping[str, str]) -> None:
    """Refuse levels of logs that are text."""
    if config.get("LogFormat", "Text") == "Text" and config.keys() & LOG_LEVELS:
        raise InvalidParameterValueException(
            'LogLevel is not supported when LogFormat is set to "Text". '
            'Remove LogLevel from your request or change the LogFormat to "JSON" and try again.'
        )


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
