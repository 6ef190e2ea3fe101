"""What the stage of audit_iam returns."""

from typing import TypedDict


class AuditResult(TypedDict):
    """What an audit came to: counts by severity, and where its files are."""

    counts: dict[str, int]
    accepted: int
    unseen: list[str]
    """What could not be looked at, and why."""
    report: str
    findings: str
    sarif: str
    """s3:// addresses."""
