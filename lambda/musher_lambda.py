"""Answer `{"url": ...}` with the logits of a SageMaker endpoint, or with a status code that says why not.

Deployed as it is: the standard library and the Lambda runtime's boto3 only. Its variables:

    ENDPOINT_NAME        required; the endpoint
    MUSHER_SHOW_CONTEXT  0; with 1 each answer holds str(context) as `COntent-Type-In`: the function's name,
                         ARN and account, for callers who may know them

Success: statusCode 200 and `body`, a JSON string of shape (1, classes). Failure: `body` is the JSON string
`{"error": {"type": ..., "message": ...}}`, and statusCode is the one of the class below that was raised.
"""

import json
import logging
import math
import os
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    HTTPClientError,
    ReadTimeoutError,
)

MAX_URL_CHARACTERS = 8192
"""A presigned S3 URL with a session token takes about 2,000."""
MAX_MESSAGE_CHARACTERS = 300
# Lambda takes 6 MB, in which JSON's escapes may double the body; 21,841 classes make half a MB:
# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
MAX_ANSWER_BYTES = 2_900_000
MAX_ATTEMPTS = 2
MIN_RETRY_LIMIT_S = 10.0
"""A function with less time than this makes one attempt."""
LONGEST_PAUSE_S = 1.0
"""botocore's standard mode waits at most this long before the second attempt."""
CONNECT_TIMEOUT_S = 1.0
RESERVE_S = 0.5
"""Kept back from the function's own time limit for our answer."""
MIN_READ_TIMEOUT_S = 0.1
# SageMaker itself waits 60 s for a container:
# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpoint.html
MAX_READ_TIMEOUT_S = 60.0

# Each of these says "try again later", by its code or by the status of the container.
BUSY_CODES = frozenset(
    {"ThrottlingException", "TooManyRequestsException", "ServiceUnavailable", "ModelNotReadyException"}
)
BUSY_STATUSES = frozenset({429, 503})
CALLER_STATUSES = frozenset({400, 415, 424})
"""serve.py: not an image, a content type it does not take, a URL that cannot be fetched."""
TIMEOUT_STATUSES = frozenset({408, 504})

logger = logging.getLogger("musher_lambda")
logger.setLevel(logging.INFO)

_clients: dict[str, Any] = {}


class PredictionError(Exception):
    """Base of the tree: BadEventError, TooLargeError, BusyError, ModelFailedError, ModelTimeoutError."""

    status = 502
    kind = "ModelError"


class BadEventError(PredictionError):
    """The caller's event or image is at fault."""

    status = 400
    kind = "BadRequest"


class TooLargeError(PredictionError):
    """The image is larger than the endpoint takes."""

    status = 413
    kind = "TooLarge"


class BusyError(PredictionError):
    """The endpoint is throttled or not ready; the same event may succeed later."""

    status = 429
    kind = "Throttled"


class ModelFailedError(PredictionError):
    """The endpoint cannot be reached or answers nonsense."""


class ModelTimeoutError(PredictionError):
    """The endpoint did not answer within this function's time."""

    status = 504
    kind = "Timeout"


def handler(event: Any, context: Any) -> dict[str, Any]:
    """Classify the image that `event["url"]` points to (an AWS Lambda entry point)."""
    try:
        body = predict(url=read_url(event=event), context=context)
    except PredictionError as error:
        logger.warning("answered %d %s: %s", error.status, error.kind, error)
        failure = {"error": {"type": error.kind, "message": str(error)}}
        return answer(status=error.status, body=json.dumps(failure), context=context)
    return answer(status=200, body=body, context=context)


def answer(*, status: int, body: str, context: Any) -> dict[str, Any]:
    """Build the result; `COntent-Type-In` is spelt as its readers expect it, and empty unless asked for."""
    is_shown = os.environ.get("MUSHER_SHOW_CONTEXT") == "1"
    return {
        "statusCode": status,
        "headers": {"Content-Type": "text/plain", "Access-Control-Allow-Origin": "*"},
        "type-result": str(type(body)),
        "COntent-Type-In": str(context) if is_shown else "",
        "body": body,
    }


def read_url(*, event: Any) -> str:
    """Return the event's URL; raise BadEventError where it is none."""
    if not isinstance(event, dict):
        raise BadEventError('The event must be an object such as {"url": "https://..."}.')
    url = event.get("url")
    if not isinstance(url, str) or not url:
        raise BadEventError('The event must have "url", a non-empty string.')
    if len(url) > MAX_URL_CHARACTERS:
        raise BadEventError(f"The URL has {len(url)} characters; at most {MAX_URL_CHARACTERS} are taken.")
    if not is_http_url(url=url):
        raise BadEventError("The URL must start with http:// or https:// and name a host.")
    return url


def is_http_url(*, url: str) -> bool:
    """Return whether this is an http(s) URL with a host; which hosts it may be, the endpoint decides."""
    try:
        parts = urlsplit(url)
        return parts.scheme in {"http", "https"} and bool(parts.hostname)
    except ValueError:  # such as an unclosed bracket in the host
        return False


