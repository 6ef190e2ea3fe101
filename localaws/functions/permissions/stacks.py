"""Statements that come with a stack: moto's AWS::Lambda::Permission gives them to a function itself."""

import json
import uuid
from typing import Any

from localaws.functions.arns import LATEST
from localaws.functions.permissions.policy import Statement, build_statement
from localaws.functions.settings import FunctionSettings


class StackPolicy:
    """What moto takes for the policy of a function; the statements lie where GetPolicy finds them."""

    def __init__(self, settings: FunctionSettings, *, resource: str) -> None:
        self._settings = settings
        self._resource = resource

    def add_statement(self, raw: str, qualifier: str | None = None) -> tuple[Statement, str]:
        """Add the statement of a template's properties, which name none."""
        request: dict[str, Any] = {"StatementId": f"stack-{uuid.uuid4().hex}"} | json.loads(raw)
        resource = f"{self._resource}:{qualifier}" if qualifier else self._resource
        statement = build_statement(request, resource=resource)
        self._settings.policy(qualifier or LATEST).add(statement)
        return statement, ""
