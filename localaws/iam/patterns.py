"""Patterns and lists of policies. Pure."""

import fnmatch
import re
from typing import Any


def as_list(element: Any) -> list[Any]:
    """Return what stands in a policy where one thing or a list of them may stand."""
    return element if isinstance(element, list) else [element]


def match(pattern: str, value: str, *, flags: int = 0) -> re.Match[str] | None:
    """Match a policy's pattern, in which `*` and `?` alone have a meaning, in time linear in the value."""
    return re.fullmatch(fnmatch.translate(pattern.replace("[", "[[]")), value, flags=flags)
