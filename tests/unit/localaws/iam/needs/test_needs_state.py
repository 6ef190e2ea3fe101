"""What is there already: its whole ARN, its account, its tags, as moto's backends keep them."""

from typing import Any

import pytest
from moto.cloudwatch.models import cloudwatch_backends
from moto.ecr.models import ecr_backends
from moto.iam.models import iam_backends
from moto.logs.models import logs_backends
from moto.s3.models import s3_backends
from moto.sagemaker.models import sagemaker_backends

from localaws.iam.needs import tagged
from tests.unit.localaws.iam.needs.serialized import ACCOUNT, REGION, find

TAGS = [{"Key": "musher:Project", "Value": "musher"}]
TAG_MAP = {"musher:Project": "musher"}
EXISTING = "role/p/needs-there"


@pytest.fixture
def iam() -> Any:
    """The account's IAM with a role and a profile in paths; it is put back."""
    backend = iam_backends[ACCOUNT]["aws"]
    role = backend.create_role(
        role_name="needs-there",
        assume_role_policy_document="{}",
        path="/p/",
        permissions_boundary=None,
        description="",
        tags=TAGS,
        max_session_duration=None,
    )
    backend.create_instance_profile(name="needs-profile", path="/q/", role_names=["needs-there"])
    backend.create_user(REGION, "needs-user", path="/u/", tags=TAGS)
    yield backend
    del backend.instance_profiles["needs-profile"]
    del backend.roles[role.id]
    del backend.users["needs-user"]


@pytest.mark.usefixtures("iam")
def test_a_role_is_called_by_its_whole_arn() -> None:
    (need,) = find("iam", "GetRole", {"RoleName": "needs-there"})
    assert need.resource == f"arn:aws:iam::{ACCOUNT}:{EXISTING}"
    assert need.facts["aws:resourcetag/musher:project"] == "musher"
    assert need.facts["aws:resourcetag/other"] is None


@pytest.mark.usefixtures("iam")
def test_a_user_is_called_by_its_whole_arn() -> None:
    (need,) = find("iam", "GetUser", {"UserName": "needs-user"})
    assert need.resource == f"arn:aws:iam::{ACCOUNT}:user/u/needs-user"
    assert need.facts["iam:resourcetag/musher:project"] == "musher"


@pytest.mark.usefixtures("iam")
def test_a_launch_passes_the_role_of_its_profile() -> None:
    members = {"ImageId": "ami-1", "IamInstanceProfile": {"Name": "needs-profile"}}
    passing = find("ec2", "RunInstances", members)[-1]
    assert (passing.action, passing.resource) == ("iam:PassRole", f"arn:aws:iam::{ACCOUNT}:{EXISTING}")
    assert passing.facts["iam:passedtoservice"] == "ec2.amazonaws.com"


def test_tags_of_sagemakers_resources_are_read() -> None:
    backend = sagemaker_backends[ACCOUNT][REGION]
    backend.create_model_package_group("needs", "", tags=TAGS)
    need = find("sagemaker", "DescribeModelPackageGroup", {"ModelPackageGroupName": "needs"})[0]
    assert need.facts["sagemaker:resourcetag/musher:project"] == "musher"
    del backend.model_package_groups["needs"]


def test_tags_of_log_groups_are_read() -> None:
    backend = logs_backends[ACCOUNT][REGION]
    backend.create_log_group("needs", TAG_MAP)
    (need,) = find("logs", "DeleteLogGroup", {"logGroupName": "needs"})
    assert need.facts["aws:resourcetag/musher:project"] == "musher"
    backend.delete_log_group("needs")


def test_tags_of_repositories_are_read() -> None:
    backend = ecr_backends[ACCOUNT][REGION]
    backend.create_repository("needs", None, {}, {}, "MUTABLE", TAGS)
    (need,) = find("ecr", "DescribeImages", {"repositoryName": "needs"})
    assert need.facts["aws:resourcetag/musher:project"] == "musher"
    del backend.repositories["needs"]


def test_a_buckets_account_is_its_owners_and_its_tags_are_read() -> None:
    backend = s3_backends[ACCOUNT]["aws"]
    backend.create_bucket("needs-bucket", REGION)
    backend.put_bucket_tagging("needs-bucket", TAG_MAP)
    (need,) = find("s3", "HeadBucket", {"Bucket": "needs-bucket"})
    assert need.account_id == ACCOUNT
    assert need.facts["aws:resourcetag/musher:project"] == "musher"
    backend.delete_bucket("needs-bucket")


def test_tags_of_ec2s_resources_are_read_by_id(monkeypatch: pytest.MonkeyPatch) -> None:
    class Backend:
        tags = {"vol-1": TAG_MAP}  # noqa: RUF012 - moto's own is no class's either

    monkeypatch.setattr(tagged, "find_backend", lambda *args, **options: Backend())
    (need,) = find("ec2", "DeleteVolume", {"VolumeId": "vol-1"})
    assert need.facts["ec2:resourcetag/musher:project"] == "musher"


@pytest.mark.parametrize(
    "call",
    [
        ("sagemaker", "DescribeEndpoint", {"EndpointName": "none"}),
        ("lambda", "GetFunction", {"FunctionName": "none"}),
        ("iam", "GetRole", {"RoleName": "none"}),
        ("iam", "GetUser", {"UserName": "none"}),
        ("ecr", "DescribeImages", {"repositoryName": "none"}),
        ("monitoring", "SetAlarmState", {"AlarmName": "none"}),
        ("logs", "DeleteLogGroup", {"logGroupName": "none"}),
    ],
)
def test_what_is_not_there_has_no_tags(call: Any) -> None:
    for backends in (sagemaker_backends, ecr_backends, cloudwatch_backends, logs_backends):
        assert backends[ACCOUNT][REGION] is not None  # so that it is asked
    assert iam_backends[ACCOUNT]["aws"] is not None
    assert find(*call)[0].facts["aws:resourcetag/a"] is None
