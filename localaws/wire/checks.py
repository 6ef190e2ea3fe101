"""Compile the shapes of a service model to checks: fast, and never stricter than what AWS publishes.

Members that the model does not know are passed over, as AWS's JSON services do.
"""

import binascii
import math
import re
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from localaws.wire.wording import (
    NOT_NULL,
    Violation,
    each,
    length_at_least,
    length_at_most,
    matches,
    one_of,
    value_at_least,
    value_at_most,
)

MAX_MATCHED_CHARACTERS = 4096
"""Longer texts are not held against patterns, nor are those over their shape's own limit: some patterns take
time by the square of a text's length, or worse."""
UNMATCHED_PATTERNS = frozenset(
    {
        "[a-z0-9]([-a-z0-9]*[a-z0-9]){0,39}?",
        r"https://([.\-_a-zA-Z0-9]+/?){3,1016}",
        r"^[ \t]*[^\x00-\x1F:\x7F]+([ \t]+[^\x00-\x1F:\x7F]+)*[ \t]*$",
        r"^[ \t]*[\x20-\x7E]+([ \t]+[\x20-\x7E]+)*[ \t]*$",
        r"^[a-z0-9*](?:[._\-/a-z0-9*]?[a-z0-9*]+)*$",
    }
)
"""Patterns of AWS's models on which Python's matcher takes exponential time: thirty letters would stop us."""
NUMBER_TEXTS = ("NaN", "Infinity", "-Infinity")
"""What stands for a number in JSON (https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html)."""


END_OF_TIME_S = 253_402_300_800
"""The first second of the year 10000, in seconds since 1970."""


