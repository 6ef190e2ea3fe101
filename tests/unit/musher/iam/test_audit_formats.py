"""An audit as text, JSON and SARIF; its exit status; what changed since the one before."""

import json
from collections import Counter
from datetime import date
from typing import Any

import pytest

from musher.iam.audit import CLEAN, FOUND, UNSEEN, exit_status, make_audit
from musher.iam.baseline import read_baseline
from musher.iam.findings import SEVERITIES, Audit, Limits, rank
from musher.iam.records import as_record, compare, is_record
from musher.iam.rules.catalog import ALL
from musher.iam.sarif import LEVELS, as_sarif
from musher.iam.text import as_text
from tests.unit.musher.iam.accounts import ADMIN, account, bucket, role, unseen


def audit(*, baseline: str = '{"accepted": []}', **parts: Any) -> Audit:
    """Return an audit of an account of these parts."""
    return make_audit(account(**parts), Limits(), read_baseline("b", baseline))


BAD = audit(
    roles=(role("musher-r", ADMIN),), buckets=(bucket(is_versioned=False),), unseen=(unseen("functions"),)
)


def test_the_gravest_come_first() -> None:
    assert [found.severity for found in BAD.findings] == ["critical", "low"]
    assert sorted(SEVERITIES, key=rank) == ["low", "medium", "high", "critical"]


@pytest.mark.parametrize(
    ("made", "fail_on", "status"),
    [
        (BAD, "critical", FOUND),
        (BAD, "low", FOUND),
        (audit(buckets=(bucket(is_versioned=False),)), "medium", CLEAN),
        (audit(buckets=(bucket(is_versioned=False),)), "low", FOUND),
        (audit(unseen=(unseen("functions"),)), "low", UNSEEN),
        (audit(), "low", CLEAN),
    ],
)
def test_the_exit_status_tells_findings_unseen_lists_and_clean_apart(
    made: Audit, fail_on: str, status: int
) -> None:
    assert exit_status(made, fail_on=fail_on) == status


def test_the_text_has_the_place_the_remedy_and_what_was_not_seen() -> None:
    text = as_text(BAD)
    assert "CRITICAL wildcard-admin: The policy own of the role musher-r allows every action" in text
    assert "role/musher-r/policies/own.json:6:17 /Statement/0/Action" in text
    assert "aws iam delete-role-policy --role-name musher-r --policy-name own\n" in text
    assert "not looked at: functions: AccessDenied" in text
    assert text.endswith("account 123456789012: 1 critical, 0 high, 0 medium, 1 low")


def test_the_record_is_json_and_counts() -> None:
    record = json.loads(json.dumps(as_record(BAD)))
    assert record["counts"] == {"critical": 1, "high": 0, "medium": 0, "low": 1}
    assert record["findings"][0]["remedy"]["calls"][0]["method"] == "delete_role_policy"
    assert record["findings"][0]["remedy"]["calls"][0]["command"].startswith("aws iam delete-role-policy ")
    assert record["unseen"] == [{"what": "functions", "reason": "AccessDenied"}]
    assert is_record(record)


@pytest.mark.parametrize(
    "found",
    [None, [], {}, {"format": 1}, {"format": 2, "taken_at": "", "counts": {}, "findings": []}],
)
def test_what_is_no_record_is_told_from_one(found: Any) -> None:
    assert not is_record(found)
    assert not is_record({"format": 1, "taken_at": "", "counts": {}, "findings": [{}]})


def test_what_has_come_and_gone_is_told() -> None:
    before = as_record(audit(buckets=(bucket(is_versioned=False, is_encrypted=False),)))
    after = as_record(audit(buckets=(bucket(is_versioned=False, is_public_blocked=False),)))
    changes = compare(before, after)
    assert [found["rule"] for found in changes["new"]] == ["bucket-can-be-public"]
    assert [found["rule"] for found in changes["gone"]] == ["bucket-unencrypted"]
    assert {row["severity"]: (row["before"], row["after"]) for row in changes["rows"]} == {
        "critical": (0, 0),
        "high": (0, 0),
        "medium": (1, 1),
        "low": (1, 1),
    }


def test_sarif_names_rule_place_and_fingerprint() -> None:
    (run,) = as_sarif(BAD)["runs"]
    listed = run["tool"]["driver"]["rules"]
    result = run["results"][0]
    assert listed[result["ruleIndex"]]["id"] == result["ruleId"] == "wildcard-admin"
    assert result["level"] == "error"
    place = result["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "role/musher-r/policies/own.json"
    assert place["region"] == {"startLine": 6, "startColumn": 17}
    assert result["partialFingerprints"] == {"musherFinding/v1": BAD.findings[0].fingerprint}
    assert run["invocations"][0]["executionSuccessful"] is False
    assert "functions" in run["invocations"][0]["toolExecutionNotifications"][0]["message"]["text"]


def test_accepted_findings_are_suppressed_in_sarif() -> None:
    entry = {
        "rule": "bucket-unversioned",
        "resource": "*",
        "reason": "temporary",
        "expires": str(date.max),
    }
    made = audit(buckets=(bucket(is_versioned=False),), baseline=json.dumps({"accepted": [entry]}))
    (result,) = as_sarif(made)["runs"][0]["results"]
    assert result["suppressions"] == [{"kind": "external"}]
    assert exit_status(made, fail_on="low") == CLEAN
    assert "1 accepted" in as_text(made)


def test_every_severity_has_a_level() -> None:
    assert set(LEVELS) == set(SEVERITIES)


def test_the_rules_are_named_once_and_have_pages() -> None:
    assert [name for name, times in Counter(rule.id for rule in ALL).items() if times > 1] == []
    for rule in ALL:
        assert rule.page.startswith("https://"), rule.id
        assert set(rule.severities) <= set(SEVERITIES)
        assert sorted(rule.severities, key=rank) == list(rule.severities)
        assert rule.find.__doc__
