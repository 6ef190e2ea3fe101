"""What GetFunctionConfiguration and its kin answer about one version of a function. Pure.

https://docs.aws.amazon.com/lambda/latest/api/API_FunctionConfiguration.html
"""

import hashlib
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from moto.awslambda.models import LambdaFunction

NOT_LISTED = (
    "State",
    "StateReason",
    "StateReasonCode",
    "LastUpdateStatus",
    "LastUpdateStatusReason",
    "LastUpdateStatusReasonCode",
    "RuntimeVersionConfig",
)
"""Members that lists of functions and versions leave out."""


def lambda_time(moment: datetime) -> str:
    """Return a time as Lambda writes it: milliseconds and +0000."""
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}+0000"


def describe(function: "LambdaFunction", *, extra: dict[str, Any]) -> dict[str, Any]:
    """Return a function's configuration: what moto keeps, and `extra`. What is not set is left out."""
    found = {
        "FunctionName": function.function_name,
        "FunctionArn": function.function_arn,
        "Runtime": function.run_time,
        "Role": function.role,
        "Handler": function.handler,
        "CodeSize": function.code_size,
        "Description": function.description,
        "Timeout": function.timeout,
        "MemorySize": function.memory_size,
        "LastModified": function.last_modified,
        "CodeSha256": function.code_sha_256,
        "Version": str(function.version),
        "VpcConfig": function.vpc_config,
        "KMSKeyArn": function.kms_key_arn,
        "TracingConfig": function.tracing_config,
        "Layers": function.layers or None,
        "PackageType": function.package_type,
        "Architectures": function.architectures,
        "EphemeralStorage": {"Size": function.ephemeral_storage},
        "SigningProfileVersionArn": function.signing_profile_version_arn,
        "SigningJobArn": function.signing_job_arn,
    }
    return {name: value for name, value in (found | extra).items() if value is not None}


def runtime_version(runtime: str, *, region: str, partition: str) -> dict[str, str]:
    """Return RuntimeVersionConfig: each runtime has one version here."""
    digest = hashlib.sha256(runtime.encode()).hexdigest()
    return {"RuntimeVersionArn": f"arn:{partition}:lambda:{region}::runtime:{digest}"}


def logging_config(given: dict[str, Any] | None, *, function_name: str) -> dict[str, Any]:
    """Return LoggingConfig with AWS's defaults."""
    config = {"LogFormat": "Text", "LogGroup": f"/aws/lambda/{function_name}"} | (given or {})
    levels = {"ApplicationLogLevel": "INFO", "SystemLogLevel": "INFO"}
    return levels | config if config["LogFormat"] == "JSON" else config


def listed(configuration: dict[str, Any]) -> dict[str, Any]:
    """Return a configuration as lists give it."""
    return {name: value for name, value in configuration.items() if name not in NOT_LISTED}
