"""The proof that a document allows no more than another: it errs on the safe side."""

from typing import Any

import pytest

from musher.iam.narrowing import allows_no_more
from tests.unit.musher.iam.accounts import ADMIN, OTHER, allow

DENY = {"Effect": "Deny", "Action": "iam:*", "Resource": "*"}
TAGGED = {"StringEquals": {"aws:ResourceTag/a": "b"}}
ALL_BUT_DOMAINS = {
    "Effect": "Allow",
    "Action": "sagemaker:*",
    "NotResource": "arn:aws:sagemaker:*:*:domain/*",
}
ENDPOINT = "arn:aws:sagemaker:us-east-1:123456789012:endpoint/musher-*"


def policy(*statements: dict[str, Any]) -> dict[str, Any]:
    """Return a document."""
    return {"Version": "2012-10-17", "Statement": list(statements)}


def trusting(principal: Any, **more: Any) -> dict[str, Any]:
    """Return a trust policy's statement."""
    return {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole", **more}


@pytest.mark.parametrize(
    ("after", "before"),
    [
        ([], [ADMIN]),
        ([allow("s3:GetObject", "arn:aws:s3:::a/*")], [ADMIN]),
        ([allow("s3:GetObject", "arn:aws:s3:::a/*")], [allow("s3:Get*", "arn:aws:s3:::a*")]),
        ([allow("s3:GetObject", Condition=TAGGED)], [allow("s3:GetObject")]),
        ([allow(["a:b", "c:d"], "x")], [allow("a:*", "x"), allow("c:*", "x")]),
        ([DENY, ADMIN], [ADMIN]),
        ([DENY], [DENY]),
        ([allow("sagemaker:InvokeEndpoint", ENDPOINT)], [ALL_BUT_DOMAINS]),
        ([ALL_BUT_DOMAINS], [ALL_BUT_DOMAINS]),
        ([{**ALL_BUT_DOMAINS, "Condition": TAGGED}], [ALL_BUT_DOMAINS]),
        ([trusting({"AWS": OTHER})], [trusting({"AWS": "*"})]),
        (
            [trusting({"Service": "a.amazonaws.com"}, Condition=TAGGED)],
            [trusting({"Service": "a.amazonaws.com"})],
        ),
        (
            [allow("s3:GetObject", "x")],
            [{"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}],
        ),
    ],
)
def test_less_is_told_from_more(after: list[dict[str, Any]], before: list[dict[str, Any]]) -> None:
    assert allows_no_more(policy(*after), policy(*before))


@pytest.mark.parametrize(
    ("after", "before"),
    [
        ([ADMIN], []),
        ([allow("s3:PutObject", "x")], [allow("s3:GetObject", "x")]),
        ([allow("s3:GetObject", "*")], [allow("s3:GetObject", "arn:aws:s3:::a/*")]),
        ([allow("s3:*", "x")], [allow("s3:Get*", "x")]),
        ([allow("s3:GetObject")], [allow("s3:GetObject", Condition=TAGGED)]),
        ([ADMIN], [ADMIN, DENY]),
        ([allow("sagemaker:CreateDomain", "arn:aws:sagemaker:us-east-1:1:domain/x")], [ALL_BUT_DOMAINS]),
        ([allow("sagemaker:CreateDomain", "*")], [ALL_BUT_DOMAINS]),
        ([trusting({"AWS": "*"})], [trusting({"AWS": OTHER})]),
        ([trusting({"Service": "b.amazonaws.com"})], [trusting({"Service": "a.amazonaws.com"})]),
        ([trusting({"AWS": OTHER})], [allow("sts:AssumeRole")]),
        ([allow("iam:PassRole", "x")], [{"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}]),
        ([allow("*", "x")], [{"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}]),
        ([{"Effect": "Allow", "NotAction": "a:b", "Resource": "*"}], [ADMIN]),
        ([{"Effect": "Perhaps"}], [ADMIN]),
    ],
)
def test_what_may_be_more_is_no_less(after: list[dict[str, Any]], before: list[dict[str, Any]]) -> None:
    assert not allows_no_more(policy(*after), policy(*before))


def test_without_a_document_before_only_denials_are_less() -> None:
    assert allows_no_more(policy(DENY), None)
    assert not allows_no_more(policy(allow("s3:GetObject", "x")), None)