class WrongTypeError(Exception):
    """A member is not of its type: AWS cannot read the request (SerializationException)."""

    def __init__(self, message: str, *, member: str) -> None:
        super().__init__(f"{message} (at '{member}')" if member else message)


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One constraint: its sentence, and whether a value keeps it."""

    text: str
    keeps: Callable[[Any], bool]


class Check(ABC):
    """What values of one shape must be."""

    @abstractmethod
    def __call__(self, value: Any, member: str, found: list[Violation]) -> None:
        """Add what is wrong with `value`; raises WrongTypeError where it is of another type."""


@dataclass(frozen=True, kw_only=True)
class Scalar(Check):
    """A text, number, boolean, time or blob."""

    is_of_type: Callable[[Any], bool]
    java_type: str
    rules: Sequence[Rule] = ()
    is_secret: bool = False

    def __call__(self, value: Any, member: str, found: list[Violation]) -> None:
        """Hold one value against type and rules."""
        if not self.is_of_type(value):
            raise WrongTypeError(
                f"{java_value(value)} can not be converted to {self.java_type}", member=member
            )
        found += [
            Violation(member=member, value=value, rule=rule.text, is_secret=self.is_secret)
            for rule in self.rules
            if not rule.keeps(value)
        ]

    def keeps(self, value: Any, member: str) -> bool:
        """Tell whether a value breaks none of the rules."""
        broken: list[Violation] = []
        self(value, member, broken)
        return not broken

    @property
    def texts(self) -> list[str]:
        """All rules, as AWS lists them for the entries of lists and maps."""
        return [rule.text for rule in self.rules]


@dataclass(frozen=True, kw_only=True)
class Unchecked(Check):
    """What the model leaves open."""

    def __call__(self, value: Any, member: str, found: list[Violation]) -> None:
        """Take everything."""


@dataclass(kw_only=True)
class ListCheck(Check):
    """A list, and its entries."""

    entries: Check = field(default_factory=Unchecked)
    rules: Sequence[Rule] = ()
    tells_null: bool = False
    """Whether the sentence about its entries names the rule that none is null."""

    def __call__(self, value: Any, member: str, found: list[Violation]) -> None:
        """Hold length and entries against the model."""
        if not isinstance(value, list):
            raise WrongTypeError("Expected list or null", member=member)
        found += [
            Violation(member=member, value=value, rule=rule.text)
            for rule in self.rules
            if not rule.keeps(value)
        ]
        if None in value:
            found.append(Violation(member=member, value=value, rule=each([NOT_NULL], of="Member")))
        elif isinstance(self.entries, Scalar):
            if not keep_rules(self.entries, value, member=member):
                texts = [*self.entries.texts, *([NOT_NULL] if self.tells_null else [])]
                secret = self.entries.is_secret
                rule = each(texts, of="Member")
                found.append(Violation(member=member, value=value, rule=rule, is_secret=secret))
        else:
            for number, entry in enumerate(value, start=1):
                self.entries(entry, f"{member}.{number}.member", found)


@dataclass(kw_only=True)
class MapCheck(Check):
    """A map, its keys and its values."""

    keys: Scalar
    values: Check = field(default_factory=Unchecked)
    rules: Sequence[Rule] = ()

    def __call__(self, value: Any, member: str, found: list[Violation]) -> None:
        """Hold size, keys and values against the model."""
        if not isinstance(value, dict):
            raise WrongTypeError("Expected map or null", member=member)
        found += [
            Violation(member=member, value=value, rule=rule.text)
            for rule in self.rules
            if not rule.keeps(value)
        ]
        check_entries(self.keys, list(value), of="Map keys", member=member, shown=value, found=found)
        if None in value.values():
            found.append(Violation(member=member, value=value, rule=each([NOT_NULL], of="Map value")))
        elif isinstance(self.values, Scalar):
            entries = list(value.values())
            check_entries(self.values, entries, of="Map value", member=member, shown=value, found=found)
        else:
            for key, entry in value.items():
                self.values(entry, f"{member}.{key}.member", found)


def check_entries(
    check: Scalar, entries: Sequence[Any], *, of: str, member: str, shown: Any, found: list[Violation]
) -> None:
    """Hold every key or value of a map against the rules; AWS tells them all together, once."""
    if not keep_rules(check, entries, member=member):
        rule = each(check.texts, of=of)
        found.append(Violation(member=member, value=shown, rule=rule, is_secret=check.is_secret))


def keep_rules(check: Scalar, entries: Sequence[Any], *, member: str) -> bool:
    """Tell whether all entries keep the rules; raises WrongTypeError where one is of another type."""
    kept = [check.keeps(entry, member) for entry in entries]  # each is held against its type
    return all(kept)


@dataclass(kw_only=True)
class Structure(Check):
    """A structure and its members, by the names that they have in a request."""

    members: Mapping[str, tuple[str, Check]] = field(default_factory=dict)
    """Name in the request -> name in AWS's sentences, and the check."""
    required: Sequence[tuple[str, str]] = ()
    """Name in the request, name in AWS's sentences."""

    def __call__(self, value: Any, member: str, found: list[Violation]) -> None:
        """Hold the members against the model."""
        if not isinstance(value, dict):
            raise WrongTypeError("Unexpected value for a structure", member=member)
        prefix = f"{member}." if member else ""
        for name, label in self.required:
            if value.get(name) is None:
                found.append(Violation(member=prefix + label, value=None, rule=NOT_NULL))
        for name, entry in value.items():
            if entry is not None and (known := self.members.get(name)):
                known[1](entry, prefix + known[0], found)


def java_value(value: Any) -> str:
    """Return how AWS names the type of a JSON value that it cannot convert."""
    if isinstance(value, bool):
        return f"{str(value).upper()}_VALUE"
    if isinstance(value, int | float):
        return "NUMBER_VALUE"
    if isinstance(value, str):
        return "STRING_VALUE"
    return "Start of list" if isinstance(value, list) else "Start of structure or map"


def is_text(value: Any) -> bool:
    """Tell whether a value is a text."""
    return isinstance(value, str)


