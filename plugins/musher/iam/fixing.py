"""Apply remedies, one at a time: what would change is shown, and only what allows less is done.

Clients come from `make_client`: Airflow's connection or boto3's own credentials, by whoever calls.
"""

import difflib
import json
import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from musher.errors import AuditError
from musher.iam.current import has_changed
from musher.iam.findings import Call, Finding
from musher.iam.narrowing import allows_no_more

logger = logging.getLogger(__name__)

WRITES_DOCUMENT = {
    "create_policy_version",
    "put_bucket_policy",
    "put_group_policy",
    "put_role_policy",
    "put_user_policy",
    "update_assume_role_policy",
}
"""Calls that need the proof that their document allows no more than the one before."""

TAKES_AWAY = {
    "delete_bucket_policy",
    "delete_group_policy",
    "delete_policy",
    "delete_repository_policy",
    "delete_role_policy",
    "delete_user_policy",
    "detach_group_policy",
    "detach_role_policy",
    "detach_user_policy",
    "put_bucket_encryption",
    "put_bucket_versioning",
    "put_function_concurrency",
    "put_public_access_block",
    "remove_permission",
    "update_access_key",
}
"""Calls that cannot allow more, with the arguments that remedies give them."""

CHANGED = "its document has changed since it was looked at: audit again"
WAITS = "what was changed before may have ended it: run the fix again"
DONE = "by a remedy before"
APPLIED, REFUSED, FAILED, NOTHING = "applied", "not applied", "failed", "by hand"


@dataclass(frozen=True, kw_only=True)
class Fix:
    """What became of a finding's remedy."""

    finding: Finding
    outcome: str
    reason: str = ""


def check_call(call: Call) -> None:
    """Raise AuditError for a call that might let somebody do more."""
    if call.method in TAKES_AWAY and call.arguments.get("Status", "Inactive") == "Inactive":
        return
    within = call.within if call.within is not None else call.before
    if call.method not in WRITES_DOCUMENT or not allows_no_more(call.after, within):
        raise AuditError(
            f"{call.service}:{call.method} might allow more than now, and is not made. Correct it by hand."
        )


def describe_call(call: Call) -> str:
    """Return a call as lines: what it is, and how the document changes."""
    shown = {
        name: value for name, value in call.arguments.items() if name not in ("PolicyDocument", "Policy")
    }
    words = [f"{call.service}:{call.method} {json.dumps(shown, sort_keys=True)}"]
    before, after = (_lines(document) for document in (call.before, call.after))
    changed = difflib.unified_diff(before, after, "now", "then", lineterm="", n=2)
    return "\n".join([*words, *changed])


def _lines(document: Any) -> list[str]:
    return [] if document is None else json.dumps(document, indent=2).splitlines()


@dataclass(kw_only=True)
class Fixer:
    """Go through findings, and apply the remedy of each that `agree` says yes to."""

    make_client: Callable[[str], Any]
    agree: Callable[[Finding, str], bool]
    """Shown a finding and its calls; returns whether to make them."""
    project: str
    all_resources: bool = False
    """Whether also what is not the project's own is changed."""
    _clients: dict[str, Any] = field(default_factory=dict)
    _made: list[Call] = field(default_factory=list)

    def fix(self, findings: Iterable[Finding]) -> Iterator[Fix]:
        """Give what became of each finding, while it happens.

        A denial waits for another audit where rights were taken away before it: a role that could pass a
        powerful role is harmless once that one is narrow, and would not work any more with the denial.
        """
        found = list(findings)
        for finding in found:
            if not finding.remedy.is_stopgap:
                yield self._fix(finding)
        is_open = any(call.service == "iam" for call in self._made)
        for finding in found:
            if finding.remedy.is_stopgap:
                yield Fix(finding=finding, outcome=REFUSED, reason=WAITS) if is_open else self._fix(finding)

    def _fix(self, finding: Finding) -> Fix:
        calls = finding.remedy.calls
        if not calls:
            return Fix(finding=finding, outcome=NOTHING, reason=finding.remedy.text)
        if not self.all_resources and not finding.is_of_project(self.project):
            return Fix(finding=finding, outcome=REFUSED, reason=f"not {self.project}'s own (--all)")
        if all(call in self._made for call in calls):
            return Fix(finding=finding, outcome=APPLIED, reason=DONE)
        try:
            for call in calls:
                check_call(call)
        except AuditError as error:
            return Fix(finding=finding, outcome=REFUSED, reason=str(error))
        if not self.agree(finding, "\n".join(map(describe_call, calls))):
            return Fix(finding=finding, outcome=REFUSED, reason="nobody agreed")
        return self._apply(finding)

    def _apply(self, finding: Finding) -> Fix:
        for call in finding.remedy.calls:
            client = self._client(call.service)
            try:
                if has_changed(client, call):
                    return Fix(finding=finding, outcome=REFUSED, reason=CHANGED)
                getattr(client, call.method)(**call.arguments)
            except (BotoCoreError, ClientError) as error:
                return Fix(finding=finding, outcome=FAILED, reason=str(error))
            self._made.append(call)
            logger.info("%s:%s made for %s", call.service, call.method, finding.resource)
        return Fix(finding=finding, outcome=APPLIED)

    def _client(self, service: str) -> Any:
        if service not in self._clients:
            self._clients[service] = self.make_client(service)
        return self._clients[service]
