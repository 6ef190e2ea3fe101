"""Compare the patterns of IAM policies: `*` stands for any text, `?` for one character.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html
"""

import functools
import re

ANY = "*"
WITHOUT_TYPES = ("execute-api", "s3", "sns", "sqs")
"""Services whose ARNs begin with a name, and no type."""


@functools.lru_cache(maxsize=4096)
def _compile(pattern: str) -> re.Pattern[str]:
    parts = (".*" if part == "*" else "[^*]" if part == "?" else re.escape(part) for part in pattern)
    return re.compile("".join(parts), re.DOTALL)


def covers(pattern: str, other: str) -> bool:
    """Return whether all that `other`, a text or a pattern, stands for is among what `pattern` stands for."""
    return _compile(pattern).fullmatch(other) is not None


def covers_action(pattern: str, action: str) -> bool:
    """Return the same for actions, whose letters may be of either case."""
    return covers(pattern.lower(), action.lower())


def is_broad(resource: str) -> bool:
    """Return whether a resource names no more than a service, an account, a region and a type.

    `*`, `arn:aws:iam::*:role/*` and `arn:aws:s3:::*` are broad, `arn:aws:iam::123456789012:role/musher-*` is
    not.
    """
    service, names = _split(resource)
    return _is_any(names) or (service not in WITHOUT_TYPES and _is_any(names[1:]) and len(names) > 1)


def is_anything(resource: str) -> bool:
    """Return whether a resource does not even name a type: `*`, `arn:aws:ec2:*:*:*`, `arn:aws:s3:::*/*`."""
    return _is_any(_split(resource)[1])


def _split(resource: str) -> tuple[str, list[str]]:
    """Return the service, and the parts of what an ARN names in it."""
    parts = resource.split(":", 5)
    return (parts[2], re.split("[:/]", parts[5])) if len(parts) == 6 else ("", [resource])


def _is_any(names: list[str]) -> bool:
    return all(set(name) == {ANY} for name in names)
