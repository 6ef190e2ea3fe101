"""Read policy documents: their statements, what is wrong with them, and where in their text a part stands.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from musher.iam.patterns import ANY, covers_action, is_broad
from musher.iam.positions import Position, find_position

Raw = Mapping[str, Any]
ELEMENTS = {"Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction"}
ELEMENTS |= {"Resource", "NotResource", "Condition"}
MAX_CHARACTERS = 200_000
"""More than any policy of AWS's may have."""


@dataclass(frozen=True, kw_only=True)
class Flaw:
    """Why a document, or a part of it, cannot be read as a policy."""

    pointer: str
    position: Position
    message: str


@dataclass(frozen=True, kw_only=True)
class Statement:
    """One statement; members that are one text in the document are tuples of one here."""

    effect: str
    actions: tuple[str, ...] = ()
    not_actions: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()
    not_resources: tuple[str, ...] = ()
    principals: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Kind -> names: AWS, Service, Federated; `*` alone is {"AWS": ("*",)}, as in IAM."""
    has_not_principal: bool = False
    conditions: Mapping[str, Mapping[str, tuple[str, ...]]] = field(default_factory=dict)
    """Operator -> key in small letters -> values."""
    pointer: str = ""
    """Its place in the document (RFC 6901): /Statement/0."""
    raw: Raw = field(default_factory=dict)

    @property
    def is_allow(self) -> bool:
        """Return whether it allows."""
        return self.effect == "Allow"

    def is_about(self, action: str) -> bool:
        """Return whether it takes in an action."""
        if self.not_actions:
            return not any(covers_action(pattern, action) for pattern in self.not_actions)
        return any(covers_action(pattern, action) for pattern in self.actions)

    @property
    def is_broad(self) -> bool:
        """Return whether no resource is named, neither by a name nor by a condition."""
        names_none = bool(self.not_resources) or any(map(is_broad, self.resources))
        return names_none and not self.is_narrowed

    @property
    def is_narrowed(self) -> bool:
        """Return whether a condition bounds the resources: tags, owners, or a key of the service itself."""
        return any(map(_narrows, self.condition_keys))

    @property
    def condition_keys(self) -> frozenset[str]:
        """Return the keys of conditions that hold a request to a value: `Null` and `...IfExists` do not."""
        return frozenset(
            key
            for operator, keys in self.conditions.items()
            if operator.lower() != "null" and not operator.lower().endswith("ifexists")
            for key in keys
            if not _is_for_anything(operator, keys[key])
        )

    def values_of(self, key: str) -> tuple[str, ...]:
        """Return the values that a condition's key may have; () where it is not bound."""
        found = (
            keys[key]
            for operator, keys in self.conditions.items()
            if "not" not in operator.lower() and key in keys
        )
        return next(found, ())


def _is_for_anything(operator: str, values: tuple[str, ...]) -> bool:
    """Return whether a condition holds for any value."""
    return "like" in operator.lower() and "not" not in operator.lower() and ANY in values


NARROWING = ("aws:resourcetag/", "aws:requesttag/", "aws:resourceaccount", "aws:resourceorg")
NOT_NARROWING = ("iam:passedtoservice", "iam:awsservicename", "sts:rolesessionname")
"""Keys of a service that say nothing of the resource."""


def _narrows(key: str) -> bool:
    if key in NOT_NARROWING:
        return False
    return key.startswith(NARROWING) if key.startswith("aws:") else True


@dataclass(frozen=True, kw_only=True)
class Document:
    """A policy document: where it belongs, its text, its statements and its flaws."""

    path: str
    """Such as role/musher-lambda/policies/predict.json; a file's own path."""
    text: str
    statements: tuple[Statement, ...] = ()
    flaws: tuple[Flaw, ...] = ()
    raw: Raw = field(default_factory=dict)

    def find(self, pointer: str) -> Position:
        """Return line and column of a part."""
        return find_position(self.text, pointer)

    def allows(self, action: str) -> Iterator[Statement]:
        """Give the statements that allow an action."""
        return (found for found in self.statements if found.is_allow and found.is_about(action))


