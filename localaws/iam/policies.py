"""Decide what identity policies allow. Pure.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

import fnmatch
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

ALLOWED, EXPLICIT_DENY, IMPLICIT_DENY = "allowed", "explicitDeny", "implicitDeny"


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
    """Tell whether a document's item has all that a statement of an identity policy must have."""
    return (
        isinstance(found, dict)
        and found.get("Effect") in ("Allow", "Deny")
        and all(_is_listed(found.get(name, found.get(f"Not{name}"))) for name in ("Action", "Resource"))
        and _is_condition(found.get("Condition", {}))
    )


def _is_listed(patterns: Any) -> bool:
    """Tell whether something is a text or a list of texts."""
    listed = patterns if isinstance(patterns, list) else [patterns]
    return all(isinstance(item, str) for item in listed)


def _is_condition(found: Any) -> bool:
    return isinstance(found, dict) and all(isinstance(values, dict) for values in found.values())


def decide(statements: Sequence[Mapping[str, Any]], *, action: str, resource: str) -> Decision:
    """Return what the statements say: a Deny wins over an Allow, and without either nothing is allowed.

    Condition values are not known here: a statement with conditions does not apply, and its keys are named.
    """
    applying = [item for item in statements if _applies(item, action=action, resource=resource)]
    missing = tuple(sorted({key for item in applying for key in _condition_keys(item)}))
    effects = {item["Effect"] for item in applying if not item.get("Condition")}
    if "Deny" in effects:
        return Decision(outcome=EXPLICIT_DENY, missing_keys=missing)
    return Decision(outcome=ALLOWED if "Allow" in effects else IMPLICIT_DENY, missing_keys=missing)


def _applies(statement: Mapping[str, Any], *, action: str, resource: str) -> bool:
    for member, value, is_case_sensitive in (("Action", action, False), ("Resource", resource, True)):
        if member in statement:
            if not _matches(statement[member], value, is_case_sensitive=is_case_sensitive):
                return False
        elif f"Not{member}" in statement and _matches(
            statement[f"Not{member}"], value, is_case_sensitive=is_case_sensitive
        ):
            return False
    return True


def match(pattern: str, value: str, *, flags: int = 0) -> re.Match[str] | None:
    """Match a policy's pattern, in which `*` and `?` alone have a meaning, in time linear in the value."""
    return re.fullmatch(fnmatch.translate(pattern.replace("[", "[[]")), value, flags=flags)


def _matches(patterns: str | Sequence[str], value: str, *, is_case_sensitive: bool) -> bool:
    flags = 0 if is_case_sensitive else re.IGNORECASE
    listed = [patterns] if isinstance(patterns, str) else patterns
    return any(match(item, value, flags=flags) for item in listed)


def _condition_keys(statement: Mapping[str, Any]) -> set[str]:
    return {key for values in (statement.get("Condition") or {}).values() for key in values}
