"""Clients' patterns held against texts in linear time, where moto makes regular expressions of them.

Those can take time by the power of a text's length, in which no other thread goes on.
"""

import re
from typing import Any

from moto.events.models import EventPattern
from moto.sqs.models import Queue, SQSBackend

STAR = re.compile(r"\\([*\\])|(\*)|([^*\\]+|\\)", re.DOTALL)
"""An escaped letter, a star, or letters that stand for themselves."""


def has_wildcards(text: Any, pattern: str) -> bool:
    """Tell whether a text fits a pattern in which `*` stands for any letters, unless `\\` is before it.

    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html#eb-filtering-wildcard-matching
    """
    if not isinstance(text, str):
        return False
    pieces = [""]
    for escaped, star, letters in STAR.findall(pattern):
        if star:
            pieces.append("")
        else:
            pieces[-1] += escaped or letters
    return _follow(text, pieces)


def _follow(text: str, pieces: list[str]) -> bool:
    """Tell whether the pieces stand in a text one after the other, from its begin to its end."""
    first, *middle = pieces
    if not middle:
        return text == first
    last = middle.pop()
    if not text.startswith(first) or len(text) < len(first) + len(last) or not text.endswith(last):
        return False
    place, end = len(first), len(text) - len(last)
    for piece in middle:
        found = text.find(piece, place, end)
        if found < 0:
            return False
        place = found + len(piece)
    return True


def list_queues(backend: SQSBackend, queue_name_prefix: str | None) -> list[Queue]:
    """Return the queues whose names begin with a prefix."""
    return [queue for name, queue in backend.queues.items() if name.startswith(queue_name_prefix or "")]


def install() -> None:
    """Put these in the place of moto's."""
    replacements: tuple[tuple[Any, str, Any], ...] = (
        (EventPattern, "_wildcard_match", staticmethod(has_wildcards)),
        (SQSBackend, "list_queues", list_queues),
    )
    for owner, name, function in replacements:
        setattr(owner, name, function)
