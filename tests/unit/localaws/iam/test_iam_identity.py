"""Whom children are, and who may fetch their credentials."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from moto import mock_aws
from moto.iam.models import get_account_id_from, iam_backends

from localaws.iam.callers import find_account, find_principal, find_secret
from localaws.iam.identity import Identity

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
ROLE = "arn:aws:iam::123456789012:role/trainer"


@pytest.fixture
def identity() -> Iterator[Identity]:
    """Return an identity of its own, on a moto of its own."""
    with mock_aws():
        yield Identity(region="us-east-1", now=lambda: NOW)


def test_a_session_is_good_for_an_hour_and_known_by_its_key(identity: Identity) -> None:
    found = identity.assume(role_arn=ROLE, session_name="job-1")
    assert (found.expiration - NOW).total_seconds() == 3600
    assert found.as_environment() == {
        "AWS_ACCESS_KEY_ID": found.access_key_id,
        "AWS_SECRET_ACCESS_KEY": found.secret_access_key,
        "AWS_SESSION_TOKEN": found.session_token,
    }
    secret = find_secret(found.access_key_id)
    assert secret is not None
    assert (secret.secret_key, secret.token) == (found.secret_access_key, found.session_token)
    principal = find_principal(found.access_key_id)
    assert principal.arn == "arn:aws:sts::123456789012:assumed-role/trainer/job-1"
    assert principal.account_id == "123456789012"


@pytest.mark.parametrize(
    ("name", "session"),
    [("a b/c", "a-b-c"), ("x" * 80, "x" * 64), ("keeps_=,.@-+", "keeps_=,.@-+"), ("tab\there", "tab-here")],
)
def test_a_session_has_a_name_that_sts_takes(identity: Identity, name: str, session: str) -> None:
    found = identity.assume(role_arn=ROLE, session_name=name)
    assert find_principal(found.access_key_id).arn.rpartition("/")[2] == session


def test_a_key_s_account_is_that_of_its_role_or_user_and_else_the_default(identity: Identity) -> None:
    iam = iam_backends["222222222222"]["aws"]
    iam.create_user("us-east-1", "ann")
    user_key = iam.create_access_key("ann")
    session = identity.assume(role_arn=ROLE.replace("123456789012", "111111111111"), session_name="job")
    keys = (user_key.access_key_id, session.access_key_id, "AKIAUNKNOWN", "")
    found = [find_account(key) for key in keys]
    assert found == ["222222222222", "111111111111", "123456789012", "123456789012"]
    assert list(iam_backends["222222222222"]) == ["aws"], "looking makes no backends"
    assert found == [get_account_id_from(key) for key in keys]


def test_a_container_reads_its_credentials_as_a_document(identity: Identity) -> None:
    found = identity.assume(role_arn=ROLE, session_name="job")
    assert json.loads(found.as_container_document()) == {
        "RoleArn": ROLE,
        "AccessKeyId": found.access_key_id,
        "SecretAccessKey": found.secret_access_key,
        "Token": found.session_token,
        "Expiration": "2026-01-02T04:04:05Z",
    }


@pytest.mark.parametrize("token", ["", "wrong", "ä", None])
def test_a_grant_needs_its_token_and_lasts_until_it_is_revoked(identity: Identity, token: str | None) -> None:
    grant = identity.grant(role_arn=ROLE, session_name="job")
    redeemed = identity.redeem(grant_id=grant.id, token=grant.token if token is None else token)
    assert (redeemed is not None) is (token is None)
    assert identity.redeem(grant_id="another", token=grant.token) is None
    identity.revoke(grant)
    identity.revoke(grant)
    assert identity.redeem(grant_id=grant.id, token=grant.token) is None


def test_each_fetch_is_a_new_session_and_each_grant_its_own(identity: Identity) -> None:
    first, second = (identity.grant(role_arn=ROLE, session_name=name) for name in ("one", "two"))
    assert (first.id, first.token) != (second.id, second.token)
    keys = {
        found.access_key_id
        for grant in (first, first, second)
        if (found := identity.redeem(grant_id=grant.id, token=grant.token))
    }
    assert len(keys) == 3


def test_a_key_that_localaws_did_not_make_is_anonymous(identity: Identity) -> None:
    assert find_secret("AKIAUNKNOWN") is None
    assert find_principal("AKIAUNKNOWN").arn == "arn:aws:iam::123456789012:root"
