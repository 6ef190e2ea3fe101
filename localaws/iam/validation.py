"""What IAM refuses of policy documents: trust policies, inline policies and managed ones.

moto looks at no trust policy of CreateRole, wants a version of every one that it looks at, and takes
principals in the policies of roles.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
"""

import json
import re
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Any

from moto.iam.exceptions import LimitExceededException, MalformedPolicyDocument
from moto.iam.policy_validation import VALID_STATEMENT_ELEMENTS, IAMPolicyDocumentValidator

from localaws.iam.conditions import is_condition
from localaws.iam.patterns import as_list

VERSIONS = ("2008-10-17", "2012-10-17")
TRUST_ELEMENTS = ("Version", "Id", "Statement")
PRINCIPALS = ("AWS", "Service", "Federated")
MAX_TRUST_CHARACTERS, MAX_MANAGED_CHARACTERS = 2048, 6144
MAX_INLINE_CHARACTERS = {"role": 10_240, "user": 2048, "group": 5120}
"""Characters of policies without white space: a trust policy, a managed one, all inline ones of a principal
(https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html)."""
ACCOUNT = r"\*|[0-9]{12}|AIDA[A-Z0-9]+|AROA[A-Z0-9]+|arn:aws[a-z-]*:(iam|sts)::[0-9]{12}:.+"
SERVICE = r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+"
TRUST_ACTIONS = (
    "sts:assumerole",
    "sts:assumerolewithsaml",
    "sts:assumerolewithwebidentity",
    "sts:assumeroot",
    "sts:decodeauthorizationmessage",
    "sts:getaccesskeyinfo",
    "sts:getcalleridentity",
    "sts:getfederationtoken",
    "sts:getservicebearertoken",
    "sts:getsessiontoken",
    "sts:setcontext",
    "sts:setsourceidentity",
    "sts:tagsession",
)
"""https://docs.aws.amazon.com/service-authorization/latest/reference/list_awssecuritytokenservice.html"""

SYNTAX = "Syntax errors in policy."


class InlinePolicyValidator(IAMPolicyDocumentValidator):
    """moto's checks of a policy that says what its owner may do, and what they leave out."""

    def validate(self) -> None:
        """Raise MalformedPolicyDocument for what is no such policy."""
        super().validate()
        if any("Principal" in item or "NotPrincipal" in item for item in self._statements):
            raise MalformedPolicyDocument("Policy document should not specify a principal.")

    def _validate_version(self) -> None:
        """Take any version: only managed policies must be of the newest."""


class ManagedPolicyValidator(InlinePolicyValidator):
    """The checks of a policy with an ARN of its own."""

    def validate(self) -> None:
        """Raise MalformedPolicyDocument for what is no such policy, LimitExceeded for a longer one."""
        super().validate()
        if count_characters(self._policy_document) > MAX_MANAGED_CHARACTERS:
            raise LimitExceededException(f"Cannot exceed quota for PolicySize: {MAX_MANAGED_CHARACTERS}")

    def _validate_version(self) -> None:
        IAMPolicyDocumentValidator._validate_version(self)


def count_characters(document: str) -> int:
    """Return how long a document is for a quota: white space does not count."""
    return len(re.sub(r"\s", "", document))


def require_room(documents: Iterable[str], *, kind: str, name: str) -> None:
    """Raise LimitExceeded where the inline policies of a role, user or group are too long together."""
    limit = MAX_INLINE_CHARACTERS[kind]
    if sum(map(count_characters, documents)) > limit:
        raise LimitExceededException(f"Maximum policy size of {limit} bytes exceeded for {kind} {name}")


