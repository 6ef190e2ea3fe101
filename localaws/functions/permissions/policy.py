"""The policy of a function, of one of its versions or aliases. Pure.

https://docs.aws.amazon.com/lambda/latest/api/API_AddPermission.html
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from moto.awslambda.exceptions import InvalidParameterValueException

from localaws.functions.errors import ConflictError, NotFoundError
from localaws.iam.conditions import holds

ACCOUNT = re.compile(r"\d{12}")
AUTH_TYPE, VIA_URL = "lambda:FunctionUrlAuthType", "lambda:InvokedViaFunctionUrl"
CONDITIONS = {
    "FunctionUrlAuthType": ("StringEquals", AUTH_TYPE),
    "InvokedViaFunctionUrl": ("Bool", VIA_URL),
    "PrincipalOrgID": ("StringEquals", "aws:PrincipalOrgID"),
    "SourceAccount": ("StringEquals", "AWS:SourceAccount"),
    "EventSourceToken": ("StringEquals", "lambda:EventSourceToken"),
    "SourceArn": ("ArnLike", "AWS:SourceArn"),
}
"""Member of AddPermission -> operator and key of the condition that it becomes."""

Statement = dict[str, Any]


@dataclass(kw_only=True)
class FunctionPolicy:
    """Statements, each with an id of its own."""

    statements: list[Statement] = field(default_factory=list)

    def add(self, statement: Statement) -> None:
        """Add a statement. Raises ConflictError where its id is taken."""
        sid = statement["Sid"]
        if any(known["Sid"] == sid for known in self.statements):
            raise ConflictError(
                f"The statement id ({sid}) provided already exists. "
                "Please provide a new statement id, or remove the existing statement."
            )
        self.statements.append(statement)

    def remove(self, sid: str) -> None:
        """Remove a statement. Raises NotFoundError where there is none of this id."""
        left = [statement for statement in self.statements if statement["Sid"] != sid]
        if len(left) == len(self.statements):
            raise NotFoundError(f"Statement {sid} is not found in resource policy.")
        self.statements = left

    def document(self) -> str:
        """Return the policy as JSON. Raises NotFoundError where it has no statement."""
        if not self.statements:
            raise NotFoundError()
        return json.dumps({"Version": "2012-10-17", "Id": "default", "Statement": self.statements})

    def grants(self, *, action: str, account_id: str | None, facts: Mapping[str, str]) -> bool:
        """Tell whether it lets another account (None: everybody) take an action.

        `facts` are the condition keys that are known; a statement with any other does not apply.
        """
        known = {key.lower(): value for key, value in facts.items()}
        return any(
            _fits(statement["Action"], action)
            and _names_account(statement["Principal"], account_id)
            and holds(statement.get("Condition", {}), known)
            for statement in self.statements
        )


def _fits(pattern: str, action: str) -> bool:
    return pattern in ("lambda:*", "*") or pattern.lower() == action.lower()


def _names_account(principal: Any, account_id: str | None) -> bool:
    named = principal.get("AWS", "") if isinstance(principal, dict) else principal
    return named == "*" or (account_id is not None and f":{account_id}:" in named)


def build_statement(request: Mapping[str, Any], *, resource: str) -> Statement:
    """Return the statement that an AddPermission asks for. Raises where its Principal is none."""
    statement: Statement = {
        "Sid": request["StatementId"],
        "Effect": "Allow",
        "Principal": build_principal(request["Principal"]),
        "Action": request["Action"],
        "Resource": resource,
    }
    conditions = _build_conditions(request)
    return statement | ({"Condition": conditions} if conditions else {})


def build_principal(principal: str) -> Any:
    """Return a Principal element."""
    if principal == "*":
        return principal
    if principal.endswith(".amazonaws.com"):
        return {"Service": principal}
    if ACCOUNT.fullmatch(principal):
        return {"AWS": f"arn:aws:iam::{principal}:root"}
    if re.match(r"arn:aws[a-zA-Z-]*:(iam|sts)::", principal):
        return {"AWS": principal}
    raise InvalidParameterValueException(
        "The provided principal was invalid. Please check the principal and try again."
    )


def _build_conditions(request: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for member, (operator, key) in CONDITIONS.items():
        if request.get(member) is not None:
            value = request[member]
            found.setdefault(operator, {})[key] = str(value).lower() if isinstance(value, bool) else value
    return found
