"""Findings as JSON, for files and programs; and what has changed since an earlier audit."""

from collections.abc import Mapping
from typing import Any

from musher.iam.commands import as_command
from musher.iam.findings import SEVERITIES, Audit, Call, Finding

FORMAT = 1
COMPARED = {"fingerprint", "severity", "title"}
"""What `compare`, and the page of its result, read of a finding."""


def as_record(audit: Audit) -> dict[str, Any]:
    """Return an audit as JSON holds it."""
    return {
        "format": FORMAT,
        "account_id": audit.account_id,
        "taken_at": audit.taken_at,
        "counts": count(audit),
        "findings": [_finding(found) for found in audit.findings],
        "accepted": [_finding(found) for found in audit.accepted],
        "unseen": [dict(found) for found in audit.unseen],
        "notes": list(audit.notes),
    }


def count(audit: Audit) -> dict[str, int]:
    """Return severity -> how many findings have it, the gravest first."""
    return {
        severity: sum(found.severity == severity for found in audit.findings)
        for severity in reversed(SEVERITIES)
    }


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "fingerprint": finding.fingerprint,
        "rule": finding.rule,
        "severity": finding.severity,
        "resource": finding.resource,
        "title": finding.title,
        "evidence": [
            {
                "path": found.path,
                "pointer": found.pointer,
                "line": found.line,
                "column": found.column,
                "found": found.found,
            }
            for found in finding.evidence
        ],
        "remedy": {
            "text": finding.remedy.text,
            "document": finding.remedy.document,
            "calls": [_call(call) for call in finding.remedy.calls],
        },
        "page": finding.page,
    }


def _call(call: Call) -> dict[str, Any]:
    return {
        "service": call.service,
        "method": call.method,
        "arguments": dict(call.arguments),
        "command": as_command(call),
    }


def is_record(found: Any) -> bool:
    """Return whether a value read from JSON is an audit's record, as far as `compare` reads it."""
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        return False
    kinds = {"taken_at": str, "counts": dict, "findings": list}
    if not all(isinstance(found.get(name), kind) for name, kind in kinds.items()):
        return False
    return all(isinstance(each, dict) and set(each) >= COMPARED for each in found["findings"])


def compare(earlier: Mapping[str, Any], later: Mapping[str, Any]) -> dict[str, Any]:
    """Return counts before and after, what has come since, and what has gone, of two records."""
    before, after = (
        {found["fingerprint"]: found for found in record["findings"]} for record in (earlier, later)
    )
    return {
        "before_at": earlier["taken_at"],
        "after_at": later["taken_at"],
        "rows": [
            {"severity": name, "before": earlier["counts"].get(name, 0), "after": later["counts"][name]}
            for name in later["counts"]
        ],
        "new": [after[found] for found in after if found not in before],
        "gone": [before[found] for found in before if found not in after],
    }
