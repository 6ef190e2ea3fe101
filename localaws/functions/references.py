"""Which function an action is for: read from its path once, in every form that AWS takes."""

import json
from typing import Any, TypeAlias
from urllib.parse import parse_qs

from moto.awslambda import models as moto_models
from moto.awslambda.exceptions import InvalidParameterValueException
from moto.awslambda.responses import LambdaResponse

from localaws.functions import arns
from localaws.functions.arns import LATEST, FunctionReference, Target
from localaws.functions.errors import UNQUALIFIED_ONLY, UnauthorizedError, UnreachableRegionError
from localaws.functions.permissions.policy import VIA_URL

Answer: TypeAlias = Any
"""What moto takes from an action: text, or status, headers and body."""


class ReferringActions(LambdaResponse):
    """moto's Lambda actions, with what all of ours need."""

    @property
    def json_body(self) -> dict[str, Any]:
        """The body's members; one that is null is not there."""
        return {name: value for name, value in json.loads(self.body).items() if value is not None}

    def query(self, name: str) -> str | None:
        """Return a parameter of the query string."""
        return parse_qs(self.parsed_url.query, keep_blank_values=True).get(name, [None])[0]

    def action(self) -> str:
        """Return AWS's name of the action; the labels of the path are known afterwards."""
        return self._get_action()

    def target(self) -> Target:
        """Return the function that the request names, in this account and region.

        Raises UnreachableRegionError for another region's, UnauthorizedError for another account's unless
        its policy allows the action.
        """
        self.action()
        reference = arns.parse_reference(self.uri_match["FunctionName"], qualifier=self.query("Qualifier"))
        return self.resolve(reference)

    def resolve(self, reference: FunctionReference) -> Target:
        """Return where a function lies, if the caller may reach it."""
        return reach(
            reference, account_id=self.current_account, region=self.region, action=f"lambda:{self.action()}"
        )

    def function_target(self) -> Target:
        """Return the function that the request names; refuse versions and aliases."""
        target = self.target()
        if target.qualifier not in (None, LATEST):
            raise InvalidParameterValueException(UNQUALIFIED_ONLY)
        return Target(account_id=target.account_id, region=target.region, name=target.name)

    def backend_of(self, target: Target) -> Any:
        """Return the backend of a function: a LocalLambdaBackend."""
        return moto_models.lambda_backends[target.account_id][target.region]

    def answer(self, document: dict[str, Any] | None = None) -> Answer:
        """Return a success; `call_action` gives it the status of its action."""
        return 200, {}, "" if document is None else json.dumps(document)


def reach(reference: FunctionReference, *, account_id: str, region: str, action: str) -> Target:
    """Return the function that a reference means for a caller of an account, in a region."""
    if reference.region is not None and reference.region != region:
        raise UnreachableRegionError(reference.region, region)
    target = Target(
        account_id=reference.account_id or account_id,
        region=region,
        name=reference.name,
        qualifier=reference.qualifier,
    )
    if target.account_id != account_id and not _is_shared(target, account_id=account_id, action=action):
        raise UnauthorizedError(account_id=account_id, action=action, arn=target.arn())
    return target


def _is_shared(target: Target, *, account_id: str, action: str) -> bool:
    """Tell whether the policy of what is named lets another account take an action of the API."""
    backend: Any = moto_models.lambda_backends[target.account_id][target.region]
    function = backend.find_latest(target.name)
    policy = function.settings.policies.get(target.qualifier or LATEST) if function else None
    return policy is not None and policy.grants(
        action=action, account_id=account_id, facts={VIA_URL: "false"}
    )
