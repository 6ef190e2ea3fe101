"""The Lambda actions: each mix-in answers those of one part, and all are answered as AWS does."""

import json
from typing import Any

from moto.core.common_types import TYPE_RESPONSE

from localaws.functions import answers
from localaws.functions.addresses.actions import AddressActions
from localaws.functions.aliases.actions import AliasActions
from localaws.functions.concurrency.actions import ConcurrencyActions
from localaws.functions.events.actions import EventActions
from localaws.functions.layers.actions import LayerActions
from localaws.functions.permissions.actions import PermissionActions
from localaws.functions.sources.actions import SourceActions


class LocalLambdaResponse(
    AliasActions,
    PermissionActions,
    EventActions,
    ConcurrencyActions,
    AddressActions,
    LayerActions,
    SourceActions,
):
    """moto's Lambda actions and ours."""

    def _dispatch(self, request: Any, full_url: str | None = None, headers: Any = None) -> TYPE_RESPONSE:
        """Answer a request; moto reads its body as UTF-8 before anything else."""
        try:
            return super()._dispatch(request, full_url, headers)
        except UnicodeDecodeError as error:
            code = "SerializationException"
            body = answers.error_body(code=code, message=f"Could not parse request body into json: {error}")
            return 400, {"x-amzn-errortype": code, "content-type": "application/json"}, body.decode()

    def call_action(self) -> TYPE_RESPONSE:
        """Answer with the status and the error body of AWS."""
        status, headers, body = super().call_action()
        headers = {name.lower(): value for name, value in headers.items() if name.lower() != "status"}
        headers["content-type"] = "application/json"
        if status < 300:
            return answers.success_status(self.action()), headers, body
        code, message = _read_error(body)
        if code is None:
            return status, headers, body
        headers["x-amzn-errortype"] = code
        status = answers.ERROR_STATUSES.get(code, status)
        return status, headers, answers.error_body(code=code, message=message).decode()


def _read_error(body: Any) -> tuple[str | None, str]:
    """Return code and message of an error as moto writes it."""
    try:
        document = json.loads(body)
    except (TypeError, ValueError):
        return None, ""
    return document.get("__type"), str(document.get("message", ""))
