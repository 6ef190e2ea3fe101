"""Answer `{"url": ...}` with the logits of a SageMaker endpoint, or with a status code that says why not.

Deployed as it is, with the modules beside it: the standard library only, as importing boto3 is most of a cold
start. Its variables are in lambda_settings.py, its events in lambda_events.py.

Success: statusCode 200 and `body`, a JSON string of shape (1, classes). Failure: `body` is the JSON string
`{"error": {"code": ..., "message": ...}}`, and statusCode is the one of the class in lambda_errors.py.

Logs one line of JSON for each event: status, seconds, the request's id, whether it waited for a cold start,
and where the image came from; no address, no image.
"""

import http.client
import json
import os
import sys
import time
from typing import Any

import lambda_events
from aws_credentials import CredentialsError, RoleCredentials
from endpoint_client import EndpointClient, Reply
from lambda_errors import ModelFailedError, ModelTimeoutError, PredictionError
from lambda_settings import FunctionSettings, read_settings
from model_answers import MAX_ANSWER_BYTES, read_reply

MAX_LOGGED_CHARACTERS = 1000


class Function:
    """One execution environment: its settings and its connection, for one event after the other."""

    def __init__(self, settings: FunctionSettings, client: EndpointClient) -> None:
        self._settings, self._client = settings, client
        self._is_cold = not settings.is_started_ahead

    def handle(self, event: Any, context: Any) -> dict[str, Any]:
        """Answer one event in the form that its kind of caller takes."""
        started, is_cold, self._is_cold = time.monotonic(), self._is_cold, False
        notes: dict[str, Any] = {"request_id": getattr(context, "aws_request_id", ""), "cold_start": is_cold}
        try:
            status, body = 200, self._predict(event, context, notes)
        except PredictionError as error:
            status, body = error.status, lambda_events.describe(error)
            notes |= {"code": error.code, "reason": str(error)}
        seconds = round(time.monotonic() - started, 4)
        log("INFO" if status < 500 else "ERROR", "answered", status=status, seconds=seconds, **notes)
        if lambda_events.is_proxied(event):
            return lambda_events.proxied_answer(status=status, body=body)
        shown = str(context) if self._settings.shows_context else ""
        return lambda_events.direct_answer(status=status, body=body, shown=shown)

    def _predict(self, event: Any, context: Any, notes: dict[str, Any]) -> str:
        """Return the endpoint's logits as the JSON text that it sent."""
        question = lambda_events.read_event(event)
        notes |= {"source": question.source, "sent_bytes": len(question.body)}
        if not self._settings.endpoint_name:
            raise ModelFailedError("This function is not configured: no endpoint is named.")
        reply = self._ask(question, remaining_s=context.get_remaining_time_in_millis() / 1000)
        if reply.code:
            told = reply.body.decode(errors="replace")[:MAX_LOGGED_CHARACTERS]
            log("WARNING", "InvokeEndpoint failed", code=reply.code, status=reply.status, told=told, **notes)
        return read_reply(reply)

    def _ask(self, question: lambda_events.Question, *, remaining_s: float) -> Reply:
        try:
            return self._client.invoke(
                question.body,
                content_type=question.content_type,
                remaining_s=remaining_s,
                trace_id=os.environ.get("_X_AMZN_TRACE_ID", ""),
            )
        except TimeoutError as error:
            raise ModelTimeoutError("The model did not answer in time.") from error
        except (OSError, http.client.HTTPException, CredentialsError) as error:
            reason = f"{type(error).__name__}: {error}"[:MAX_LOGGED_CHARACTERS]
            name = self._settings.endpoint_name
            log("ERROR", "the endpoint cannot be called", endpoint=name, reason=reason)
            raise ModelFailedError("The model cannot be reached.") from error


def make_function(environ: Any = os.environ) -> Function:
    """Return this environment's function."""
    settings = read_settings(environ)
    client = EndpointClient(settings, RoleCredentials(environ), max_answer_bytes=MAX_ANSWER_BYTES)
    return Function(settings, client)


def log(level: str, message: str, **fields: Any) -> None:
    """Write one line of JSON, so that nothing of an event can forge another line."""
    sys.stdout.write(json.dumps({"level": level, "message": message, **fields}) + "\n")
    sys.stdout.flush()


_function = make_function()


def handler(event: Any, context: Any) -> dict[str, Any]:
    """Classify the image that an event names (an AWS Lambda entry point)."""
    return _function.handle(event, context)
