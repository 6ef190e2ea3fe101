"""What a rule finds: how grave it is, what shows it, and what ends it."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from musher.iam.documents import Document

SEVERITIES = ("low", "medium", "high", "critical")
"""From the least grave one."""

FINGERPRINT_CHARACTERS = 16


def rank(severity: str) -> int:
    """Return how grave a severity is, from 0."""
    return SEVERITIES.index(severity)


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """A part of a document, or a setting, that shows a finding."""

    path: str
    """Of the document: role/musher-lambda/policies/predict.json."""
    found: Any
    """The statement, or the setting's value."""
    pointer: str = ""
    line: int = 1
    column: int = 1

    @classmethod
    def of(cls, document: Document, pointer: str, found: Any) -> "Evidence":
        """Return what shows it in a document."""
        position = document.find(pointer)
        return cls(
            path=document.path, found=found, pointer=pointer, line=position.line, column=position.column
        )


@dataclass(frozen=True, kw_only=True)
class Call:
    """A call of AWS's API, by boto3's names, with the documents before and after it, where it changes one."""

    service: str
    method: str
    arguments: Mapping[str, Any]
    before: Any = None
    after: Any = None
    within: Any = None
    """The document that `after` must stay within, where that is not `before`."""


@dataclass(frozen=True, kw_only=True)
class Remedy:
    """What ends a finding: in words, as a document where one helps, and as calls where they are known."""

    text: str
    document: Mapping[str, Any] | None = None
    calls: tuple[Call, ...] = ()
    is_stopgap: bool = False
    """Whether it denies what another remedy may end at its root, and so comes after all of those."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One fault of an account."""

    rule: str
    severity: str
    resource: str
    """An ARN."""
    title: str
    evidence: tuple[Evidence, ...]
    remedy: Remedy
    page: str = ""
    """Of AWS's documentation, or of who described an attack."""
    detail: str = ""
    """What tells it from other findings of its rule about the same resource."""

    @property
    def fingerprint(self) -> str:
        """Return what stays the same as long as the fault does, wherever its statement stands."""
        parts = [self.rule, self.resource, self.detail, *(found.path for found in self.evidence)]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:FINGERPRINT_CHARACTERS]

    @property
    def name(self) -> str:
        """Return the resource's name without what is before it in its ARN."""
        return self.resource.rsplit(":", 1)[-1].rsplit("/", 1)[-1]

    def is_of_project(self, project: str) -> bool:
        """Return whether the resource is the project's own, by its name."""
        return self.name == project or self.name.startswith(f"{project}-")


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What an installation takes for too much."""

    unused_days: float = 90.0
    max_inline: int = 8
    """Inline policies of one principal."""
    max_invokers: int = 5
    """Roles and users that may invoke one endpoint."""
    project: str = "musher"


@dataclass(frozen=True, kw_only=True)
class Audit:
    """All findings of an account, gravest first, and what could not be looked at."""

    account_id: str
    taken_at: str
    findings: tuple[Finding, ...]
    accepted: tuple[Finding, ...] = ()
    """Findings that a baseline accepts."""
    unseen: tuple[Mapping[str, str], ...] = ()
    notes: tuple[str, ...] = field(default=())

    def at_least(self, severity: str) -> Iterator[Finding]:
        """Give the findings that are as grave as that, or graver."""
        return (found for found in self.findings if rank(found.severity) >= rank(severity))
