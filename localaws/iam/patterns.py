"""Patterns of policies. Pure."""

import fnmatch
import re


def match(pattern: str, value: str, *, flags: int = 0) -> re.Match[str] | None:
    """Match a policy's pattern, in which `*` and `?` alone have a meaning, in time linear in the value."""
    return re.fullmatch(fnmatch.translate(pattern.replace("[", "[[]")), value, flags=flags)
