"""Rules about buckets."""

from typing import Any

import pytest

from musher.iam.fixing import check_call
from tests.unit.musher.iam.accounts import OTHER, TLS, account, bucket, document, find

RULES = (
    "public-bucket",
    "bucket-can-be-public",
    "bucket-unencrypted",
    "bucket-unversioned",
    "bucket-without-tls",
)


def everybody(action: str, **condition: Any) -> dict[str, Any]:
    """Return a statement that lets everybody do something with the bucket's objects."""
    return {
        "Effect": "Allow",
        "Principal": "*",
        "Action": action,
        "Resource": "arn:aws:s3:::musher-data/*",
        **({"Condition": {"StringEquals": condition}} if condition else {}),
    }


def test_a_bucket_in_order_has_no_finding() -> None:
    for rule in RULES:
        assert find(rule, account(buckets=(bucket(),))) == [], rule


def test_what_could_not_be_looked_at_is_no_finding() -> None:
    dark = bucket(is_encrypted=None, is_versioned=None, is_public_blocked=None, has_policy=None, policy=None)
    for rule in RULES:
        assert find(rule, account(buckets=(dark,))) == [], rule
        assert find(rule, account(buckets=None)) == [], rule


@pytest.mark.parametrize(
    ("action", "blocked", "severity"),
    [
        ("s3:GetObject", True, "high"),
        ("s3:GetObject", False, "critical"),
        ("s3:PutObject", True, "critical"),
        ("s3:*", True, "critical"),
    ],
)
def test_a_policy_for_everybody_is_found(action: str, blocked: bool, severity: str) -> None:
    made = account(buckets=(bucket("musher-data", everybody(action), is_public_blocked=blocked),))
    (found,) = find("public-bucket", made)
    assert found.severity == severity
    assert found.evidence[0].pointer == "/Statement/1/Principal"
    block, leave_out = found.remedy.calls
    assert set(block.arguments["PublicAccessBlockConfiguration"].values()) == {True}
    assert leave_out.after["Statement"] == [TLS]
    for call in found.remedy.calls:
        check_call(call)


def test_a_policy_of_nothing_else_goes_with_the_statement() -> None:
    policy = document("bucket/musher-data/policy.json", everybody("s3:GetObject"))
    (found,) = find("public-bucket", account(buckets=(bucket(policy=policy),)))
    assert [call.method for call in found.remedy.calls] == ["put_public_access_block", "delete_bucket_policy"]
    for call in found.remedy.calls:
        check_call(call)


@pytest.mark.parametrize(
    "key", ["aws:SourceVpce", "aws:PrincipalOrgID", "aws:SourceAccount", "aws:PrincipalAccount"]
)
def test_a_policy_for_everybody_from_somewhere_is_not_public(key: str) -> None:
    made = account(buckets=(bucket("musher-data", everybody("s3:GetObject", **{key: "x"})),))
    assert find("public-bucket", made) == []


def test_another_account_is_not_everybody() -> None:
    theirs = {**everybody("s3:GetObject"), "Principal": {"AWS": OTHER}}
    assert find("public-bucket", account(buckets=(bucket("musher-data", theirs),))) == []


@pytest.mark.parametrize(
    ("rule", "setting", "severity", "method"),
    [
        ("bucket-can-be-public", "is_public_blocked", "medium", "put_public_access_block"),
        ("bucket-unencrypted", "is_encrypted", "medium", "put_bucket_encryption"),
        ("bucket-unversioned", "is_versioned", "low", "put_bucket_versioning"),
    ],
)
def test_each_setting_is_told_with_the_call_that_sets_it(
    rule: str, setting: str, severity: str, method: str
) -> None:
    (found,) = find(rule, account(buckets=(bucket(**{setting: False}),)))
    assert (found.severity, found.resource) == (severity, "arn:aws:s3:::musher-data")
    (call,) = found.remedy.calls
    assert (call.service, call.method, call.arguments["Bucket"]) == ("s3", method, "musher-data")
    check_call(call)


def test_a_bucket_without_a_policy_gets_one_that_asks_for_tls() -> None:
    (found,) = find("bucket-without-tls", account(buckets=(bucket(has_policy=False, policy=None),)))
    (call,) = found.remedy.calls
    check_call(call)
    fixed = bucket(policy=document("bucket/musher-data/policy.json", *call.after["Statement"]))
    assert find("bucket-without-tls", account(buckets=(fixed,))) == []


def test_the_statements_of_a_policy_stay() -> None:
    kept = {**everybody("s3:GetObject"), "Principal": {"AWS": OTHER}}
    without = bucket(policy=document("bucket/musher-data/policy.json", kept))
    (found,) = find("bucket-without-tls", account(buckets=(without,)))
    (call,) = found.remedy.calls
    assert call.after["Statement"][0] == kept
    check_call(call)


@pytest.mark.parametrize(
    "change", [{"Action": "s3:GetObject"}, {"Effect": "Allow"}, {"Principal": {"AWS": OTHER}}]
)
def test_half_a_rule_for_tls_is_none(change: dict[str, Any]) -> None:
    half = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": "*",
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        **change,
    }
    made = bucket(policy=document("bucket/musher-data/policy.json", half))
    assert len(find("bucket-without-tls", account(buckets=(made,)))) == 1


def test_a_policy_that_cannot_be_read_whole_is_not_written() -> None:
    broken = document("bucket/musher-data/policy.json", {"Effect": "Perhaps"})
    (found,) = find("bucket-without-tls", account(buckets=(bucket(policy=broken),)))
    assert found.remedy.calls == ()
