"""Audit an account, or documents in files: `python -m musher.iam audit`, `python -m musher.iam check a.json`.

Exit status: 0 nothing was found that is as grave as --fail-on (high); 1 something was; 2 it cannot be run so;
3 nothing was, but not everything could be looked at.
"""

import json
import logging
import sys
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from musher.errors import AuditError
from musher.iam.account import Account
from musher.iam.analyzer import simulate, with_analyses
from musher.iam.audit import WRONG, exit_status, make_audit
from musher.iam.baseline import Accepted, read_baseline
from musher.iam.files import read_files, read_text
from musher.iam.findings import Audit, Finding, Limits
from musher.iam.fixing import Fixer
from musher.iam.looks import Looks
from musher.iam.options import JSON, SARIF, build_parser
from musher.iam.records import as_record
from musher.iam.sarif import as_sarif
from musher.iam.snapshot import take_snapshot
from musher.iam.text import as_text

PATIENT = Config(retries={"mode": "adaptive", "total_max_attempts": 5}, connect_timeout=5, read_timeout=30)
"""IAM takes few calls a second."""


def make_client(service: str) -> Any:
    """Return a client with boto3's own credentials, region and address."""
    return boto3.client(service, config=PATIENT)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return the exit status."""
    options = build_parser().parse_args(arguments)
    logging.basicConfig(level=logging.ERROR)
    try:
        baseline = _read_baseline(options)
        audit = _audit(options, baseline)
    except AuditError as error:
        sys.stderr.write(f"{error}\n")
        return WRONG
    sys.stdout.write(_write(audit, options.format))
    if options.command == "audit" and options.fix:
        _fix(audit, options)
    return exit_status(audit, fail_on=options.fail_on)


def _read_baseline(options: Namespace) -> tuple[Accepted, ...]:
    if options.baseline is None:
        return ()
    return read_baseline(str(options.baseline), read_text(options.baseline))


def _audit(options: Namespace, baseline: tuple[Accepted, ...]) -> Audit:
    now = datetime.now(UTC)
    if options.command == "check":
        return make_audit(read_files(options.files, now=now), Limits(), baseline)
    account = _look(options, now)
    audit = make_audit(account, Limits(unused_days=options.unused_days, project=options.project), baseline)
    if not options.simulate:
        return audit
    looks = Looks()
    notes = tuple(simulate(audit.findings, make_client, looks))
    unseen = tuple({"what": found.what, "reason": found.reason} for found in looks.unseen)
    return replace(audit, notes=(*audit.notes, *notes), unseen=(*audit.unseen, *unseen))


def _look(options: Namespace, now: datetime) -> Account:
    try:
        sts = make_client("sts")
        account_id, region = sts.get_caller_identity()["Account"], sts.meta.region_name
    except (BotoCoreError, ClientError) as error:
        raise AuditError(
            f"AWS does not say whose credentials these are: {error}. Configure them and a region, as for any "
            "AWS client."
        ) from error
    account = take_snapshot(make_client, account_id=account_id, region=region, now=now)
    return with_analyses(account, make_client) if options.validate else account


def _write(audit: Audit, wanted: str) -> str:
    if wanted == SARIF:
        return json.dumps(as_sarif(audit), indent=1) + "\n"
    return (json.dumps(as_record(audit), indent=1) if wanted == JSON else as_text(audit)) + "\n"


def _fix(audit: Audit, options: Namespace) -> None:
    """Apply remedies; what is said of them goes to the standard error, as the report has the output."""

    def agree(finding: Finding, calls: str) -> bool:
        sys.stderr.write(f"\n{finding.severity.upper()} {finding.title}\n{calls}\n")
        if options.yes:
            return True
        sys.stderr.write("Do this? [y/N] ")
        sys.stderr.flush()
        return sys.stdin.readline().strip().lower() in ("y", "yes")

    fixer = Fixer(make_client=make_client, agree=agree, project=options.project, all_resources=options.all)
    for fix in fixer.fix(audit.findings):
        sys.stderr.write(
            f"{fix.outcome}: {fix.finding.title}" + (f" ({fix.reason})\n" if fix.reason else "\n")
        )


if __name__ == "__main__":
    sys.exit(main())
