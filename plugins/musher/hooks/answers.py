"""Take no half answer of AWS's for a whole one.

botocore reads what comes until the connection ends, and does not hold it against Content-Length
(botocore/httpsession.py: `enforce_content_length=False`). Half a JSON document then reads as `{}`: no job, no
endpoint, no tags. So each answer is held against its length, and against the model: where that requires
members and none of them came, something on the way has lost them. botocore itself repairs S3's errors with
status 200 in this way: the answer becomes one of status 500, which is tried again as such, in every retry
mode, and raised when the tries are used up.

Bodies that are streamed (GetObject, Invoke) are held against their length by botocore, where they are read.
"""

import functools
from collections.abc import Mapping
from typing import Any

import botocore
from botocore import session

HALF = "HalfAnswer"
"""The code of the ClientError that is raised in the end: no service has one of this name."""

_UNCHECKED = ("content-encoding", "transfer-encoding")
"""With these headers the length is not that of the body, or the client's own HTTP holds it."""


@functools.cache
def require_whole_answers() -> None:
    """Hold the answers to all clients of sessions that this process makes from now on.

    It is the process's sessions, and not a hook of ours, so that the provider's operators are held as well.
    """
    botocore.register_initializer(prepare)


def prepare(made: session.Session) -> None:
    """Let a session's clients, blocking or not, hold their answers."""
    events = made.get_component("event_emitter")
    events.register("before-parse", check_length)
    events.register_first("needs-retry.*.*", check_members)


def check_length(
    *, operation_model: Any, response_dict: dict[str, Any], customized_response_dict: dict[str, Any], **_: Any
) -> None:
    """Take an answer that is shorter than it says for a failure of the service."""
    missing = count_missing(operation_model, response_dict)
    if missing:
        came = len(response_dict["body"])
        response_dict.update(status_code=500, body=b"")
        customized_response_dict["Error"] = _error(f"{came} of {came + missing} bytes came")


def count_missing(operation_model: Any, answer: Mapping[str, Any]) -> int:
    """Return how many bytes of an answer have not come; 0 where that cannot be told."""
    body, headers = answer["body"], answer["headers"]
    is_bare = operation_model.http.get("method") == "HEAD" or answer["status_code"] in (204, 304)
    if is_bare or not isinstance(body, bytes) or any(headers.get(name) for name in _UNCHECKED):
        return 0
    said = str(headers.get("content-length", ""))
    return max(0, int(said) - len(body)) if said.isdecimal() else 0


def check_members(*, response: Any, operation: Any, **_: Any) -> None:
    """Give a half answer the status by which it is tried again; called before botocore decides that."""
    if response is None:
        return
    http, parsed = response
    if http.status_code < 300 and "Error" not in parsed and lacks_all(operation, parsed):
        parsed["Error"] = _error("none of the members came that the service's model requires")
    error = parsed.get("Error")
    if isinstance(error, Mapping) and error.get("Code") == HALF:
        http.status_code = 500


def lacks_all(operation: Any, parsed: Mapping[str, Any]) -> bool:
    """Return whether an answer has none of the members that it must have."""
    required = operation.output_shape.required_members if operation.output_shape else ()
    return bool(required) and not any(name in parsed for name in required)


def _error(what: str) -> dict[str, str]:
    return {"Code": HALF, "Message": f"{what}: the connection broke, or something on the way cut the answer"}
