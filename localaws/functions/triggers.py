"""How other services of moto call functions: as asynchronous invocations where AWS has them so.

https://docs.aws.amazon.com/lambda/latest/dg/lambda-services.html
"""

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from moto.awslambda.exceptions import LambdaClientError
from moto.awslambda.models import LambdaBackend

_is_queued: ContextVar[bool] = ContextVar("is_queued", default=False)

ERROR_HEADER = "x-amz-function-error"
"""What moto looks for after a synchronous call."""


def is_queued() -> bool:
    """Tell whether the service that calls now does not wait for the function."""
    return _is_queued.get()


@contextmanager
def queueing() -> Generator[None, None, None]:
    """Let the calls of this thread be queued."""
    token = _is_queued.set(True)
    try:
        yield
    finally:
        _is_queued.reset(token)


class TriggersMixin(LambdaBackend):
    """Overrides how moto's services reach functions."""

    def send_sns_message(
        self,
        function_name: str,
        message: str,
        subject: str | None = None,
        qualifier: str | None = None,
    ) -> None:
        """Queue a message of a topic: whoever published it does not wait for the function."""
        with queueing():
            super().send_sns_message(function_name, message, subject, qualifier)

    def send_log_event(
        self,
        function_arn: str,
        filter_name: str,
        log_group_name: str,
        log_stream_name: str,
        log_events: Any,
    ) -> None:
        """Queue log events of a subscription."""
        with queueing():
            super().send_log_event(function_arn, filter_name, log_group_name, log_stream_name, log_events)

    def invoke(
        self, function_name: str, qualifier: str | None, body: Any, headers: Any, response_headers: Any
    ) -> str | bytes | None:
        """Run an event of a queue or a bus; that it failed is told in a header, not by an exception."""
        try:
            return super().invoke(function_name, qualifier, body, headers, response_headers)
        except LambdaClientError as error:
            response_headers[ERROR_HEADER] = "Unhandled"
            return str(error.message).encode()
