"""Filter patterns of CloudWatch Logs: terms, quoted ones, optional and excluded ones. Pure.

https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/logs/FilterAndPatternSyntax.html
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

BARE = re.compile(r"[A-Za-z0-9_]+")
"""What a term may be without quotes."""
TOKEN = re.compile(r'([?-]?)(?:"((?:[^"\\]|\\.)*)"|([^\s"]+))(?=\s|$)')
ESCAPED = re.compile(r"\\(.)")


class PatternError(ValueError):
    """A pattern that is none, or of a kind that is not built here; its message says which."""


@dataclass(frozen=True, kw_only=True)
class Term:
    """One term, and what a message must do with it."""

    text: str
    sign: str
    """Nothing: it must be there. `?`: one of all that have it must be. `-`: it must not be."""


@lru_cache(maxsize=256)
def compile_pattern(pattern: str) -> Callable[[str], bool]:
    """Return what tells whether a message fits; raises PatternError. The case of letters counts."""
    terms = read_terms(pattern)
    needed = [term.text for term in terms if not term.sign]
    # AWS passes over optional terms that stand beside others
    optional = [term.text for term in terms if term.sign == "?" and not needed]
    excluded = [term.text for term in terms if term.sign == "-"]

    def fits(message: str) -> bool:
        return (
            all(text in message for text in needed)
            and (not optional or any(text in message for text in optional))
            and not any(text in message for text in excluded)
        )

    return fits


def read_terms(pattern: str) -> list[Term]:
    """Return the terms of a pattern; raises PatternError."""
    rest, terms = pattern.strip(), []
    if rest[:1] in ("{", "[", "%"):
        kind = {"{": "JSON", "[": "space-delimited", "%": "regular expression"}[rest[0]]
        raise PatternError(f"localaws does not know {kind} filter patterns, only terms: {pattern!r}")
    while rest:
        match = TOKEN.match(rest)
        if match is None or (match[3] is not None and BARE.fullmatch(match[3]) is None):
            raise PatternError(
                f"Invalid filter pattern: in {pattern!r}, put what is not only letters, digits and _ into "
                "quotes"
            )
        text = match[3] if match[3] is not None else ESCAPED.sub(r"\1", match[2])
        terms.append(Term(text=text, sign=match[1]))
        rest = rest[match.end() :].strip()
    return terms


class EventFilter:
    """A pattern, as moto asks it about each event."""

    def __init__(self, pattern: str) -> None:
        self._fits = compile_pattern(pattern or "")

    def matches(self, message: str) -> bool:
        """Tell whether a message fits."""
        return self._fits(message)
