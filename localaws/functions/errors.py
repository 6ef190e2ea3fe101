"""Errors that a client of Lambda sees, worded as AWS words them.

    LambdaClientError (moto's)
    ├── ResourceConflictError          409  the function is Pending, or an update is in progress
    ├── InvalidRequestContentError     400  the payload is not JSON
    ├── RequestTooLargeError           413  the payload is over the limit
    ├── InvalidRuntimeError            502  a runtime that does not run here
    ├── UnreachableRegionError         404  an ARN of another region
    ├── ThrottledError                 429  over reserved or account concurrency, with AWS's `Reason`
    └── ServiceError                   500  the environment could not be started

Source: https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html#API_Invoke_Errors
"""

from moto.awslambda.exceptions import LambdaClientError


class ResourceConflictError(LambdaClientError):
    """The function's state does not allow this now."""

    code = 409

    def __init__(self, reason: str) -> None:
        super().__init__(
            "ResourceConflictException", f"The operation cannot be performed at this time. {reason}"
        )


class InvalidRequestContentError(LambdaClientError):
    """The payload is not JSON."""

    code = 400

    def __init__(self, reason: str) -> None:
        super().__init__(
            "InvalidRequestContentException", f"Could not parse request body into json: {reason}"
        )


class RequestTooLargeError(LambdaClientError):
    """The payload is over the limit of its invocation type."""

    code = 413

    def __init__(self, limit: int) -> None:
        message = f"Request must be smaller than {limit} bytes for the InvokeFunction operation"
        super().__init__("RequestTooLargeException", message)


class InvalidRuntimeError(LambdaClientError):
    """The function needs a runtime that localaws does not have."""

    code = 502

    def __init__(self, runtime: str) -> None:
        message = f"localaws runs .zip functions of the python3.* runtimes; {runtime} does not run here"
        super().__init__("InvalidRuntimeException", message)


class UnreachableRegionError(LambdaClientError):
    """The ARN names a function of another region."""

    code = 404

    def __init__(self, wanted: str, region: str) -> None:
        message = f"Functions from '{wanted}' are not reachable in this region ('{region}')"
        super().__init__("ResourceNotFoundException", message)


class ThrottledError(LambdaClientError):
    """There is no concurrency left; `reason` is AWS's word for which limit."""

    code = 429

    def __init__(self, reason: str) -> None:
        super().__init__("TooManyRequestsException", "Rate Exceeded.")
        self.reason = reason


class ServiceError(LambdaClientError):
    """localaws could not start an execution environment."""

    code = 500

    def __init__(self, reason: str) -> None:
        super().__init__("ServiceException", reason)
