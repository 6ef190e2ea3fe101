"""Prove that a policy document allows no more than another: what a remedy must do before it is applied.

The proof is on the safe side: what cannot be told by the patterns alone counts as more.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from musher.iam.documents import Document, Statement, read_document
from musher.iam.patterns import ANY, covers, covers_action

Raw = Mapping[str, Any]


def allows_no_more(after: Raw, before: Raw | None) -> bool:
    """Return whether `after` allows only what `before` does, and denies all that it denies.

    Without a `before` nothing may be allowed.
    """
    new = read_document("after", after)
    old = read_document("before", before) if before is not None else Document(path="before", text="")
    if new.flaws:
        return False
    kept = [found.raw for found in new.statements]
    denials = [found.raw for found in old.statements if not found.is_allow]
    allowed = [found for found in new.statements if found.is_allow]
    return all(found in kept for found in denials) and all(
        _is_within(found, old.statements) for found in allowed
    )


def _is_within(new: Statement, olds: Sequence[Statement]) -> bool:
    """Return whether each action of a statement is allowed by an older one on the same terms."""
    if any(new.raw == old.raw for old in olds):
        return True
    if new.not_actions or new.not_resources or new.has_not_principal:
        return any(_differs_by_conditions(new, old) for old in olds)
    return all(any(_takes_in(old, new, action) for old in olds) for action in new.actions)


def _differs_by_conditions(new: Statement, old: Statement) -> bool:
    rest = [
        {name: value for name, value in found.raw.items() if name not in ("Condition", "Sid")}
        for found in (new, old)
    ]
    return old.is_allow and rest[0] == rest[1] and _asks_as_much(new, old)


def _takes_in(old: Statement, new: Statement, action: str) -> bool:
    if not old.is_allow or not _allows_action(old, action) or not _asks_as_much(new, old):
        return False
    resources = all(_allows_resource(old, resource) for resource in new.resources)
    principals = all(
        _allows_principal(old, kind, name) for kind, names in new.principals.items() for name in names
    )
    has_both = bool(old.resources or old.not_resources) == bool(new.resources)
    return has_both and bool(old.principals) == bool(new.principals) and resources and principals


def _allows_action(old: Statement, action: str) -> bool:
    if old.not_actions:
        return ANY not in action and not any(covers_action(found, action) for found in old.not_actions)
    return any(covers_action(found, action) for found in old.actions)


def _allows_resource(old: Statement, resource: str) -> bool:
    if old.not_resources:
        return all(_are_apart(found, resource) for found in old.not_resources)
    return any(covers(found, resource) for found in old.resources)


def _allows_principal(old: Statement, kind: str, name: str) -> bool:
    return name in old.principals.get(kind, ()) or (kind == "AWS" and ANY in old.principals.get(kind, ()))


def _are_apart(one: str, other: str) -> bool:
    """Return whether no text can be in both patterns, as one of their parts begins differently."""
    pairs = zip(one.split(":", 5), other.split(":", 5), strict=False)
    starts = ((_literal(a), _literal(b)) for a, b in pairs)
    return any(not a.startswith(b) and not b.startswith(a) for a, b in starts)


def _literal(pattern: str) -> str:
    return pattern.partition("*")[0].partition("?")[0]


def _asks_as_much(new: Statement, old: Statement) -> bool:
    """Return whether the conditions of an older statement are among those of a new one."""
    return all(
        new.conditions.get(operator, {}).get(key) == values
        for operator, keys in old.conditions.items()
        for key, values in keys.items()
    )