def read_document(path: str, content: str | Raw) -> Document:
    """Return a document of JSON, or of what JSON has become; what is wrong with it is in its flaws."""
    text = content if isinstance(content, str) else json.dumps(content, indent=2)
    if len(text) > MAX_CHARACTERS:
        return _spoilt(path, text[:MAX_CHARACTERS], f"it has more than {MAX_CHARACTERS} characters")
    try:
        raw = json.loads(text)
    except json.JSONDecodeError as error:
        position = Position(line=error.lineno, column=error.colno)
        flaw = Flaw(pointer="", position=position, message=f"it is no JSON: {error.msg}")
        return Document(path=path, text=text, flaws=(flaw,))
    except RecursionError:
        return _spoilt(path, text, "it is nested too deeply")
    if not isinstance(raw, dict):
        return _spoilt(path, text, "it is no JSON object")
    return _read_statements(path, text, raw)


def _spoilt(path: str, text: str, message: str) -> Document:
    flaw = Flaw(pointer="", position=Position(line=1, column=1), message=message)
    return Document(path=path, text=text, flaws=(flaw,))


def _read_statements(path: str, text: str, raw: Raw) -> Document:
    given = raw.get("Statement")
    if given is None:
        return _spoilt(path, text, "it has no Statement")
    listed = given if isinstance(given, list) else [given]
    statements, flaws = [], []
    for number, item in enumerate(listed):
        pointer = f"/Statement/{number}" if isinstance(given, list) else "/Statement"
        wrong = find_flaw(item)
        if wrong is None:
            statements.append(read_statement(item, pointer=pointer))
        else:
            at = pointer + wrong[0]
            flaws.append(Flaw(pointer=at, position=find_position(text, at), message=wrong[1]))
    return Document(path=path, text=text, statements=tuple(statements), flaws=tuple(flaws), raw=raw)


def find_flaw(item: Any) -> tuple[str, str] | None:
    """Return where a statement is none, below itself, and why; None where it is one."""
    if not isinstance(item, dict):
        return "", "a statement is no JSON object"
    if unknown := sorted(set(item) - ELEMENTS):
        return f"/{unknown[0]}", f"{unknown[0]} is no element of a statement"
    if item.get("Effect") not in ("Allow", "Deny"):
        return ("/Effect" if "Effect" in item else ""), "Effect is neither Allow nor Deny"
    if ("Action" in item) == ("NotAction" in item):
        return "", "a statement has either Action or NotAction"
    for name in ("Action", "NotAction", "Resource", "NotResource"):
        if name in item and not _is_texts(item[name]):
            return f"/{name}", f"{name} is neither a text nor a list of texts"
    return _find_flaw_of_maps(item)


def _find_flaw_of_maps(item: Raw) -> tuple[str, str] | None:
    principal, condition = item.get("Principal", "*"), item.get("Condition", {})
    if principal != "*" and not _is_map_of_texts(principal):
        return "/Principal", "Principal is neither * nor a map of lists of texts"
    if not isinstance(condition, dict) or not all(map(_is_map_of_texts, condition.values())):
        return "/Condition", "Condition is no map of operators to maps of keys"
    return None


def _is_map_of_texts(value: Any) -> bool:
    return isinstance(value, dict) and all(map(_is_texts, value.values()))


def _is_texts(value: Any) -> bool:
    """Return whether a value is a text, a number or a truth value, or a list of these, as in IAM."""
    return all(
        isinstance(item, str | int | float) for item in (value if isinstance(value, list) else [value])
    )


def read_statement(item: Raw, *, pointer: str = "") -> Statement:
    """Return a statement without flaws."""
    principal = item.get("Principal", {})
    principals = {"AWS": ANY} if principal == ANY else principal
    return Statement(
        effect=item["Effect"],
        actions=_texts(item.get("Action")),
        not_actions=_texts(item.get("NotAction")),
        resources=_texts(item.get("Resource")),
        not_resources=_texts(item.get("NotResource")),
        principals={kind: _texts(names) for kind, names in principals.items()},
        has_not_principal="NotPrincipal" in item,
        conditions={
            operator: {key.lower(): _texts(values) for key, values in keys.items()}
            for operator, keys in item.get("Condition", {}).items()
        },
        pointer=pointer,
        raw=item,
    )


def _texts(value: Any) -> tuple[str, ...]:
    if value is None:
        return ()
    return tuple(_text(item) for item in (value if isinstance(value, list) else [value]))


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
