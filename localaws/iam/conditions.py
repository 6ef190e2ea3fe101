"""Hold the conditions of policies against what is known of a request. Pure.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
"""

import ipaddress
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from localaws.iam.patterns import as_list, match

Facts = Mapping[str, str | None]
"""Condition key in lower case -> its value; None where a request has none. Of others nothing is known."""


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


def _is_met(operator: str, key: str, wanted: list[str], facts: Facts) -> bool:
    name = operator.removesuffix("IfExists")
    if key.lower() not in facts or any("${" in text for text in wanted):
        return False
    value = facts[key.lower()]
    if name == "Null":
        return _text(value is None) in [text.lower() for text in wanted]
    test, is_negated = TESTS.get(name.replace("Not", "", 1)), "Not" in name
    if test is None:
        return False
    if value is None:
        return is_negated or name != operator
    return any(test(value, text) for text in wanted) != is_negated


def _is_like(value: str, pattern: str) -> bool:
    return match(pattern, value) is not None


def _is_same(value: str, wanted: str) -> bool:
    return value.lower() == wanted.lower()


def _is_within(address: str, network: str) -> bool:
    try:
        return ipaddress.ip_address(address) in ipaddress.ip_network(network, strict=False)
    except ValueError:
        return False


TESTS: Mapping[str, Callable[[str, str], bool]] = {
    "StringEquals": str.__eq__,
    "StringEqualsIgnoreCase": _is_same,
    "StringLike": _is_like,
    "ArnEquals": _is_like,
    "ArnLike": _is_like,
    "Bool": _is_same,
    "IpAddress": _is_within,
}
"""Operator -> how a request's value meets one of the wanted; each has an opposite with `Not` in its name."""
