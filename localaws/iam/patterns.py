"""Patterns and lists of policies, with variables. Pure.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
"""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

Facts = Mapping[str, str | Sequence[str] | None]
"""Condition key in lower case -> its value or values; None where a request has none. Of others nothing is
known."""
VARIABLE = re.compile(r"\$\{([^{}]*)\}")
DEFAULT = re.compile(r"""([^,]*?)\s*,\s*'([^']*)'\s*""")
MARK = re.compile(r"\\?\x00(\d+)\\?\x00")
"""Stands for a variable's value in an expression, where re.escape has been."""
SPECIAL = {"*": "*", "?": "?", "$": "$"}
"""What a variable of one such character stands for: itself, without a meaning."""


def as_list(element: Any) -> list[Any]:
    """Return what stands in a policy where one thing or a list of them may stand."""
    return element if isinstance(element, list) else [element]


def match(pattern: str, value: str, *, flags: int = 0) -> re.Match[str] | None:
    """Match a policy's pattern, in which `*` and `?` alone have a meaning, in time linear in the value."""
    return _compile(pattern, flags).fullmatch(value)


@lru_cache(maxsize=4096)
def _compile(pattern: str, flags: int) -> re.Pattern[str]:
    """Return the expression of a pattern. Each run of text between stars is found where it first stands."""
    return re.compile(_translate(pattern), flags | re.DOTALL)


@lru_cache(maxsize=4096)
def _translate(pattern: str) -> str:
    """Return a pattern as an expression that does not try again what has been found."""
    first, *rest = re.split(r"\*+", pattern)
    if not rest:
        return _literally(first)
    *middle, last = rest
    found = "".join(rf"(?>.*?{_literally(part)})" for part in middle)
    return rf"{_literally(first)}{found}.*{_literally(last)}"


def _literally(text: str) -> str:
    return "".join("." if character == "?" else re.escape(character) for character in text)


def has_variables(pattern: str) -> bool:
    """Return whether a policy's text holds variables."""
    return "${" in pattern


def resolve(pattern: str, facts: Facts, *, quote: Callable[[str], str] = str) -> str | None:
    """Return a text with its variables' values, None where one has none and no default.

    `quote` is called with each value, and with each special character that a variable stands for.
    """
    missing = False

    def value_of(found: re.Match[str]) -> str:
        nonlocal missing
        name, default = found[1], None
        if name in SPECIAL:
            return quote(SPECIAL[name])
        if given := DEFAULT.fullmatch(name):
            name, default = given[1], given[2]
        value = facts.get(name.strip().lower())
        if not isinstance(value, str):  # a key of several values can stand for none of them
            value = default
        missing = missing or value is None
        return quote(value or "")

    text = VARIABLE.sub(value_of, pattern)
    return None if missing else text


def match_with_variables(pattern: str, value: str, facts: Facts, *, flags: int = 0) -> bool:
    """Tell whether a pattern with variables fits; what they stand for has no meaning of its own."""
    if not has_variables(pattern):
        return match(pattern, value, flags=flags) is not None
    values: list[str] = []

    def mark(text: str) -> str:
        values.append(text)
        return f"\0{len(values) - 1}\0"

    marked = resolve(pattern, facts, quote=mark)
    if marked is None:
        return False
    expression = MARK.sub(lambda at: re.escape(values[int(at[1])]), _translate(marked))
    return re.fullmatch(expression, value, flags | re.DOTALL) is not None