def is_whole(value: Any, *, bits: int) -> bool:
    """Tell whether a value is a whole number that fits into so many bits, one of them its sign."""
    is_integral = value.is_integer() if isinstance(value, float) else type(value) is int
    return is_integral and -(2 ** (bits - 1)) <= value < 2 ** (bits - 1)


def is_number(value: Any) -> bool:
    """Tell whether a value is a number that a float can be, or one of the texts that stand for one."""
    if isinstance(value, str):
        return value in NUMBER_TEXTS
    return isinstance(value, float) or (type(value) is int and abs(value) <= sys.float_info.max)


def is_time(value: Any) -> bool:
    """Tell whether a value is a number of seconds since 1970, up to the year 9999."""
    return is_number(value) and not isinstance(value, str) and 0 <= value < END_OF_TIME_S


def is_truth(value: Any) -> bool:
    """Tell whether a value is a boolean."""
    return isinstance(value, bool)


def is_base64(value: Any) -> bool:
    """Tell whether a value is a text in base64, as blobs are in JSON; or a blob that has been read."""
    if isinstance(value, bytes):
        return True
    if not isinstance(value, str):
        return False
    try:
        binascii.a2b_base64(value)
    except ValueError:
        return False
    return True


SCALARS: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "string": (is_text, "a String"),
    "character": (is_text, "a String"),
    "integer": (partial(is_whole, bits=32), "an Integer"),
    "long": (partial(is_whole, bits=64), "a Long"),
    "float": (is_number, "a Float"),
    "double": (is_number, "a Double"),
    "boolean": (is_truth, "a Boolean"),
    "timestamp": (is_time, "milliseconds since epoch"),
    "blob": (is_base64, "a ByteBuffer"),
}
"""Type of the model -> whether a JSON value is one, and AWS's name of it."""
NUMBERS = ("integer", "long", "float", "double")


def compile_pattern(pattern: str) -> re.Pattern[str] | None:
    """Return what matches the whole of a text; None for what only Java understands, or takes too long."""
    if pattern in UNMATCHED_PATTERNS:
        return None
    try:
        return re.compile(pattern)
    except re.error:
        return None


def make_rules(shape: Any) -> list[Rule]:
    """Return the constraints of a shape, in the order in which AWS lists them."""
    metadata, rules = shape.metadata, []
    low, high = metadata.get("min"), metadata.get("max")
    if shape.type_name in NUMBERS:
        if high is not None:
            rules.append(Rule(text=value_at_most(high), keeps=lambda value: float(value) <= high))
        if low is not None:
            rules.append(Rule(text=value_at_least(low), keeps=lambda value: float(value) >= low))
        return rules
    if shape.type_name not in ("string", "list", "map"):
        return rules
    if high is not None:
        rules.append(Rule(text=length_at_most(high), keeps=lambda value: len(value) <= high))
    if low is not None:
        rules.append(Rule(text=length_at_least(low), keeps=lambda value: len(value) >= low))
    return rules + make_text_rules(metadata)


def make_matcher(pattern: str, *, limit: float) -> Callable[[str], bool]:
    """Return what tells whether a text fits; it takes those of more than `limit` letters.

    A pattern that cannot be held against texts is still told with the other rules of a list's entries.
    """
    compiled = compile_pattern(pattern)
    if compiled is None:
        return lambda value: True
    fits = compiled.fullmatch
    return lambda value: len(value) > limit or fits(value) is not None


def make_text_rules(metadata: Mapping[str, Any]) -> list[Rule]:
    """Return the constraints of a text's letters: its pattern, or the words to choose from."""
    rules = []
    if (pattern := metadata.get("pattern")) is not None:
        limit = min(metadata.get("max", math.inf), MAX_MATCHED_CHARACTERS)
        rules.append(Rule(text=matches(pattern), keeps=make_matcher(pattern, limit=limit)))
    if words := metadata.get("enum"):
        rules.append(Rule(text=one_of(words), keeps=frozenset(words).__contains__))
    return rules
