"""How AWS's services word what is too much for them, and their own failures.

A code that the operation declares in its model comes first, then what the service's pages say, then what all
services of a protocol have in common:
https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
https://docs.aws.amazon.com/sagemaker/latest/APIReference/CommonErrors.html
"""

import functools
import json
from typing import Any

from localaws.asgi import Response
from localaws.protocols import Call, Protocol, error_answer
from localaws.wire.cbor import as_cbor
from localaws.wire.compiler import find_model
from localaws.wire.refusals import SERVICES

TOO_MANY = ("ThrottlingException", "TooManyRequestsException", "ThrottledException", "RequestThrottled")
"""What models call the error for too many requests."""
THROTTLES = {
    "s3": (503, "SlowDown", "Please reduce your request rate."),
    "ec2": (503, "RequestLimitExceeded", "Request limit exceeded."),
    "lambda": (429, "TooManyRequestsException", "Rate exceeded"),
}
FAILURES = {
    ("s3", 500): ("InternalError", "We encountered an internal error. Please try again."),
    ("s3", 503): ("ServiceUnavailable", "Service is unable to handle request."),
    ("ec2", 500): ("InternalError", "An internal error has occurred."),
    ("ec2", 503): ("Unavailable", "The server is overloaded and can't handle the request."),
    ("lambda", 500): ("ServiceException", "An error occurred and the request cannot be processed."),
}
COMMON_FAILURES = {
    500: ("InternalFailure", "The request processing has failed because of an unknown error."),
    503: ("ServiceUnavailable", "The request has failed due to a temporary failure of the server."),
}
LAMBDA_REASON = {"Reason": "CallerRateLimitExceeded", "Type": "User"}
"""https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html#API_Invoke_Errors"""


def throttled(call: Call, *, is_cbor: bool, retry_after_s: int = 1) -> Response:
    """Return the answer to one request too many."""
    status, code, message = THROTTLES.get(call.service) or _common_throttle(call)
    answer = error_answer(call, status=status, code=code, message=message)
    if call.service == "lambda":
        answer.body = json.dumps({"message": message} | LAMBDA_REASON).encode()
        answer.headers["retry-after"] = str(retry_after_s)
    return in_protocol(answer, call, is_cbor=is_cbor)


def _common_throttle(call: Call) -> tuple[int, str, str]:
    for name, (code, status) in declared(call.service, call.action).items():
        if name in TOO_MANY:
            return status or 400, code, "Rate exceeded"
    is_query = call.protocol in (Protocol.QUERY, Protocol.REST_XML)
    return 400, "Throttling" if is_query else "ThrottlingException", "Rate exceeded"


def failed(call: Call, *, is_cbor: bool, status: int) -> Response:
    """Return the answer of a service that fails, 500 or 503."""
    own = FAILURES.get((call.service, status))
    common, message = own or COMMON_FAILURES[status]
    codes = [
        code for code, its_status in declared(call.service, call.action).values() if its_status == status
    ]
    code = common if own or not codes else codes[0]
    answer = error_answer(call, status=status, code=code, message=message)
    return in_protocol(answer, call, is_cbor=is_cbor)


def in_protocol(answer: Response, call: Call, *, is_cbor: bool) -> Response:
    """Return an error as the request is written."""
    return as_cbor(answer, model=None, action=call.action) if is_cbor else answer


@functools.lru_cache(maxsize=1024)
def declared(service: str, action: str) -> dict[str, tuple[str, int]]:
    """Return the errors that an operation declares: the shape's name -> its code and status (0: not said)."""
    contract = SERVICES.get(service)
    model: Any = None if contract is None else find_model(contract.model)
    if model is None or action not in model.operation_names:
        return {}
    found = {}
    for shape in model.operation_model(action).error_shapes:
        error = shape.metadata.get("error", {})
        found[shape.name] = error.get("code", shape.name), int(error.get("httpStatusCode", 0))
    return found
