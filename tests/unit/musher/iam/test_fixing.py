"""Remedies: shown, asked about, applied one at a time, and never more than less."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from musher.errors import AuditError
from musher.iam.audit import find_all
from musher.iam.findings import Call, Evidence, Finding, Limits, Remedy
from musher.iam.fixing import (
    APPLIED,
    CHANGED,
    DONE,
    FAILED,
    NOTHING,
    REFUSED,
    TAKES_AWAY,
    WAITS,
    WRITES_DOCUMENT,
    Fixer,
    check_call,
    describe_call,
)
from tests.unit.musher.iam.accounts import ADMIN, account, allow, bucket, role

KEPT = allow("s3:ListBucket", "arn:aws:s3:::a")


class Client:
    """Takes every call, or refuses the one named; every policy that it reads is `document`."""

    def __init__(self, refused: str = "", *, document: Any = None) -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.refused, self.document = refused, document

    def __getattr__(self, method: str) -> Any:
        def call(**arguments: Any) -> Any:
            if method == self.refused:
                raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, method)
            if method.startswith("get_"):
                return {"PolicyDocument": self.document}
            return self.calls.append((method, arguments))

        return call


def policy_of(*statements: Any) -> dict[str, Any]:
    """Return a document as `role` makes it."""
    return {"Version": "2012-10-17", "Statement": list(statements)}


def fixer(client: Client, *, agree: bool = True, **more: Any) -> Fixer:
    """Return a fixer with one client for all services."""
    return Fixer(
        make_client=lambda _: client, agree=lambda *_: agree, project=more.pop("project", "musher"), **more
    )


def findings(**parts: Any) -> tuple[Finding, ...]:
    """Return what all rules find."""
    return find_all(account(**parts), Limits())


def wildcards() -> list[Finding]:
    """Return the finding of a role that may do everything, besides something narrow."""
    found = findings(roles=(role("musher-r", KEPT, ADMIN),))
    return [each for each in found if each.rule == "wildcard-admin"]


def test_a_remedy_is_applied_after_somebody_agreed() -> None:
    client = Client(document=policy_of(KEPT, ADMIN))
    (fix,) = fixer(client).fix(wildcards())
    assert (fix.outcome, [method for method, _ in client.calls]) == (APPLIED, ["put_role_policy"])


def test_a_document_that_has_changed_meanwhile_is_left() -> None:
    """Two findings about one document: the second remedy would bring back what the first has taken out."""
    client = Client(document=policy_of(KEPT))
    (fix,) = fixer(client).fix(wildcards())
    assert (fix.outcome, fix.reason, client.calls) == (REFUSED, CHANGED, [])


def test_nothing_is_done_where_nobody_agrees() -> None:
    client = Client()
    fixes = list(fixer(client, agree=False).fix(findings(buckets=(bucket(is_versioned=False),))))
    assert [fix.outcome for fix in fixes] == [REFUSED]
    assert client.calls == []


def test_what_is_not_the_project_s_is_left_unless_told() -> None:
    found = findings(buckets=(bucket("photos", is_versioned=False),))
    client = Client()
    (fix,) = [each for each in fixer(client).fix(found) if each.finding.rule == "bucket-unversioned"]
    assert (fix.outcome, client.calls) == (REFUSED, [])
    assert "--all" in fix.reason
    fixes = list(fixer(client, all_resources=True).fix(found))
    assert {each.outcome for each in fixes} == {APPLIED}


def test_what_only_a_person_can_do_is_said() -> None:
    finding = Finding(
        rule="root-key",
        severity="critical",
        resource="arn:aws:iam::123456789012:root",
        title="keys",
        evidence=(Evidence(path="x", found=None),),
        remedy=Remedy(text="Delete them."),
    )
    (fix,) = fixer(Client()).fix([finding])
    assert (fix.outcome, fix.reason) == (NOTHING, "Delete them.")


def test_a_failure_ends_the_remedy_and_not_the_others() -> None:
    client = Client(refused="put_bucket_versioning")
    found = findings(buckets=(bucket(is_versioned=False, is_encrypted=False),))
    fixes = {fix.finding.rule: fix.outcome for fix in fixer(client).fix(found)}
    assert fixes == {"bucket-unversioned": FAILED, "bucket-unencrypted": APPLIED}


def test_the_change_is_shown_as_a_difference() -> None:
    (found,) = [
        each for each in findings(roles=(role("musher-r", KEPT, ADMIN),)) if each.rule == "wildcard-admin"
    ]
    text = describe_call(found.remedy.calls[0])
    assert text.startswith('iam:put_role_policy {"PolicyName": "own", "RoleName": "musher-r"}')
    assert '-      "Action": "*",' in text
    assert not [line for line in text.splitlines() if line.startswith("+ ")]


WIDER = {"Version": "2012-10-17", "Statement": [ADMIN]}


@pytest.mark.parametrize(
    "call",
    [
        Call(
            service="iam", method="put_role_policy", arguments={}, before={"Statement": [KEPT]}, after=WIDER
        ),
        Call(service="iam", method="put_role_policy", arguments={}, after=WIDER),
        Call(service="iam", method="attach_role_policy", arguments={}),
        Call(service="iam", method="update_access_key", arguments={"Status": "Active"}),
        Call(service="s3", method="delete_public_access_block", arguments={}),
    ],
)
def test_a_call_that_may_allow_more_is_never_made(call: Call) -> None:
    with pytest.raises(AuditError, match="might allow more"):
        check_call(call)
    finding = Finding(
        rule="x",
        severity="low",
        resource="arn:aws:iam::123456789012:role/musher-r",
        title="t",
        evidence=(),
        remedy=Remedy(text="", calls=(call,)),
    )
    client = Client()
    (fix,) = fixer(client).fix([finding])
    assert (fix.outcome, client.calls) == (REFUSED, [])


def test_no_call_is_both_proven_and_free() -> None:
    assert not WRITES_DOCUMENT & TAKES_AWAY


def passers() -> tuple[Finding, ...]:
    """Return what is found of a role that may pass a powerful one, and of that one."""
    pass_it = allow("iam:PassRole", "arn:aws:iam::123456789012:role/musher-f")
    run = allow(["lambda:CreateFunction", "lambda:InvokeFunction"], "arn:aws:lambda:*:*:function:musher-*")
    powerful = role("musher-f", ADMIN)
    return findings(roles=(role("musher-airflow", pass_it, run), powerful))


def test_a_denial_waits_where_rights_were_taken_away_that_it_was_for() -> None:
    """The role that passes is told of first; with the denial it could pass nothing any more."""
    client = Client(document=policy_of(ADMIN))
    fixes = {
        (fix.finding.name, fix.finding.rule): (fix.outcome, fix.reason)
        for fix in fixer(client).fix(passers())
    }
    assert fixes["musher-f", "wildcard-admin"] == (APPLIED, "")
    assert fixes["musher-airflow", "privilege-escalation"] == (REFUSED, WAITS)
    assert [method for method, _ in client.calls] == ["delete_role_policy"]


def test_a_denial_is_made_where_nothing_else_was() -> None:
    client = Client()
    denials = [found for found in passers() if found.remedy.is_stopgap]
    fixes = list(fixer(client).fix([*denials, *denials]))
    assert {fix.outcome for fix in fixes} == {APPLIED}
    assert fixes[-1].reason == DONE
    assert {method for method, _ in client.calls} == {"put_role_policy"}
    assert len(client.calls) < len(fixes)
