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
from localaws.functions.request_types import find_wrong_type
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
        status, headers, body = self._act()
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

    def _act(self) -> TYPE_RESPONSE:
        """Take the action; what is no request is an error of the client."""
        try:
            self._check_body()
            return super().call_action()
        except KeyError as error:
            member = str(error.args[0])
            message = f"Value null at '{member[0].lower()}{member[1:]}' failed to satisfy constraint: "
            return _bad_request(
                "ValidationException", f"1 validation error detected: {message}Member must not be null"
            )
        except ValueError as error:
            return _bad_request("SerializationException", f"Could not parse request body into json: {error}")

    def _check_body(self) -> None:
        """Raise ValueError where the body is no JSON object, or a member has a wrong type."""
        action = self.action()
        if not self.body or self.method not in ("POST", "PUT") or action in (None, "InvokeAsync"):
            return
        if not isinstance(json.loads(self.body), dict):
            raise ValueError("the body is not an object")
        if wrong := find_wrong_type(action, self.json_body):
            raise ValueError(wrong)


def _bad_request(code: str, message: str) -> TYPE_RESPONSE:
    return 400, {}, json.dumps({"__type": code, "message": message})


def _read_error(body: Any) -> tuple[str | None, str]:
    """Return code and message of an error as moto writes it."""
    try:
        document = json.loads(body)
    except (TypeError, ValueError):
        return None, ""
    return document.get("__type"), str(document.get("message", ""))
