"""Errors that a client of Lambda sees, worded as AWS words them.

    LambdaClientError (moto's)
    ├── ConflictError                  409  what is asked for does not go with what is there
    │   └── ResourceConflictError      409  the function is Pending, or an update is in progress
    ├── NotFoundError                  404  a resource that is not there
    ├── RevisionError                  412  the RevisionId is not the latest
    ├── UnauthorizedError              403  a function of another account, which does not allow it
    ├── InvalidRequestContentError     400  the payload is not JSON
    ├── RequestTooLargeError           413  the payload is over the limit
    ├── InvalidRuntimeError            502  a runtime that does not run here
    ├── UnreachableRegionError         404  an ARN of another region
    ├── ThrottledError                 429  over reserved or account concurrency, with AWS's `Reason`
    └── ServiceError                   500  the environment could not be started

Source: https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html#API_Invoke_Errors
"""

from moto.awslambda.exceptions import LambdaClientError

UNQUALIFIED_ONLY = (
    "This operation is permitted on Lambda functions only. Aliases and versions do not support this "
    "operation. Please specify either a function name or an unqualified function ARN."
)
RESOURCE_MISSING = "The resource you requested does not exist."


class ConflictError(LambdaClientError):
    """What is asked for does not go with what is there."""

    code = 409

    def __init__(self, message: str) -> None:
        super().__init__("ResourceConflictException", message)


class ResourceConflictError(ConflictError):
    """The function's state does not allow this now."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"The operation cannot be performed at this time. {reason}")


class NotFoundError(LambdaClientError):
    """A resource is not there."""

    code = 404

    def __init__(self, message: str = RESOURCE_MISSING) -> None:
        super().__init__("ResourceNotFoundException", message)


class RevisionError(LambdaClientError):
    """The RevisionId is not the latest; `action` is what tells the latest."""

    code = 412

    def __init__(self, action: str = "GetFunction/GetAlias") -> None:
        super().__init__(
            "PreconditionFailedException",
            "The Revision Id provided does not match the latest Revision Id. "
            f"Call the {action} API to retrieve the latest Revision Id",
        )


class UnauthorizedError(LambdaClientError):
    """A function of another account does not allow the action."""

    code = 403

    def __init__(self, *, account_id: str, action: str, arn: str) -> None:
        super().__init__(
            "AccessDeniedException",
            f"User: arn:aws:iam::{account_id}:root is not authorized to perform: {action} on resource: {arn} "
            f"because no resource-based policy allows the {action} action",
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


class UnreachableRegionError(NotFoundError):
    """The ARN names a function of another region."""

    def __init__(self, wanted: str, region: str) -> None:
        super().__init__(f"Functions from '{wanted}' are not reachable in this region ('{region}')")


class ThrottledError(LambdaClientError):
    """There is no concurrency left; `reason` is AWS's word for which limit."""

    code = 429

    def __init__(self, reason: str, *, is_final: bool = False) -> None:
        super().__init__("TooManyRequestsException", "Rate Exceeded.")
        self.reason = reason
        self.is_final = is_final
        """Whether it is of no use to try again: the function has no concurrency at all."""


class ServiceError(LambdaClientError):
    """localaws could not start an execution environment."""

    code = 500

    def __init__(self, reason: str) -> None:
        super().__init__("ServiceException", reason)