def require_trust_policy(document: str) -> None:
    """Raise MalformedPolicyDocument for a document that cannot say who may assume a role.

    Which roles and services there are is not looked at: of principals the form alone counts.
    """
    try:
        policy = json.loads(document)
    except (ValueError, RecursionError) as error:
        raise MalformedPolicyDocument("This policy contains invalid Json") from error
    if not isinstance(policy, dict) or not set(policy) <= set(TRUST_ELEMENTS):
        raise MalformedPolicyDocument(SYNTAX)
    if "Version" in policy and policy["Version"] not in VERSIONS:
        raise MalformedPolicyDocument("The policy must contain a valid version string")
    if "Statement" not in policy:
        raise MalformedPolicyDocument("Missing required field Statement")
    statements = as_list(policy["Statement"])
    if not statements:
        raise MalformedPolicyDocument("Could not parse the policy: Statement is empty!")
    for statement in statements:
        _require_trust_statement(statement)
    _require_distinct_ids(statements)
    if count_characters(document) > MAX_TRUST_CHARACTERS:
        raise LimitExceededException(f"Cannot exceed quota for ACLSizePerRole: {MAX_TRUST_CHARACTERS}")


def _require_trust_statement(statement: Any) -> None:
    if not isinstance(statement, dict) or not set(statement) <= set(VALID_STATEMENT_ELEMENTS):
        raise MalformedPolicyDocument(SYNTAX)
    if not isinstance(statement.get("Sid", ""), str):
        raise MalformedPolicyDocument(SYNTAX)
    if "Effect" not in statement:
        raise MalformedPolicyDocument("Missing required field Effect")
    if statement["Effect"] not in ("Allow", "Deny"):
        raise MalformedPolicyDocument(f"Invalid effect: {statement['Effect']}")
    _require_principal(statement)
    _require_taking(statement)
    if "Resource" in statement:
        raise MalformedPolicyDocument("Has prohibited field Resource")
    if "NotResource" in statement:
        raise MalformedPolicyDocument("AssumeRole policy must not contain resources.")
    if not is_condition(statement.get("Condition", {})):
        raise MalformedPolicyDocument(SYNTAX)


def _require_principal(statement: Mapping[str, Any]) -> None:
    """Refuse a statement that does not say whom it is about."""
    if "NotPrincipal" in statement:
        is_allowing = statement["Effect"] == "Allow"
        raise MalformedPolicyDocument(
            "Allow with NotPrincipal is not allowed."
            if is_allowing
            else "AssumeRole policy must not contain NotPrincipal field."
        )
    if "Principal" not in statement:
        raise MalformedPolicyDocument("Missing required field Principal")
    principal = statement["Principal"]
    if principal == "*":
        raise MalformedPolicyDocument('AssumeRolepolicy contained an invalid principal: "STAR":"*".')
    if not isinstance(principal, dict):
        raise MalformedPolicyDocument("Principal must be a JSON object.")
    if not principal or not all(as_list(names) for names in principal.values()):
        raise MalformedPolicyDocument("Missing required field Principal cannot be empty!")
    for kind, names in principal.items():
        for name in as_list(names):
            _require_name(kind, name)


def _require_name(kind: str, name: Any) -> None:
    """Refuse a principal that can be none, by its form."""
    if kind not in PRINCIPALS:
        raise MalformedPolicyDocument(f'Invalid principal in policy: "{kind}"')
    pattern = {"AWS": ACCOUNT, "Service": SERVICE}.get(kind, ".+")
    if not isinstance(name, str) or re.fullmatch(pattern, name) is None:
        raise MalformedPolicyDocument(f'Invalid principal in policy: "{kind.upper()}":"{name}"')


def _require_taking(statement: Mapping[str, Any]) -> None:
    """Refuse a statement without actions, or with actions of others than STS."""
    listed = [name for name in ("Action", "NotAction") if name in statement]
    if not listed or not as_list(statement[listed[0]]):
        raise MalformedPolicyDocument("Missing required field Action")
    actions = as_list(statement[listed[0]])
    if len(listed) == 2 or not all(isinstance(action, str) for action in actions):
        raise MalformedPolicyDocument(SYNTAX)
    if not all(_is_trust_action(action.lower()) for action in actions):
        raise MalformedPolicyDocument("AssumeRole policy may only specify STS AssumeRole actions.")


def _is_trust_action(pattern: str) -> bool:
    return pattern.startswith("sts:") and any(fnmatchcase(name, pattern) for name in TRUST_ACTIONS)


def _require_distinct_ids(statements: list[Mapping[str, Any]]) -> None:
    ids = [item["Sid"] for item in statements if item.get("Sid")]
    if len(set(ids)) < len(ids):
        raise MalformedPolicyDocument("The Statement Ids in the policy are not unique")
