"""AWS's sentences about requests that its service models do not allow."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from localaws.wire.words import as_listed

MAX_VALUE_CHARACTERS = 1024
"""How much of a value that was sent is shown."""
NOT_NULL = "Member must not be null"


@dataclass(frozen=True, kw_only=True)
class Violation:
    """One member that breaks one rule."""

    member: str
    """Its path, in AWS's spelling: `productionVariants.1.member.variantName`."""
    value: Any
    rule: str
    """What the member must do, as a sentence."""
    is_secret: bool = False

    def __str__(self) -> str:
        shown = "Value" if self.is_secret else f"Value {show(self.value)}"
        return f"{shown} at '{self.member}' failed to satisfy constraint: {self.rule}"


def tell(violations: Sequence[Violation]) -> str:
    """Return AWS's message for all that is wrong with a request.

    Codes: https://docs.aws.amazon.com/sagemaker/latest/APIReference/CommonErrors.html
    """
    noun = "error" if len(violations) == 1 else "errors"
    return f"{len(violations)} validation {noun} detected: {'; '.join(map(str, violations))}"


def tell_one(*, value: Any, member: str, rule: str) -> str:
    """Return AWS's message for one member that breaks one rule."""
    return tell([Violation(member=member, value=value, rule=rule)])


def show(value: Any) -> str:
    """Write a value as AWS does: texts and numbers in quotes, null bare, lists and maps as in Java."""
    if value is None:
        return "null"
    text = _as_java(value)
    return f"'{text if len(text) <= MAX_VALUE_CHARACTERS else text[:MAX_VALUE_CHARACTERS] + '...'}'"


def _as_java(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return f"[{', '.join(map(_as_java, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{name}={_as_java(item)}' for name, item in value.items())}}}"
    return "null" if value is None else str(value)


def length_at_least(bound: int) -> str:
    """Return the rule of a lower bound of characters or entries."""
    return f"Member must have length greater than or equal to {bound}"


def length_at_most(bound: int) -> str:
    """Return the rule of an upper bound of characters or entries."""
    return f"Member must have length less than or equal to {bound}"


def value_at_least(bound: float) -> str:
    """Return the rule of a number's lower bound."""
    return f"Member must have value greater than or equal to {bound}"


def value_at_most(bound: float) -> str:
    """Return the rule of a number's upper bound."""
    return f"Member must have value less than or equal to {bound}"


def matches(pattern: str) -> str:
    """Return the rule of a regular expression."""
    return f"Member must satisfy regular expression pattern: {pattern}"


def one_of(values: Collection[str]) -> str:
    """Return the rule of an enumeration, whose words are given as the model has them."""
    return f"Member must satisfy enum value set: [{', '.join(as_listed(values))}]"


def each(rules: Sequence[str], *, of: str) -> str:
    """Return the rule of a list's or map's entries; `of` is `Member`, `Map keys` or `Map value`."""
    return f"{of} must satisfy constraint: [{', '.join(rules)}]"
