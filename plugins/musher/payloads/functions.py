"""Build Lambda CreateFunction and update requests.

https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from musher import names
from musher.payloads.security import function_vpc_config
from musher.settings import Settings

RUNTIME = "python3.14"
"""The newest Python that is out of preview: https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html"""

HANDLER = "musher_lambda.handler"
TIMEOUT_S = 70
"""Longer than the 60 s that SageMaker gives an invocation, so that its own error arrives."""

MEMORY_MB = 256


@dataclass(frozen=True, kw_only=True)
class FunctionPlan:
    """Hold what distinguishes one function from another; `code_key` lies in the project's bucket."""

    name: str
    code_key: str
    endpoint_name: str
    tags: Mapping[str, str]


def build_function(settings: Settings, *, plan: FunctionPlan) -> dict[str, Any]:
    """Return the CreateFunction request."""
    return {
        "FunctionName": plan.name,
        "Runtime": RUNTIME,
        "Role": names.role_arn(settings, role="lambda"),
        "Handler": HANDLER,
        "Code": {"S3Bucket": names.bucket(settings), "S3Key": plan.code_key},
        "Description": f"Classifies the image at a URL by endpoint {plan.endpoint_name}.",
        "Timeout": TIMEOUT_S,
        "MemorySize": MEMORY_MB,
        "Environment": {"Variables": _variables(settings, plan)},
        **function_vpc_config(settings),
        "Tags": dict(plan.tags),
    }


def _variables(settings: Settings, plan: FunctionPlan) -> dict[str, str]:
    """Return what the function reads at its start; callers see its context only where that is asked for."""
    shown = {"MUSHER_SHOW_CONTEXT": "1"} if settings.show_context else {}
    return {"ENDPOINT_NAME": plan.endpoint_name, **shown}


def build_code_update(request: Mapping[str, Any]) -> dict[str, Any]:
    """Return the UpdateFunctionCode request that brings an existing function to `request`'s code."""
    return {"FunctionName": request["FunctionName"], **request["Code"]}


def build_configuration_update(request: Mapping[str, Any]) -> dict[str, Any]:
    """Return the UpdateFunctionConfiguration request that brings an existing function to `request`."""
    return {key: value for key, value in request.items() if key not in ("Code", "Tags")}
