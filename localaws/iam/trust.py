"""Read trust policies: who may assume a role. Pure."""

import json
import re
from collections.abc import Mapping
from typing import Any

from localaws.iam.patterns import as_list, match

TAKING = "sts:AssumeRole"


def trusts_service(trust_policy: str, *, service: str) -> bool:
    """Return whether a trust policy lets a service (`lambda.amazonaws.com`, say) assume its role.

    A Deny wins, unless it has conditions, whose values are not known here.
    """
    try:
        statements = json.loads(trust_policy).get("Statement", [])
    except (ValueError, RecursionError, AttributeError):
        return False
    known = [item for item in as_list(statements) if isinstance(item, dict)]
    naming = [item for item in known if _names(item, service=service)]
    if any(item.get("Effect") == "Deny" and not item.get("Condition") for item in naming):
        return False
    return any(item.get("Effect") == "Allow" for item in naming)


def _names(statement: Mapping[str, Any], *, service: str) -> bool:
    """Tell whether a statement is about a service and the taking of the role."""
    actions = statement.get("Action", [])
    listed = [actions] if isinstance(actions, str) else actions
    taken = any(match(str(action), TAKING, flags=re.IGNORECASE) for action in listed)
    if "Action" in statement and not taken:
        return False
    principal = statement.get("Principal")
    services = principal.get("Service", []) if isinstance(principal, dict) else [principal]
    services = [services] if isinstance(services, str) else services
    return service in services or "*" in services
