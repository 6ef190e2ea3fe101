"""Findings for people who read a terminal or a log."""

import json
from collections.abc import Iterator
from typing import Any

from musher.iam.commands import as_command
from musher.iam.findings import Audit, Finding
from musher.iam.records import count

MAX_STATEMENT = 300
"""Characters of a statement that are shown."""


def as_text(audit: Audit) -> str:
    """Return an audit as lines, the gravest findings first and the sum last."""
    return "\n".join(_lines(audit))


def _lines(audit: Audit) -> Iterator[str]:
    for finding in audit.findings:
        yield from _describe(finding)
        yield ""
    yield from (f"note: {note}" for note in audit.notes)
    yield from (f"not looked at: {found['what']}: {found['reason']}" for found in audit.unseen)
    counts = ", ".join(f"{number} {severity}" for severity, number in count(audit).items())
    accepted = f"; {len(audit.accepted)} accepted" if audit.accepted else ""
    yield f"account {audit.account_id}: {counts}{accepted}"


def _describe(finding: Finding) -> Iterator[str]:
    yield f"{finding.severity.upper()} {finding.rule}: {finding.title}"
    yield f"  {finding.resource}  {finding.fingerprint}"
    for evidence in finding.evidence:
        place = f"{evidence.path}:{evidence.line}:{evidence.column}"
        yield "  " + " ".join(filter(None, (place, evidence.pointer, _cut(evidence.found))))
    yield f"  {finding.remedy.text}"
    if finding.remedy.document is not None:
        yield f"  {json.dumps(finding.remedy.document)}"
    for call in finding.remedy.calls:
        yield f"  {as_command(call)}"
    yield f"  {finding.page}"


def _cut(found: Any) -> str:
    """Return the beginning of a statement or a setting; nothing where there is none."""
    shown = "" if found is None else json.dumps(found)
    return shown if len(shown) <= MAX_STATEMENT else f"{shown[:MAX_STATEMENT]}..."
