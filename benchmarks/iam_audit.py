"""Whether the audit finds what is planted in an account, and nothing where nothing is.

planted       faults in an account with the bootstrap stacks (benchmarks/planted_faults.py)
found         those that the rule meant for them finds, on the resource that has them
false_alarms  findings on the bootstrap stacks alone, before anything is planted
not_seen      lists and settings that could not be looked at
seconds       of one audit of the account with all faults, reading it included
fixed         planted faults of the project that `--fix --yes` ends, as a second audit tells
fixable       planted faults for which the audit knows the calls
"""

import argparse
import contextlib
import json
import sys
import time
from collections.abc import Generator, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import benchmarks.source_paths  # noqa: F401 - finds musher
from benchmarks.planted_faults import ACCOUNT, FAULTS, Clients, Fault
from benchmarks.servers import client, free_port, localaws_argv, running
from benchmarks.tables import print_table
from musher.iam.account import Account
from musher.iam.audit import find_all
from musher.iam.findings import Finding, Limits
from musher.iam.fixing import Fixer
from musher.iam.snapshot import take_snapshot
from scripts.local_stack import apply_bootstrap

LIMITS = Limits()


@contextlib.contextmanager
def account_with_stacks() -> Generator[Clients, None, None]:
    """Give clients of a fresh localaws to which all stacks of infra/ are applied."""
    port = free_port()
    with running("localaws", localaws_argv(port), port=port):
        apply_bootstrap(f"http://127.0.0.1:{port}")
        yield partial(client, port=port)


def look(clients: Clients, *, after_days: float = 0.0) -> Account:
    """Return a snapshot, as it would be taken some days later."""
    now = datetime.now(UTC) + timedelta(days=after_days)
    return take_snapshot(clients, account_id=ACCOUNT, region="us-east-1", now=now)


def is_found(fault: Fault, findings: Sequence[Finding]) -> bool:
    """Return whether a fault is among the findings, by its own rule and on its own resource."""
    return any(
        found.rule == fault.rule and fault.name in found.resource and fault.detail in found.detail
        for found in findings
    )


def find_planted(clients: Clients) -> tuple[list[Fault], list[Finding], int]:
    """Return the faults that are found, all findings of today, and how many looks were refused."""
    days = sorted({fault.after_days for fault in FAULTS})
    accounts = {day: look(clients, after_days=day) for day in days}
    findings = {day: find_all(account, LIMITS) for day, account in accounts.items()}
    found = [fault for fault in FAULTS if is_found(fault, findings[fault.after_days])]
    return found, list(findings[0.0]), sum(len(account.unseen) for account in accounts.values())


def fix(clients: Clients, findings: Sequence[Finding]) -> None:
    """Apply every remedy of the project's own resources."""
    fixer = Fixer(make_client=clients, agree=lambda *_: True, project=LIMITS.project)
    for done in fixer.fix(findings):
        print(f"{done.outcome}: {done.finding.title} {done.reason}", file=sys.stderr)


def measure() -> dict[str, Any]:
    """Plant, look, fix and look again."""
    with account_with_stacks() as clients:
        alarms = find_all(look(clients), LIMITS)
        for fault in FAULTS:
            fault.plant(clients)
        started = time.perf_counter()
        find_all(look(clients), LIMITS)
        seconds = time.perf_counter() - started
        found, findings, unseen = find_planted(clients)
        today = [fault for fault in FAULTS if not fault.after_days]
        by_calls = [each for each in findings if each.remedy.calls]
        fixable = [fault for fault in today if is_found(fault, by_calls)]
        fix(clients, findings)
        left = find_all(look(clients), LIMITS)
    print_table(
        ["rule", "planted on", "found", "ended"],
        [
            [
                fault.rule,
                fault.name,
                "yes" if fault in found else "NO",
                "yes" if fault in fixable and not is_found(fault, left) else "by hand",
            ]
            for fault in FAULTS
        ],
    )
    for alarm in alarms:
        print(f"false alarm: {alarm.severity} {alarm.rule}: {alarm.title}")
    return {
        "planted": len(FAULTS),
        "found": len(found),
        "false_alarms": len(alarms),
        "not_seen": unseen,
        "seconds": round(seconds, 2),
        "fixable": len(fixable),
        "fixed": sum(not is_found(fault, left) for fault in fixable),
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table and, last, a JSON object; return 0 where all is found, and nothing else."""
    argparse.ArgumentParser(description=__doc__).parse_args(arguments)
    result = measure()
    print(json.dumps(result))
    return 0 if result["found"] == result["planted"] and not result["false_alarms"] else 1


if __name__ == "__main__":
    sys.exit(main())
