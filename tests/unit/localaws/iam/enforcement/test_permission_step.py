"""What is not allowed does not come through, and is told why in AWS's words."""

import json
from typing import Any

import pytest
from botocore.credentials import Credentials

from localaws.asgi import FORM
from localaws.iam.callers import ROOT_KEYS
from tests.unit.localaws.iam.enforcement.conftest import ACCOUNT, OBJECT, Account, allow, sign

DENY = {"Effect": "Deny", "Action": "*", "Resource": "*"}
EVERYTHING = allow("*")


def test_what_a_policy_allows_comes_through_and_nothing_else(account: Account) -> None:
    ann = account.make_user("ann", allow("sagemaker:Describe*"))
    assert account.ask(ann).status == 200
    denied = account.ask(ann, "iam:GetRole")
    assert (denied.status, account.passed) == (403, 1)
    assert "<Code>AccessDenied</Code>" in denied.text
    said = (
        f"User: arn:aws:iam::{ACCOUNT}:user/ann is not authorized to perform: iam:GetRole on resource: "
        f"arn:aws:iam::{ACCOUNT}:role/trainer because no identity-based policy allows the iam:GetRole action"
    )
    assert f"<Message>{said}</Message>" in denied.text


@pytest.mark.parametrize(
    ("name", "status", "code"),
    [
        ("sagemaker:DescribeTrainingJob", 400, '"AccessDeniedException"'),
        ("lambda:ListFunctions", 403, "AccessDeniedException"),
        ("iam:GetRole", 403, "<Code>AccessDenied</Code>"),
        ("sns:Publish", 403, "<Code>AuthorizationError</Code>"),
        ("ec2:DescribeVpcs", 403, "<Code>UnauthorizedOperation</Code>"),
        ("s3:GetObject", 403, "<Code>AccessDenied</Code>"),
    ],
)
def test_each_protocol_has_its_own_words(account: Account, name: str, status: int, code: str) -> None:
    answer = account.ask(account.make_user("ann", DENY), name)
    assert answer.status == status
    assert code in answer.text + answer.headers.get("x-amzn-errortype", "")
    assert f"is not authorized to perform: {name} on resource: " in answer.text
    assert "with an explicit deny in an identity-based policy" in answer.text


def test_s3_quotes_the_resource_and_ec2_says_first_what_is_the_matter(account: Account) -> None:
    ann = account.make_user("ann")
    assert f"on resource: &quot;{OBJECT}&quot; because" in account.ask(ann, "s3:GetObject").text.replace(
        '"', "&quot;"
    )
    said = account.ask(ann, "ec2:DescribeVpcs").text
    assert "<Message>You are not authorized to perform this operation. User: " in said


def test_a_policy_that_changes_counts_at_the_next_call(account: Account) -> None:
    ann = account.make_user("ann", allow("sagemaker:*"))
    assert account.ask(ann).status == 200
    account.iam.put_user_policy("ann", "own", json.dumps({"Version": "2012-10-17", "Statement": [DENY]}))
    assert account.ask(ann).status == 400
    account.iam.delete_user_policy("ann", "own")
    assert "because no identity-based policy allows" in account.ask(ann).text


def test_groups_and_managed_policies_count(account: Account) -> None:
    ann = account.make_user("ann")
    account.iam.create_group("readers")
    account.iam.put_group_policy(
        "readers", "own", json.dumps({"Version": "2012-10-17", "Statement": [allow("sagemaker:Describe*")]})
    )
    assert account.ask(ann).status == 400
    account.iam.add_user_to_group("readers", "ann")
    assert account.ask(ann).status == 200
    own = json.dumps({"Version": "2012-10-17", "Statement": [allow("iam:Get*")]})
    account.iam.attach_user_policy(account.iam.create_policy("", "/", own, "look", []).arn, "ann")
    assert account.ask(ann, "iam:GetRole").status == 200


def test_a_role_s_boundary_and_its_session_s_policy_limit_it(account: Account) -> None:
    own = json.dumps({"Version": "2012-10-17", "Statement": [allow("iam:*")]})
    policy = account.iam.create_policy("", "/", own, "only-iam", [])
    account.make_role("free", EVERYTHING)
    account.make_role("bounded", EVERYTHING, permissions_boundary=policy.arn)
    assert account.ask(account.assume("free")).status == 200
    assert "because no permissions boundary allows" in account.ask(account.assume("bounded")).text
    assert account.ask(account.assume("bounded"), "iam:GetRole").status == 200
    limited = account.assume("free", session_documents=(own,))
    assert "because no session policy allows" in account.ask(limited).text


def test_a_user_s_boundary_limits_him(account: Account) -> None:
    ann, user = account.make_user("ann", EVERYTHING), account.iam.get_user("ann")
    own = json.dumps({"Version": "2012-10-17", "Statement": [allow("iam:*")]})
    user.permissions_boundary_arn = account.iam.create_policy("", "/", own, "only-iam", []).arn  # type: ignore[attr-defined]
    assert "because no permissions boundary allows" in account.ask(ann).text
    assert account.ask(ann, "iam:GetRole").status == 200


def test_a_boundary_that_is_gone_allows_nothing(account: Account) -> None:
    gone = f"arn:aws:iam::{ACCOUNT}:policy/gone"
    account.make_role("bounded", EVERYTHING, permissions_boundary=gone)
    assert "because no permissions boundary allows" in account.ask(account.assume("bounded")).text


def test_the_session_of_a_role_that_is_gone_may_do_nothing(account: Account) -> None:
    account.make_role("short", EVERYTHING)
    session = account.assume("short")
    account.iam.delete_role_policy("short", "own")
    account.iam.delete_role("short")
    assert "assumed-role/short/work is not authorized" in account.ask(session).text


