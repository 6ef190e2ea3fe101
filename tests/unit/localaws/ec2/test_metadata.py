"""The Instance Metadata Service: tokens, and what it says of an instance."""

import json
from dataclasses import replace
from typing import Any

import pytest

from localaws.clock import ManualClock
from localaws.ec2.metadata import TOKEN_HEADER, TTL_HEADER, Metadata, Tokens
from localaws.ec2.spec import Facts, MetadataOptions, Profile

PROFILE = Profile(
    arn="arn:aws:iam::1:instance-profile/p", id="AIPA1", role_name="r", role_arn="arn:r", is_trusting=True
)
FACTS = Facts(
    instance_id="i-1",
    account_id="123456789012",
    region="us-east-1",
    zone="us-east-1a",
    instance_type="m5.xlarge",
    image_id="ami-1",
    architecture="x86_64",
    local_ip="10.0.0.1",
    local_hostname="ip-10-0-0-1.ec2.internal",
    launched_at="2026-01-01T00:00:00Z",
    user_data=b"\x00raw",
    profile=PROFILE,
    tags={"Name": "box"},
)
ROLE = "/latest/meta-data/iam/security-credentials/"


class Service:
    """The service of one instance, on a clock that a test moves."""

    def __init__(self, **facts: Any) -> None:
        self.facts = replace(FACTS, **facts)
        self.clock = ManualClock()
        self.metadata = Metadata(
            facts=lambda: self.facts,
            credentials=lambda profile: f'{{"of": "{profile.role_name}"}}'.encode(),
            tokens=Tokens(self.clock.monotonic),
        )

    def get(self, path: str, **headers: str) -> tuple[int, str]:
        """Return status and body of a GET."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        found = self.metadata.answer("GET", path, named)
        return found.status, found.body.decode()

    def token(self, ttl: str = "60", **headers: str) -> tuple[int, str]:
        """Ask for a token; return status and body."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        found = self.metadata.answer("PUT", "/latest/api/token", {TTL_HEADER: ttl} | named)
        if found.status == 200:
            assert found.headers[TTL_HEADER] == ttl
        return found.status, found.body.decode()


def with_token(token: str) -> dict[str, str]:
    """Return the header that carries a token."""
    return {TOKEN_HEADER.replace("-", "_"): token}


@pytest.mark.parametrize("ttl", ["", "0", "21601", "-1", "1.5", "a", "9999999"])
def test_a_token_needs_a_time_that_may_be(ttl: str) -> None:
    assert Service().token(ttl)[0] == 400


@pytest.mark.parametrize("ttl", ["1", "21600"])
def test_a_token_is_good_for_its_time(ttl: str) -> None:
    service = Service(options=MetadataOptions(needs_token=True))
    status, token = service.token(ttl)
    assert status == 200
    assert service.get("/latest/meta-data/instance-id", **with_token(token)) == (200, "i-1")
    service.clock.advance(float(ttl) + 1)
    assert service.get("/latest/meta-data/instance-id", **with_token(token))[0] == 401


def test_a_token_without_a_time_is_refused() -> None:
    assert Service().metadata.answer("PUT", "/latest/api/token", {}).status == 400


def test_a_token_for_somebody_behind_a_proxy_is_refused() -> None:
    assert Service().token(x_forwarded_for="10.0.0.2")[0] == 403


def test_a_token_of_another_instance_is_refused() -> None:
    service, other = Service(), Service()
    assert service.get("/latest/meta-data/", **with_token(other.token()[1]))[0] == 401
    for nonsense in ("", "x", "%%%", service.token()[1][:-4]):
        assert service.get("/latest/meta-data/", **with_token(nonsense))[0] == 401


def test_without_a_token_the_options_decide() -> None:
    service = Service()
    assert service.get("/latest/meta-data/instance-id") == (200, "i-1")
    service.facts = replace(FACTS, options=MetadataOptions(needs_token=True))
    assert service.get("/latest/meta-data/instance-id")[0] == 401
    service.facts = replace(FACTS, options=MetadataOptions(is_enabled=False))
    assert service.get("/latest/meta-data/instance-id")[0] == 403
    assert service.token()[0] == 403


