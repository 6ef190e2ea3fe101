"""Decide what policies allow. Pure.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from localaws.iam.conditions import find_unknown, holds, is_condition
from localaws.iam.patterns import Facts, as_list, match, match_with_variables, resolve

ALLOWED, EXPLICIT_DENY, IMPLICIT_DENY = "allowed", "explicitDeny", "implicitDeny"
PATTERNS = ("Action", "NotAction", "Resource", "NotResource")
NO_FACTS: Facts = MappingProxyType({})


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What became of one action on one resource."""

    outcome: str
    missing_keys: tuple[str, ...] = ()
    """Condition keys of statements that would have applied, had their values been known."""


def read_statements(documents: Iterable[str]) -> list[Mapping[str, Any]]:
    """Return the statements of policy documents (JSON), all together."""
    statements: list[Mapping[str, Any]] = []
    for document in documents:
        found = json.loads(document).get("Statement") or []
        statements += [found] if isinstance(found, dict) else found
    return statements


def is_statement(found: Any) -> bool:
    """Tell whether a document's item has all that a statement must have, of whatever kind its policy is."""
    return is_readable(found) and ("Resource" in found or "NotResource" in found)


def is_readable(found: Any) -> bool:
    """Tell whether a statement can be held against a request; those of resources need not name them."""
    return (
        isinstance(found, dict)
        and found.get("Effect") in ("Allow", "Deny")
        and ("Action" in found or "NotAction" in found)
        and all(_is_listed(found[name]) for name in PATTERNS if name in found)
        and is_condition(found.get("Condition", {}))
    )


def _is_listed(patterns: Any) -> bool:
    """Tell whether something is a text or a list of texts."""
    return all(isinstance(item, str) for item in as_list(patterns))


def decide(
    statements: Sequence[Mapping[str, Any]], *, action: str, resource: str, facts: Facts = NO_FACTS
) -> Decision:
    """Return what the statements say: a Deny wins over an Allow, and without either nothing is allowed.

    A statement with a condition of which nothing is known does not apply, and its key is named.
    """
    applying = [item for item in statements if applies(item, action=action, resource=resource, facts=facts)]
    conditions = [item.get("Condition") or {} for item in applying]
    missing = {key for each in conditions for key in find_unknown(each, facts)}
    effects = {item["Effect"] for item, each in zip(applying, conditions, strict=True) if holds(each, facts)}
    outcome = ALLOWED if "Allow" in effects else IMPLICIT_DENY
    return Decision(
        outcome=EXPLICIT_DENY if "Deny" in effects else outcome, missing_keys=tuple(sorted(missing))
    )


def applies(statement: Mapping[str, Any], *, action: str, resource: str, facts: Facts = NO_FACTS) -> bool:
    """Tell whether a statement is about an action on a resource, whatever its conditions say.

    One that excepts resources by a variable without a value is about nothing.
    """
    if any(resolve(item, facts) is None for item in as_list(statement.get("NotResource", []))):
        return False
    return is_about_action(statement, action) and _covers(
        statement, "Resource", lambda pattern: match_with_variables(pattern, resource, facts)
    )


def is_about_action(statement: Mapping[str, Any], action: str) -> bool:
    """Tell whether a statement is about an action, on whatever resource."""
    return _covers(statement, "Action", lambda pattern: _is_action(pattern, action))


def _covers(statement: Mapping[str, Any], member: str, fits: Callable[[str], bool]) -> bool:
    """Tell whether a member's patterns fit, or those of its opposite do not; without either it does."""
    if member in statement:
        return any(map(fits, as_list(statement[member])))
    return not any(map(fits, as_list(statement.get(f"Not{member}", []))))


def _is_action(pattern: str, action: str) -> bool:
    return match(pattern, action, flags=re.IGNORECASE) is not None
