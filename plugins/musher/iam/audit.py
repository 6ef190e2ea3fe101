"""Run all rules over a snapshot. Pure."""

from collections.abc import Iterable

from musher.iam.account import Account
from musher.iam.baseline import Accepted, subtract
from musher.iam.findings import Audit, Finding, Limits, rank
from musher.iam.rules.catalog import ALL

CLEAN, FOUND, WRONG, UNSEEN = 0, 1, 2, 3
"""Exit status: nothing; findings as grave as asked about; it cannot be run so; not all could be looked at."""


def find_all(account: Account, limits: Limits) -> tuple[Finding, ...]:
    """Return the findings of all rules, the gravest first."""
    found = [finding for rule in ALL for finding in rule.find(account, limits)]
    return tuple(sorted(found, key=lambda finding: (-rank(finding.severity), finding.rule, finding.resource)))


def make_audit(account: Account, limits: Limits, baseline: Iterable[Accepted] = ()) -> Audit:
    """Return the findings of an account, without those that a baseline accepts."""
    found = subtract(find_all(account, limits), baseline, today=account.taken_at.date())
    return Audit(
        account_id=account.account_id,
        taken_at=account.taken_at.isoformat(timespec="seconds"),
        findings=found.counting,
        accepted=found.accepted,
        unseen=tuple({"what": unseen.what, "reason": unseen.reason} for unseen in account.unseen),
        notes=found.notes,
    )


def exit_status(audit: Audit, *, fail_on: str) -> int:
    """Return what the command line ends with: findings weigh more than what could not be looked at."""
    if any(audit.at_least(fail_on)):
        return FOUND
    return UNSEEN if audit.unseen else CLEAN