def predict(*, url: str, context: Any) -> str:
    """Return the endpoint's logits as the JSON text that it sent."""
    name = os.environ.get("ENDPOINT_NAME", "")
    if not name:
        logger.error("ENDPOINT_NAME is not set")
        raise ModelFailedError("This function is not configured: no endpoint is named.")
    try:
        response = client(context=context).invoke_endpoint(
            EndpointName=name,
            ContentType="application/json",
            Accept="application/json",
            Body=json.dumps({"url": url}).encode(),
        )
        body = response["Body"].read()
    except ClientError as error:
        raise of_client_error(error=error) from error
    except (ReadTimeoutError, ConnectTimeoutError) as error:
        raise ModelTimeoutError("The model did not answer in time.") from error
    except (BotoCoreError, HTTPClientError) as error:
        logger.exception("the endpoint %s cannot be called", name)
        raise ModelFailedError("The model cannot be reached.") from error
    except Exception as error:  # botocore's parsers raise whatever an answer that is no answer makes them
        logger.exception("the answer of endpoint %s cannot be read", name)
        raise ModelFailedError("The model's answer cannot be read.") from error
    return check_logits(body=body)


def client(*, context: Any) -> Any:
    """Return the SageMaker runtime client, made at the first event of this execution environment."""
    if "sagemaker-runtime" not in _clients:
        config = client_config(remaining_ms=context.get_remaining_time_in_millis())
        _clients["sagemaker-runtime"] = boto3.client("sagemaker-runtime", config=config)
    return _clients["sagemaker-runtime"]


def client_config(*, remaining_ms: int) -> Config:
    """Bound the attempts so that all of them together end before the function's own time limit."""
    remaining_s = remaining_ms / 1000
    attempts = MAX_ATTEMPTS if remaining_s >= MIN_RETRY_LIMIT_S else 1
    usable_s = remaining_s - RESERVE_S - LONGEST_PAUSE_S * (attempts - 1)
    read_timeout_s = usable_s / attempts - CONNECT_TIMEOUT_S
    return Config(
        connect_timeout=CONNECT_TIMEOUT_S,
        read_timeout=min(MAX_READ_TIMEOUT_S, max(MIN_READ_TIMEOUT_S, read_timeout_s)),
        retries={"mode": "standard", "total_max_attempts": attempts},
    )


def of_client_error(*, error: ClientError) -> PredictionError:
    """Translate an error of InvokeEndpoint; AWS's own text, which names the account, goes to the log only."""
    code = error.response.get("Error", {}).get("Code", "")
    logger.warning("InvokeEndpoint: %s", error)
    if code == "ModelError":
        return of_model_error(response=error.response)
    if isinstance(code, str) and code in BUSY_CODES:
        return BusyError("The model is busy; try again later.")
    return ModelFailedError("The model cannot be called.")


def of_model_error(*, response: Any) -> PredictionError:
    """Translate the container's own status; only its client errors have a message for the caller."""
    status = container_status(value=response.get("OriginalStatusCode"))
    message = container_message(text=response.get("OriginalMessage", ""))
    if status == 413:
        return TooLargeError(message or "The image is too large.")
    if status in CALLER_STATUSES:
        return BadEventError(message or "The model refused the image.")
    if status in BUSY_STATUSES:
        return BusyError("The model is busy; try again later.")
    # SageMaker gives no status where its own 60 s ran out, only these words.
    if status in TIMEOUT_STATUSES or "timed out" in str(response.get("Error", {}).get("Message", "")):
        return ModelTimeoutError("The model did not answer in time.")
    return ModelFailedError("The model failed on this image.")


def container_status(*, value: Any) -> int:
    """Return the container's HTTP status, 0 where the answer has none."""
    try:
        return int(value)
    except (TypeError, ValueError, OverflowError):
        return 0


def container_message(*, text: Any) -> str:
    """Return the message of the container's `{"error": "..."}`, shortened; "" where it sent anything else."""
    try:
        error = json.loads(text)["error"]
    except (ValueError, TypeError, LookupError, RecursionError):
        return ""
    return error[:MAX_MESSAGE_CHARACTERS] if isinstance(error, str) else ""


def check_logits(*, body: bytes) -> str:
    """Return the text of one row of finite numbers, [[f, f, ...]]; raise ModelFailedError for others."""
    if len(body) > MAX_ANSWER_BYTES:
        raise ModelFailedError("The model's answer is too long.")
    try:
        text = body.decode()
        logits = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ModelFailedError("The model's answer is not JSON.") from error
    if not (isinstance(logits, list) and len(logits) == 1 and isinstance(logits[0], list) and logits[0]):
        raise ModelFailedError("The model's answer is not one row of logits.")
    if not all(is_finite_number(value=value) for value in logits[0]):
        raise ModelFailedError("The model's answer holds logits that are no finite numbers.")
    return text


def is_finite_number(*, value: Any) -> bool:
    """Return whether a JSON value is a number other than NaN and the infinities; true and false are none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:  # an integer that no float can hold
        return False
