"""Resource policies: one for a function, and one for each version or alias that has statements."""

import json
import uuid
from typing import Any

from moto.awslambda.exceptions import InvalidParameterValueException

from localaws.functions.aliases.backend import AliasesMixin
from localaws.functions.arns import LATEST
from localaws.functions.errors import NotFoundError, RevisionError
from localaws.functions.permissions.policy import FunctionPolicy, Statement, build_statement


class PermissionsMixin(AliasesMixin):
    """Overrides moto's policies."""

    def _holder(self, name: str, qualifier: str | None) -> Any:
        """Return what has the policy, and its revision: an alias or a version of a function."""
        alias = self.find_alias(name, qualifier) if qualifier else None
        return alias or self.local(name, qualifier)

    def _policy(self, name: str, qualifier: str | None) -> FunctionPolicy:
        return self.local(name).settings.policy(qualifier or LATEST)

    def find_policy_document(self, name: str, qualifier: str | None) -> str | None:
        """Return the policy of a function, a version or an alias as JSON; None where it has none."""
        function = self.find_latest(name)
        policy = function.settings.policies.get(qualifier or LATEST) if function else None
        return policy.document() if policy and policy.statements else None

    def add_statement(self, name: str, qualifier: str | None, request: dict[str, Any]) -> Statement:
        """Answer AddPermission; return the new statement."""
        if qualifier == LATEST:
            raise InvalidParameterValueException("We currently do not support adding policies for $LATEST.")
        holder = self._holder(name, qualifier)
        if request.get("RevisionId") not in (None, holder.revision_id):
            raise RevisionError("GetPolicy")
        statement = build_statement(request, resource=self.target(name, qualifier).arn())
        self._policy(name, qualifier).add(statement)
        holder.revision_id = str(uuid.uuid4())
        return statement

    def drop_statement(self, name: str, qualifier: str | None, sid: str, revision_id: str | None) -> None:
        """Answer RemovePermission."""
        holder = self._holder(name, qualifier)
        policy = self._policy(name, qualifier)
        if not policy.statements:
            raise NotFoundError("No policy is associated with the given resource.")
        if revision_id not in (None, holder.revision_id):
            raise RevisionError("GetPolicy")
        policy.remove(sid)
        holder.revision_id = str(uuid.uuid4())

    def get_policy(self, function_name: str, qualifier: str | None = None) -> str:
        """Return the answer to GetPolicy as JSON."""
        holder = self._holder(function_name, qualifier)
        document = self._policy(function_name, qualifier).document()
        return json.dumps({"Policy": document, "RevisionId": holder.revision_id})