def test_other_methods_and_places_of_a_put_are_refused() -> None:
    service = Service()
    for method, path in (("POST", "/latest/meta-data/"), ("DELETE", "/"), ("PUT", "/latest/user-data")):
        assert service.metadata.answer(method, path, {}).status == 405


def test_folders_are_listed() -> None:
    service = Service()
    assert service.get("/") == (200, "1.0\nlatest")
    assert service.get("/latest/") == (200, "dynamic\nmeta-data\nuser-data")
    listed = service.get("/latest/meta-data/")[1].split("\n")
    assert {"ami-id", "iam/", "placement/"} <= set(listed)
    assert "tags/" not in listed
    assert service.get("/latest/meta-data/placement/") == (200, "availability-zone\nregion")
    assert service.get(ROLE) == (200, "r")


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("ami-id", "ami-1"),
        ("instance-type", "m5.xlarge"),
        ("instance-life-cycle", "on-demand"),
        ("local-ipv4", "10.0.0.1"),
        ("placement/availability-zone", "us-east-1a"),
        ("placement/region", "us-east-1"),
    ],
)
def test_values_are_served_by_every_version(path: str, value: str) -> None:
    for version in ("latest", "1.0", "2021-03-23"):
        assert Service().get(f"/{version}/meta-data/{path}") == (200, value)


@pytest.mark.parametrize(
    "path",
    [
        "/none/meta-data/",
        "/latest/none",
        "/latest/meta-data/public-ipv4",
        "/latest/meta-data/spot/instance-action",
        "/latest/meta-data/tags/instance/Name",
        "/latest/meta-data/ami",
        "/latest/dynamic/instance-identity/pkcs7",
    ],
)
def test_what_an_instance_does_not_have_is_not_found(path: str) -> None:
    assert Service().get(path)[0] == 404


def test_credentials_are_those_of_the_role() -> None:
    assert Service().get(f"{ROLE}r") == (200, '{"of": "r"}')
    assert Service(profile=None).get(ROLE)[0] == 404
    assert json.loads(Service().get("/latest/meta-data/iam/info")[1])["InstanceProfileId"] == "AIPA1"


def test_a_role_that_does_not_trust_ec2_says_so() -> None:
    found = Service(profile=replace(PROFILE, is_trusting=False)).get("/latest/meta-data/iam/info")[1]
    assert json.loads(found)["Code"] == "AssumeRoleUnauthorizedAccess"


def test_tags_are_served_where_they_may_be() -> None:
    service = Service(options=MetadataOptions(has_tags=True))
    assert service.get("/latest/meta-data/tags/instance/") == (200, "Name")
    assert service.get("/latest/meta-data/tags/instance/Name") == (200, "box")


def test_user_data_are_served_as_they_came() -> None:
    assert Service().get("/latest/user-data") == (200, "\x00raw")
    assert Service(user_data=b"").get("/latest/user-data")[0] == 404
    assert "user-data" not in Service(user_data=b"").get("/latest/")[1]


def test_the_identity_document_names_the_instance() -> None:
    found = json.loads(Service().get("/latest/dynamic/instance-identity/document")[1])
    assert (found["instanceId"], found["accountId"], found["region"]) == ("i-1", "123456789012", "us-east-1")


def test_an_interruption_is_announced_to_a_spot_instance() -> None:
    service = Service(is_spot=True, interruption_at="2026-01-01T00:02:00Z")
    found = json.loads(service.get("/latest/meta-data/spot/instance-action")[1])
    assert found == {"action": "terminate", "time": "2026-01-01T00:02:00Z"}
    assert service.get("/latest/meta-data/spot/termination-time") == (200, "2026-01-01T00:02:00Z")
    assert service.get("/latest/meta-data/instance-life-cycle") == (200, "spot")