def test_conditions_know_who_asks_from_where_and_with_which_tags(account: Account) -> None:
    def when(operator: str, key: str, value: str) -> dict[str, Any]:
        return allow("sagemaker:*", Condition={operator: {key: value}})

    holding = (
        when("IpAddress", "aws:SourceIp", "127.0.0.0/8"),
        when("ArnEquals", "aws:PrincipalArn", f"arn:aws:iam::{ACCOUNT}:role/r0"),
        when("StringEquals", "aws:PrincipalTag/team", "dogs"),
        when("StringEquals", "aws:PrincipalTag/stage", "test"),
        when("StringEquals", "aws:RequestedRegion", "us-east-1"),
        when("DateGreaterThan", "aws:CurrentTime", "2020-01-01T00:00:00Z"),
        when("Bool", "aws:SecureTransport", "true"),
        when("StringEquals", "aws:PrincipalType", "AssumedRole"),
        when("Null", "aws:MultiFactorAuthAge", "true"),
    )
    tags = [{"Key": "team", "Value": "dogs"}]
    for number, statement in enumerate(holding):
        account.make_role(f"r{number}", statement, tags=tags)
        session = account.assume(f"r{number}", session_tags={"stage": "test"})
        wanted = 200 if number != 1 or number == 0 else 400  # the second names the first role
        assert account.ask(session).status == wanted, statement
    other = when("StringEquals", "aws:PrincipalTag/team", "cats")
    account.make_role("other", other, tags=tags)
    assert account.ask(account.assume("other")).status == 400


def test_to_take_a_role_its_trust_policy_must_allow_it(account: Account) -> None:
    ann = account.make_user("ann", allow("sts:AssumeRole"))
    account.make_role("trainer")
    assert account.ask(ann, "sts:AssumeRole").status == 200
    account.iam.get_role("trainer").assume_role_policy_document = json.dumps(
        {
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"Service": "sagemaker.amazonaws.com"},
                    "Action": "sts:AssumeRole",
                }
            ]
        }
    )
    denied = account.ask(ann, "sts:AssumeRole")
    assert "because no role trust policy allows the sts:AssumeRole action" in denied.text


def test_nobody_gets_a_role_that_is_not_there(account: Account) -> None:
    ann = account.make_user("ann", EVERYTHING)
    assert account.ask(ann, "sts:AssumeRole").status == 403


def test_an_operation_that_nobody_knows_is_denied_and_named(account: Account) -> None:
    ann = account.make_user("ann", EVERYTHING)
    denied = account.ask(ann, "sagemaker:MakeCoffee")
    assert denied.status == 400
    assert "perform: sagemaker:MakeCoffee on resource: * because localaws does not know" in denied.text


def test_who_may_do_nothing_may_ask_who_he_is(account: Account) -> None:
    assert account.ask(account.make_user("ann"), "sts:GetCallerIdentity").status == 200


def test_keys_that_would_be_nobody_s_are_not_handed_out(account: Account) -> None:
    answer = account.ask(account.make_user("ann", EVERYTHING), "sts:GetSessionToken")
    assert "localaws does not implement sts:GetSessionToken" in answer.text


def test_the_root_may_do_everything(account: Account) -> None:
    root = Credentials("AKIAROOT", "secret")
    ROOT_KEYS["AKIAROOT"] = root
    try:
        assert account.ask(root).status == 200
        assert account.ask(root, "iam:GetRole").status == 200
    finally:
        del ROOT_KEYS["AKIAROOT"]


@pytest.mark.parametrize(
    ("path", "headers", "service"),
    [
        ("/?Action=DeleteUser", {"content-type": FORM}, "iam"),
        ("/", {"content-type": FORM, "x-amz-target": "AmazonSQS.ListQueues"}, "sqs"),
        ("/", {"content-type": FORM, "x-moto-account-id": "999999999999"}, "iam"),
    ],
    ids=["two actions", "two protocols", "two accounts"],
)
def test_what_can_be_read_in_two_ways_is_denied(
    account: Account, path: str, headers: dict[str, str], service: str
) -> None:
    ann = account.make_user("ann", EVERYTHING)
    request = sign(ann, service, path=path, body=b"Action=GetRole", headers=headers)
    assert "because the request says in two ways what it asks for" in account.send(request).text


def test_a_native_route_is_for_the_service_that_it_belongs_to(account: Account) -> None:
    """A bucket's path is no way to an endpoint: who may write to all buckets may not invoke all endpoints."""
    ann = account.make_user("ann", allow("s3:*"))
    path = "/endpoints/dogs/invocations"
    request = sign(ann, "s3", path=path, body=b"x")
    assert "says in two ways" in account.send(request, handler=object()).text
    bob = account.make_user("bob", allow("sagemaker:InvokeEndpoint"))
    assert account.send(sign(bob, "sagemaker", path=path, body=b"x"), handler=object()).status == 200


@pytest.mark.parametrize("path", ["/moto-api/reset", "/latest/meta-data/iam"])
def test_moto_s_back_doors_are_shut(account: Account, path: str) -> None:
    ann = account.make_user("ann", EVERYTHING)
    assert account.send(sign(ann, "s3", path=path)).status == 403


def test_who_waits_to_send_a_body_is_not_to_send_it_after_a_refusal(account: Account) -> None:
    answer = account.ask(account.make_user("ann"), "s3:PutObject", headers={"expect": "100-continue"})
    assert (answer.status, answer.headers["connection"]) == (403, "close")


def test_a_browser_may_ask_what_it_may_ask(account: Account) -> None:
    request = sign(None, "s3", method="OPTIONS", headers={"access-control-request-method": "GET"})
    assert account.send(request).status == 200
