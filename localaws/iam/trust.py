"""Read trust policies: who may assume a role. Pure."""

import json
from collections.abc import Mapping
from typing import Any


def trusts_service(trust_policy: str, *, service: str) -> bool:
    """Return whether a trust policy lets a service (`lambda.amazonaws.com`, say) assume its role."""
    try:
        statements = json.loads(trust_policy).get("Statement", [])
    except (ValueError, RecursionError, AttributeError):
        return False
    statements = statements if isinstance(statements, list) else [statements]
    return any(_allows(statement, service=service) for statement in statements if isinstance(statement, dict))


def _allows(statement: Mapping[str, Any], *, service: str) -> bool:
    principal = statement.get("Principal")
    services = principal.get("Service", []) if isinstance(principal, dict) else [principal]
    services = [services] if isinstance(services, str) else services
    return statement.get("Effect") == "Allow" and (service in services or "*" in services)
