"""Accepted findings: with a reason, until a day, and named by path where something is wrong."""

import json
from datetime import date
from typing import Any

import pytest

from musher.errors import AuditError
from musher.iam.audit import find_all
from musher.iam.baseline import read_baseline, subtract
from musher.iam.findings import Limits
from tests.unit.musher.iam.accounts import account, bucket

FINDINGS = find_all(account(buckets=(bucket(is_versioned=False, is_encrypted=False),)), Limits())
TODAY = date(2026, 11, 29)
ENTRY = {"rule": "bucket-unversioned", "resource": "arn:aws:s3:::musher-*", "reason": "temporary files"}


def baseline(*entries: Any) -> str:
    """Return a file's text."""
    return json.dumps({"accepted": list(entries)})


@pytest.mark.parametrize(("expires", "counting"), [("2026-11-29", 1), ("2027-01-01", 1), ("2026-11-28", 2)])
def test_an_entry_holds_until_its_last_day(expires: str, counting: int) -> None:
    entries = read_baseline("b.json", baseline({**ENTRY, "expires": expires}))
    found = subtract(FINDINGS, entries, today=TODAY)
    assert (len(found.counting), len(found.accepted)) == (counting, 2 - counting)
    assert ("counts again" in " ".join(found.notes)) is (counting == 2)


def test_a_fingerprint_names_one_finding() -> None:
    entry = {"fingerprint": FINDINGS[0].fingerprint, "reason": "known", "expires": "2027-01-01"}
    found = subtract(FINDINGS, read_baseline("b.json", baseline(entry)), today=TODAY)
    assert found.accepted == (FINDINGS[0],)


def test_an_entry_that_holds_wins_over_one_that_has_ended() -> None:
    entries = [{**ENTRY, "expires": expires} for expires in ("2026-01-01", "2027-01-01")]
    found = subtract(FINDINGS, read_baseline("b.json", baseline(*entries)), today=TODAY)
    assert (len(found.counting), found.notes) == (1, ())


def test_a_rule_alone_is_not_enough_and_another_resource_is_not_meant() -> None:
    entry = {**ENTRY, "resource": "arn:aws:s3:::others-*", "expires": "2027-01-01"}
    found = subtract(FINDINGS, read_baseline("b.json", baseline(entry)), today=TODAY)
    assert found.accepted == ()


@pytest.mark.parametrize(
    ("text", "where", "what"),
    [
        ('{"accepted": [\n  {]}', "b.json:2:4:", "no JSON"),
        ("[" * 100_000, "b.json:1:1:", "nested"),
        ("[]", "b.json:", 'no list "accepted"'),
        ('{"accepted": {}}', "b.json:", 'no list "accepted"'),
        (baseline("x"), "b.json: /accepted/0:", "an object of texts"),
        (baseline({**ENTRY, "expires": 5}), "b.json: /accepted/0:", "an object of texts"),
        (baseline({**ENTRY, "until": "2027-01-01"}), "b.json: /accepted/0:", "until is unknown"),
        (baseline({**ENTRY, "reason": " ", "expires": "2027-01-01"}), "/accepted/0:", "no reason"),
        (baseline({**ENTRY, "expires": "soon"}), "/accepted/0:", "expires is 'soon'"),
        (baseline(ENTRY), "/accepted/0:", "expires is None"),
        (baseline({"rule": "x", "reason": "y", "expires": "2027-01-01"}), "/accepted/0:", "names no finding"),
        (baseline({**ENTRY, "expires": "2027-01-01"}, {}), "b.json: /accepted/1:", "no reason"),
    ],
)
def test_a_wrong_file_is_named_with_the_place(text: str, where: str, what: str) -> None:
    with pytest.raises(AuditError) as failed:
        read_baseline("b.json", text)
    assert where in str(failed.value)
    assert what in str(failed.value)
