"""The errors of InvokeEndpoint, as AWS words them.

Source: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpoint.html#API_runtime_InvokeEndpoint_Errors
"""

import json
from collections.abc import Mapping

from moto.utilities.utils import get_partition

from localaws.asgi import Response, aws_error
from localaws.sagemaker.endpoints.controller import EndpointController
from localaws.sagemaker.endpoints.wording import console_url, log_group

MISADDRESSED = {
    "x-amzn-sagemaker-inference-component": (
        "",
        "Inference Component Name header is not allowed for endpoints to which you dont plan to deploy "
        "inference components. Please remove the Inference Component Name header and try again.",
    ),
    "x-amzn-sagemaker-target-model": (
        "TARGET_MODEL_HEADER_NOT_SUPPORTED",
        "Endpoint {name} is not a multi-model endpoint and does not support target model header.",
    ),
    "x-amzn-sagemaker-target-container-hostname": (
        "",
        "Endpoint {name} is not a multi-container endpoint and does not support target container hostname "
        "header.",
    ),
}
"""Headers that ask for one of several models, with AWS's ErrorCode, where known, and sentence."""
MESSAGE_BYTES = 4096
"""Bytes of a container's error body that are passed on."""


def validation_error(message: str) -> Response:
    """Return a request that cannot be served as it is."""
    return aws_error(status=400, code="ValidationError", message=message)


def endpoint_not_found(*, name: str, account_id: str) -> Response:
    """Return ValidationError, as AWS does for a missing endpoint and for one that is not in service."""
    return validation_error(f"Endpoint {name} of account {account_id} not found.")


def variant_not_found(*, variant: str, name: str, account_id: str) -> Response:
    """Return ValidationError for an unknown TargetVariant."""
    return validation_error(f"Variant {variant} of endpoint {name} of account {account_id} not found.")


def find_misaddressed(headers: Mapping[str, str], *, name: str) -> Response | None:
    """Return ValidationError for a request to a part that no endpoint here has: components, other models."""
    for header, (code, message) in MISADDRESSED.items():
        if header in headers:
            extra = {"ErrorCode": code} if code else {}
            message = message.format(name=name)
            return aws_error(status=400, code="ValidationError", message=message, extra=extra)
    return None


def too_large(*, limit: int) -> Response:
    """Return 413, which comes from AWS's front end and has no error code."""
    message = f"HTTP content length exceeded {limit} bytes."
    return Response(
        status=413,
        body=json.dumps({"message": message}).encode(),
        headers={"content-type": "application/json"},
    )


def unavailable(*, name: str) -> Response:
    """Return ServiceUnavailable: no instance is healthy."""
    return aws_error(
        status=503,
        code="ServiceUnavailable",
        message=f"The service is unavailable. Try your call again. (No instance of {name} is healthy.)",
    )


def throttled() -> Response:
    """Return ThrottlingException: a serverless variant has no room for another request."""
    return aws_error(status=400, code="ThrottlingException", message="Rate exceeded")


def model_error(controller: EndpointController, *, status: int, body: bytes) -> Response:
    """Return ModelError for a container that answered with an error."""
    text = body[:MESSAGE_BYTES].decode("utf-8", errors="replace")
    return _model_error(controller, status=status, text=text)


def invocation_timed_out(controller: EndpointController) -> Response:
    """Return ModelError for a container that did not answer in time."""
    text = (
        "Your invocation timed out while waiting for a response from container primary. Review the latency "
        "metrics for each container in Amazon CloudWatch, resolve the issue, and try again."
    )
    return _model_error(controller, status=0, text=text)


def no_response(controller: EndpointController) -> Response:
    """Return ModelError for a container that broke the connection, or died."""
    text = (
        f"Amazon SageMaker could not get a response from the {controller.name} endpoint. This can occur when "
        "CPU or memory utilization is high. To check your utilization, see Amazon CloudWatch. To fix this "
        "problem, use an instance type with more CPU capacity or memory."
    )
    return _model_error(controller, status=0, text=text)


def _model_error(controller: EndpointController, *, status: int, text: str) -> Response:
    side = "client" if 400 <= status < 500 else "server"
    where = console_url(endpoint_name=controller.name, region=controller.region)
    place = f"arn:{get_partition(controller.region)}:logs:{controller.region}:{controller.account_id}"
    arn = f"{place}:log-group:{log_group(controller.name)}"
    return aws_error(
        status=424,
        code="ModelError",
        message=(
            f'Received {side} error ({status}) from primary with message "{text}". '
            f"See {where} in account {controller.account_id} for more information."
        ),
        extra={
            "ErrorCode": "CLIENT_ERROR_FROM_MODEL" if side == "client" else "INTERNAL_FAILURE_FROM_MODEL",
            "OriginalStatusCode": status,
            "OriginalMessage": text,
            "LogStreamArn": arn,
        },
    )
