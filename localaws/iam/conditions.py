"""Hold the conditions of policies against what is known of a request. Pure.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html
"""

import base64
import binascii
import ipaddress
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache, partial
from operator import ge, gt, le, lt
from typing import Any

from localaws.iam.patterns import Facts, as_list, has_variables, match_with_variables, resolve

ALL, ANY = "ForAllValues", "ForAnyValue"
IF_EXISTS = "IfExists"
ARN_PARTS = 6

Test = Callable[[str, str, Facts], bool]
"""Tell whether a request's value meets a wanted one."""


@dataclass(frozen=True, kw_only=True)
class Operator:
    """An operator's name, taken apart."""

    name: str
    """Without `Not`."""
    is_negated: bool
    if_exists: bool
    over: str
    """ForAllValues, ForAnyValue, or empty."""


def holds(conditions: Mapping[str, Mapping[str, Any]], facts: Facts) -> bool:
    """Tell whether all conditions of a statement are met.

    One with an operator, a key or a variable that is not known is not met, so that its statement neither
    allows nor denies.
    """
    return all(_is_met(operator, key, values, facts) for operator, key, values in _each(conditions))


def find_unknown(conditions: Mapping[str, Mapping[str, Any]], facts: Facts) -> set[str]:
    """Return the keys of conditions of which nothing is known."""
    return {key for _, key, _ in _each(conditions) if key.lower() not in facts}


def is_condition(conditions: Any) -> bool:
    """Tell whether an element of a policy has the form of conditions: operator -> key -> value or values."""
    return isinstance(conditions, dict) and all(
        isinstance(keys, dict)
        and all(
            isinstance(item, str | bool | int | float) for values in keys.values() for item in as_list(values)
        )
        for keys in conditions.values()
    )


def _each(conditions: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, str, list[str]]]:
    for operator, keys in conditions.items():
        for key, values in keys.items():
            yield operator, key, [_text(item) for item in as_list(values)]


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


@lru_cache(maxsize=256)
def read_operator(text: str) -> Operator | None:
    """Return an operator by its name; None where AWS has none of that name."""
    over, colon, rest = text.partition(":")
    if colon and over not in (ALL, ANY):
        return None
    name = rest if colon else text
    plain = name.removesuffix(IF_EXISTS)
    positive = plain.replace("Not", "", 1)
    if positive not in TESTS and plain != "Null":
        return None
    return Operator(
        name=positive if positive in TESTS else plain,
        is_negated="Not" in plain,
        if_exists=plain != name,
        over=over if colon else "",
    )


def _is_met(text: str, key: str, wanted: list[str], facts: Facts) -> bool:
    operator = read_operator(text)
    if operator is None or key.lower() not in facts:
        return False
    value = facts[key.lower()]
    if operator.name == "Null":
        return _text(value is None) in [item.lower() for item in wanted]
    if any(has_variables(item) and resolve(item, facts) is None for item in wanted):
        return False
    values = [] if value is None else [value] if isinstance(value, str) else list(value)
    return _compare(operator, values, wanted, facts)


def _compare(operator: Operator, values: Sequence[str], wanted: Sequence[str], facts: Facts) -> bool:
    """Hold a request's values against the wanted ones; without values it is the operator that decides."""
    test = TESTS[operator.name]

    def fits(value: str) -> bool:
        return any(test(value, item, facts) for item in wanted) != operator.is_negated

    if operator.over == ALL:
        return all(map(fits, values))
    if operator.over == ANY:
        return any(map(fits, values)) or (not values and operator.if_exists)
    if not values:
        return operator.is_negated or operator.if_exists
    return any(map(fits, values))


def _is_equal(value: str, wanted: str, facts: Facts) -> bool:
    return value == (resolve(wanted, facts) if has_variables(wanted) else wanted)


def _is_same(value: str, wanted: str, facts: Facts) -> bool:
    found = resolve(wanted, facts) if has_variables(wanted) else wanted
    return found is not None and value.lower() == found.lower()


def _is_like(value: str, pattern: str, facts: Facts) -> bool:
    return match_with_variables(pattern, value, facts)


def _is_arn_like(value: str, pattern: str, facts: Facts) -> bool:
    """Compare part by part: no star reaches over a colon, but in the last part."""
    parts, patterns = value.split(":", ARN_PARTS - 1), _split_arn(pattern)
    return len(parts) == len(patterns) == ARN_PARTS and all(
        match_with_variables(wanted, part, facts) for part, wanted in zip(parts, patterns, strict=True)
    )


def _split_arn(pattern: str) -> list[str]:
    """Return the parts of an ARN's pattern; a variable's own colon separates none."""
    parts, depth = [""], 0
    for place, character in enumerate(pattern):
        depth += (pattern[place : place + 2] == "${") - (character == "}" and depth > 0)
        if character == ":" and not depth and len(parts) < ARN_PARTS:
            parts.append("")
        else:
            parts[-1] += character
    return parts


def _is_within(address: str, network: str, _: Facts) -> bool:
    try:
        return ipaddress.ip_address(address) in ipaddress.ip_network(network, strict=False)
    except ValueError:
        return False


def _is_true(value: str, wanted: str, _: Facts) -> bool:
    return value.lower() == wanted.lower()


def _is_binary(value: str, wanted: str, _: Facts) -> bool:
    try:
        return base64.b64decode(value, validate=True) == base64.b64decode(wanted, validate=True)
    except (binascii.Error, ValueError):
        return False


def _numbers(compare: Callable[[float, float], bool], value: str, wanted: str, _: Facts) -> bool:
    try:
        return compare(float(value), float(wanted))
    except ValueError:
        return False


def _dates(compare: Callable[[float, float], bool], value: str, wanted: str, _: Facts) -> bool:
    try:
        return compare(read_date(value), read_date(wanted))
    except ValueError:
        return False


@lru_cache(maxsize=1024)
def read_date(text: str) -> float:
    """Return a date (ISO 8601) or the seconds since 1970; ValueError for anything else."""
    if text.isdecimal() and len(text) > len("20260101"):
        return float(text)
    found = datetime.fromisoformat(text)
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


def _same_number(one: float, other: float) -> bool:
    return one == other


COMPARISONS: Mapping[str, Callable[[float, float], bool]] = {
    "Equals": _same_number,
    "LessThan": lt,
    "LessThanEquals": le,
    "GreaterThan": gt,
    "GreaterThanEquals": ge,
}
TESTS: Mapping[str, Test] = {
    "StringEquals": _is_equal,
    "StringEqualsIgnoreCase": _is_same,
    "StringLike": _is_like,
    "ArnEquals": _is_arn_like,
    "ArnLike": _is_arn_like,
    "Bool": _is_true,
    "BinaryEquals": _is_binary,
    "IpAddress": _is_within,
    **{f"Numeric{name}": partial(_numbers, compare) for name, compare in COMPARISONS.items()},
    **{f"Date{name}": partial(_dates, compare) for name, compare in COMPARISONS.items()},
}
"""Operator -> how a request's value meets one of the wanted; those of equality have a `Not` of theirs."""
