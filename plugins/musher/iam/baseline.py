"""Accepted findings: a JSON file that names each, says why, and until when.

    {"accepted": [{"fingerprint": "…", "reason": "…", "expires": "2027-01-31"}]}

An entry may name `rule` and `resource` in the place of the fingerprint; `resource` may have `*` and `?`.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from musher.errors import AuditError
from musher.iam.findings import Finding
from musher.iam.patterns import covers

MEMBERS = {"fingerprint", "rule", "resource", "reason", "expires"}


@dataclass(frozen=True, kw_only=True)
class Accepted:
    """One entry."""

    reason: str
    expires: date
    fingerprint: str = ""
    rule: str = ""
    resource: str = ""

    def is_of(self, finding: Finding) -> bool:
        """Return whether it is about a finding."""
        if self.fingerprint:
            return self.fingerprint == finding.fingerprint
        return self.rule == finding.rule and covers(self.resource, finding.resource)


@dataclass(frozen=True, kw_only=True)
class Sorted:
    """Findings that count, those that are accepted, and what there is to say about the baseline."""

    counting: tuple[Finding, ...]
    accepted: tuple[Finding, ...]
    notes: tuple[str, ...]


def read_baseline(path: str, text: str) -> tuple[Accepted, ...]:
    """Return the entries; AuditError names the file, and the line or the entry that is wrong."""
    try:
        content = json.loads(text)
    except json.JSONDecodeError as error:
        raise AuditError(
            f"{path}:{error.lineno}:{error.colno}: it is no JSON: {error.msg}. Correct it."
        ) from None
    except RecursionError:
        raise AuditError(f"{path}:1:1: it is nested too deeply. Correct it.") from None
    entries = content.get("accepted") if isinstance(content, dict) else None
    if not isinstance(entries, list):
        raise AuditError(f'{path}: it has no list "accepted". Write {{"accepted": []}}.')
    return tuple(_read_entry(f"{path}: /accepted/{number}", entry) for number, entry in enumerate(entries))


def _read_entry(where: str, entry: Any) -> Accepted:
    if not isinstance(entry, dict) or not all(isinstance(value, str) for value in entry.values()):
        raise AuditError(f"{where}: an entry is an object of texts. Correct it.")
    if unknown := sorted(set(entry) - MEMBERS):
        raise AuditError(f"{where}: {unknown[0]} is unknown. An entry has {', '.join(sorted(MEMBERS))}.")
    if not entry.get("reason", "").strip():
        raise AuditError(f"{where}: it has no reason. Say why the finding is accepted.")
    if not entry.get("fingerprint") and not (entry.get("rule") and entry.get("resource")):
        raise AuditError(f"{where}: it names no finding: give its fingerprint, or rule and resource.")
    return Accepted(**{**entry, "expires": _read_date(where, entry)})


def _read_date(where: str, entry: Mapping[str, str]) -> date:
    try:
        return date.fromisoformat(entry.get("expires", ""))
    except ValueError:
        raise AuditError(
            f"{where}: expires is {entry.get('expires')!r}. Give a day such as 2027-01-31."
        ) from None


def subtract(findings: Iterable[Finding], baseline: Iterable[Accepted], *, today: date) -> Sorted:
    """Return findings that no entry accepts, or one that has ended, and those that are accepted."""
    entries = tuple(baseline)
    counting, accepted, notes = [], [], set()
    for finding in findings:
        found = [entry for entry in entries if entry.is_of(finding)]
        if any(entry.expires >= today for entry in found):
            accepted.append(finding)
            continue
        counting.append(finding)
        for entry in found:
            notes.add(f"accepted until {entry.expires}, and counts again: {finding.title}")
    return Sorted(counting=tuple(counting), accepted=tuple(accepted), notes=tuple(sorted(notes)))
