"""Read passwords, MFA and access keys: the credential report, and each user's keys with their last use.

https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_getting-report.html
"""

import csv
import io
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from botocore.exceptions import BotoCoreError

from musher.iam.account import AccessKey, Root
from musher.iam.looks import Looks

DELAYS_S = (0.2, 0.5, 1.0, 2.0, 4.0, 4.0, 4.0, 4.0, 4.0)
"""Between two looks whether the report is made: AWS takes some seconds, once in four hours."""

ROOT = "<root_account>"
"""The root user's row in the report."""


@dataclass(frozen=True, kw_only=True)
class Credentials:
    """User name -> keys, user name -> row of the credential report, and the root user."""

    keys: Mapping[str, tuple[AccessKey, ...]] = field(default_factory=dict)
    report: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    root: Root | None = None


def read_credentials(iam: Any, looks: Looks, *, user_names: Iterable[str], has_details: bool) -> Credentials:
    """Return what is known of how people and programs sign in."""
    names = list(user_names) if has_details else []
    keys = {name: looks.at(f"access keys of {name}", partial(_list_keys, iam, looks, name)) for name in names}
    report = looks.at("credential report", partial(_read_report, iam)) or {}
    summary = looks.at("account summary", lambda: iam.get_account_summary()["SummaryMap"]) or {}
    has_mfa = {"true": True, "false": False}.get(report.get(ROOT, {}).get("mfa_active", ""))
    has_keys = bool(summary["AccountAccessKeysPresent"]) if "AccountAccessKeysPresent" in summary else None
    return Credentials(
        keys={name: found for name, found in keys.items() if found is not None},
        report=report,
        root=Root(has_keys=has_keys, has_mfa=has_mfa),
    )


def _list_keys(iam: Any, looks: Looks, user_name: str) -> tuple[AccessKey, ...]:
    pages = iam.get_paginator("list_access_keys").paginate(UserName=user_name)
    found = [key for page in pages for key in page["AccessKeyMetadata"]]
    return tuple(_read_key(iam, looks, key) for key in found)


def _read_key(iam: Any, looks: Looks, key: Mapping[str, Any]) -> AccessKey:
    key_id = key["AccessKeyId"]
    look = partial(iam.get_access_key_last_used, AccessKeyId=key_id)
    answer = looks.at(f"last use of the access key {key_id}", look)
    used = (answer or {}).get("AccessKeyLastUsed", {}).get("LastUsedDate")
    return AccessKey(
        id=key_id,
        is_active=key["Status"] == "Active",
        created_at=key["CreateDate"],
        last_used_at=used,
        is_use_known=answer is not None,
    )


class ReportTakesTooLongError(BotoCoreError):  # type: ignore[misc]  # botocore is untyped
    """AWS has not made the report in time."""

    fmt = "IAM has not made the report after {seconds} s"


def _read_report(iam: Any) -> dict[str, dict[str, str]]:
    """Return user -> row."""
    for delay_s in DELAYS_S:
        if iam.generate_credential_report()["State"] == "COMPLETE":
            break
        time.sleep(delay_s)
    else:
        raise ReportTakesTooLongError(seconds=sum(DELAYS_S))
    text = iam.get_credential_report()["Content"].decode()
    return {row["user"]: row for row in csv.DictReader(io.StringIO(text))}
