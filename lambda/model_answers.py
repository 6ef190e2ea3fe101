"""Hold what an endpoint answers against what callers were promised, and say what else it was."""

import json
import math
from typing import Any

from endpoint_client import THROTTLING_CODES, Reply
from lambda_errors import (
    BadEventError,
    BusyError,
    ModelFailedError,
    ModelTimeoutError,
    PredictionError,
    TooLargeError,
)

MAX_MESSAGE_CHARACTERS = 300
# Lambda takes 6 MB, in which JSON's escapes may double the body; 21,841 classes make half a MB:
# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
MAX_ANSWER_BYTES = 2_900_000

# Each of these says "try again later", by its code or by the status of the container.
BUSY_CODES = THROTTLING_CODES | {"ServiceUnavailable", "ModelNotReadyException"}
SOURCE_BUSY_STATUS = 429
"""serve.py: the host of the image's URL is busy."""
BUSY_STATUSES = frozenset({SOURCE_BUSY_STATUS, 503})
CALLER_STATUSES = frozenset({400, 415, 424})
"""serve.py: not an image, a content type it does not take, a URL that cannot be fetched."""
TIMEOUT_STATUSES = frozenset({408, 504})


def read_reply(reply: Reply) -> str:
    """Return the logits' text; raise the PredictionError that tells of anything else."""
    if reply.code:
        raise of_error(reply)
    return check_logits(reply.body)


def of_error(reply: Reply) -> PredictionError:
    """Translate an error; AWS's own text, which names the account, is not passed on."""
    if reply.code == "ModelError":
        return of_model_error(reply.fields())
    if reply.code in BUSY_CODES or reply.status in BUSY_STATUSES:
        return BusyError("The model is busy; try again later.")
    if reply.status in TIMEOUT_STATUSES:
        return ModelTimeoutError("The model did not answer in time.")
    return ModelFailedError("The model cannot be called.")


def of_model_error(fields: dict[str, Any]) -> PredictionError:
    """Translate the container's own status; only its client errors have a message for the caller."""
    status = container_status(fields.get("OriginalStatusCode"))
    message = container_message(fields.get("OriginalMessage", ""))
    if status == 413:
        return TooLargeError(message or "The image is too large.")
    if status in CALLER_STATUSES:
        return BadEventError(message or "The model refused the image.")
    if status in BUSY_STATUSES:
        said = message if status == SOURCE_BUSY_STATUS else ""
        return BusyError(said or "The model is busy; try again later.")
    # SageMaker gives no status where its own 60 s ran out, only these words.
    told = fields.get("Message", fields.get("message", ""))
    if status in TIMEOUT_STATUSES or "timed out" in str(told):
        return ModelTimeoutError("The model did not answer in time.")
    return ModelFailedError("The model failed on this image.")


def container_status(value: Any) -> int:
    """Return the container's HTTP status, 0 where the answer has none."""
    try:
        return int(value)
    except (TypeError, ValueError, OverflowError):
        return 0


def container_message(text: Any) -> str:
    """Return the message of the container's `{"error": "..."}`, shortened; "" where it sent anything else."""
    try:
        error = json.loads(text)["error"]
    except (ValueError, TypeError, LookupError, RecursionError):
        return ""
    return error[:MAX_MESSAGE_CHARACTERS] if isinstance(error, str) else ""


def check_logits(body: bytes) -> str:
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
    if not all(map(is_finite_number, logits[0])):
        raise ModelFailedError("The model's answer holds logits that are no finite numbers.")
    return text


def is_finite_number(value: Any) -> bool:
    """Return whether a JSON value is a number other than NaN and the infinities; true and false are none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:  # an integer that no float can hold
        return False
