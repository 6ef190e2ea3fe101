"""How Lambda answers: statuses, and errors as its API writes them.

The statuses and the members of errors are those of botocore's model of the service.
"""

import functools
import json
from typing import Any

from moto.core.exceptions import JsonRESTError

from localaws.asgi import Response
from localaws.functions.errors import ThrottledError
from localaws.protocols import MODELS

STATUSES = {"DeleteFunction": 204}
"""Of a success, where AWS answers another one than the model says."""
ERROR_STATUSES = {"AccessDeniedException": 403}
"""Of errors that moto answers with another status."""
UNTYPED = ("ValidationException", "AccessDeniedException", "SerializationException")
"""Errors that AWS raises before Lambda looks at a request: they do not say whose fault they are."""


@functools.cache
def model() -> dict[str, Any]:
    """Return botocore's model of Lambda."""
    return dict(MODELS.load_service_model("lambda", "service-2"))


def success_status(action: str) -> int:
    """Return the HTTP status of an action that succeeded."""
    return STATUSES.get(action) or int(model()["operations"][action]["http"].get("responseCode", 200))


def error_body(*, code: str, message: str, reason: str | None = None) -> bytes:
    """Return the JSON of an error: some shapes spell their message with a capital letter."""
    shape = model()["shapes"].get(code, {})
    name = "Message" if "Message" in shape.get("members", {}) else "message"
    typed = {} if code in UNTYPED else {"Type": "Service" if shape.get("fault") else "User"}
    reasoned = {"Reason": reason} if reason else {}
    return json.dumps(reasoned | typed | {name: message}).encode()


def error_response(error: JsonRESTError, *, request_id: str) -> Response:
    """Return the answer of a route of our own to an error."""
    code = str(error.error_type)
    reason = error.reason if isinstance(error, ThrottledError) else None
    return Response(
        status=int(error.code),
        body=error_body(code=code, message=str(error.message), reason=reason),
        headers={
            "content-type": "application/json",
            "x-amzn-errortype": code,
            "x-amzn-requestid": request_id,
        },
    )
