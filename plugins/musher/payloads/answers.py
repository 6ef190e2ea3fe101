"""Read what the Lambda function answers."""

import base64
import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from musher.errors import LambdaError
from musher.results import Prediction

SHOWN_CHARACTERS = 500
BUSY = 429
KILLED = "Runtime.ExitError", "signal: killed"
"""How Lambda says that an environment died during a call: errorType, and the end of errorMessage."""
BILLED = r"Billed Duration: (\d+(?:\.\d+)?) ms"


def read_answer(*, payload: str, classes: Sequence[str]) -> Prediction:
    """Return status, number of classes, predicted class and its probability from a function's answer.

    The answer must have statusCode 200 and as body a JSON string of [[float, ...]], one logit per class;
    LambdaError shows any other.
    """
    answer = _decode(payload, payload)
    if not isinstance(answer, dict) or answer.get("statusCode") != 200:
        raise LambdaError(f"The function answered {_short(payload)}, not 200. Read the logs of both.")
    body = answer.get("body")
    if not isinstance(body, str):
        raise LambdaError(f"The answer's body is not a JSON string: {_short(payload)}.")
    return read_logits(body, classes=classes)


def is_busy(payload: str) -> bool:
    """Return whether a function says that its endpoint is throttled or not ready: it may answer later."""
    return _members(payload).get("statusCode") == BUSY


def was_killed(payload: str) -> bool:
    """Return whether a function's error is that its environment died: its machine, or its memory."""
    error, (kind, end) = _members(payload), KILLED
    return error.get("errorType") == kind and str(error.get("errorMessage")).endswith(end)


def _members(payload: str) -> Mapping[str, Any]:
    """Return the members of a payload; none where it is no JSON object."""
    try:
        found = json.loads(payload)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def read_logits(body: str, *, classes: Sequence[str]) -> Prediction:
    """Return what an endpoint's answer says, which must be [[float, ...]]; LambdaError shows any other."""
    logits = _logits(_decode(body, body), count=len(classes), payload=body)
    probabilities = softmax(logits)
    best = max(range(len(classes)), key=probabilities.__getitem__)
    return Prediction(
        status=200,
        classes=len(logits),
        predicted=classes[best],
        probability=round(probabilities[best], 4),
    )


def read_billed_seconds(response: Mapping[str, Any]) -> float | None:
    """Return the billed seconds from the log tail of an Invoke response, or None where it says nothing."""
    tail = base64.b64decode(response.get("LogResult", "")).decode(errors="replace")
    found = re.search(BILLED, tail)
    return float(found.group(1)) / 1000 if found else None


def softmax(logits: Sequence[float]) -> list[float]:
    """Return probabilities from logits, safe for large ones."""
    top = max(logits)
    powers = [math.exp(logit - top) for logit in logits]
    return [power / sum(powers) for power in powers]


def _logits(matrix: Any, *, count: int, payload: str) -> list[float]:
    """Return the one row of a 1 x `count` matrix of finite numbers."""
    row = matrix[0] if isinstance(matrix, list) and len(matrix) == 1 else None
    if not isinstance(row, list) or len(row) != count or not all(_is_number(value) for value in row):
        raise LambdaError(f"The answer's body is not [[{count} numbers]]: {_short(payload)}.")
    return [float(value) for value in row]


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _decode(text: str, payload: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise LambdaError(f"The answer is not JSON ({error}): {_short(payload)}.") from error


def _short(payload: str) -> str:
    return payload if len(payload) <= SHOWN_CHARACTERS else payload[:SHOWN_CHARACTERS] + "..."
