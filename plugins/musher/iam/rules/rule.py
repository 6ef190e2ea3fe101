"""What a rule is: a pure function that gives findings for an account, and what it is called."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from musher.iam.account import Account
from musher.iam.findings import Finding, Limits

Find = Callable[[Account, Limits], Iterator[Finding]]


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One rule; `severities` are those that its findings may have."""

    id: str
    severities: tuple[str, ...]
    title: str
    page: str
    find: Find
