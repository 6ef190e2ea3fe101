"""What is there already: its whole ARN, its account, its tags, as moto's backends keep them."""

from collections.abc import Iterator
from typing import Any

import pytest
from moto.cloudwatch.models import cloudwatch_backends
from moto.ecr.models import ecr_backends
from moto.iam.models import iam_backends
from moto.kms.models import kms_backends
from moto.logs.models import logs_backends
from moto.s3.models import s3_backends
from moto.sagemaker.models import sagemaker_backends
from moto.secretsmanager.models import secretsmanager_backends

from localaws.iam.needs import instances, state, tagged
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
    key = backend.create_access_key("needs-user")
    yield backend
    backend.delete_access_key(key.access_key_id, "needs-user")
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


def test_a_keys_last_use_is_asked_on_its_owner(iam: Any) -> None:
    [key] = iam.users["needs-user"].access_keys
    (need,) = find("iam", "GetAccessKeyLastUsed", {"AccessKeyId": key.access_key_id})
    assert need.resource == f"arn:aws:iam::{ACCOUNT}:user/u/needs-user"


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


def test_a_key_is_found_by_its_alias() -> None:
    backend = kms_backends[ACCOUNT][REGION]
    key = backend.create_key("", "ENCRYPT_DECRYPT", "SYMMETRIC_DEFAULT", "", [])
    backend.create_alias(key.id, "alias/needs")
    for name in ("alias/needs", f"arn:aws:kms:{REGION}:{ACCOUNT}:alias/needs", key.id, key.arn):
        (need,) = find("kms", "Encrypt", {"KeyId": name, "Plaintext": b""})
        assert need.resource == key.arn
    (unknown,) = find("kms", "Encrypt", {"KeyId": "alias/none", "Plaintext": b""})
    assert unknown.resource == f"arn:aws:kms:{REGION}:{ACCOUNT}:key/*"
    backend.delete_key(key.id)


def test_a_secret_is_found_by_its_name() -> None:
    backend = secretsmanager_backends[ACCOUNT][REGION]
    backend.create_secret("needs", "s", None, None, None, None, None, [], False)
    (need,) = find("secretsmanager", "GetSecretValue", {"SecretId": "needs"})
    assert need.resource.startswith(f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:needs-")
    backend.secrets.pop("needs")


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


@pytest.mark.usefixtures("iam")
def test_a_launch_needs_what_its_template_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a role would be passed that nobody has been asked for."""
    data = {
        "ImageId": "ami-of-template",
        "IamInstanceProfile": {"Name": "needs-profile"},
        "SecurityGroupIds": ["sg-1"],
        "TagSpecifications": [{"ResourceType": "instance", "Tags": [{"Key": "a", "Value": "b"}]}],
    }
    monkeypatch.setattr(instances, "find_launch_template", lambda named, asking: data)
    members = {"LaunchTemplate": {"LaunchTemplateId": "lt-1"}, "ImageId": "ami-own"}
    needs = find("ec2", "RunInstances", members)
    resources = {need.resource.rpartition(":")[2]: need for need in needs}
    assert {"image/ami-own", "security-group/sg-1", "launch-template/lt-1"} <= set(resources)
    assert "image/ami-of-template" not in resources
    assert resources["instance/*"].facts["ec2:createaction"] == "RunInstances"
    tagged_kinds = [need for need in needs if need.facts["aws:requesttag/a"] == "b"]
    assert [need.action for need in tagged_kinds] == ["ec2:RunInstances", "ec2:CreateTags"]
    passed = [need.resource for need in needs if need.action == "iam:PassRole"]
    assert passed == [f"arn:aws:iam::{ACCOUNT}:{EXISTING}"]


@pytest.fixture
def bucket() -> Iterator[Any]:
    backend = s3_backends[ACCOUNT]["aws"]
    yield backend.create_bucket("needs-keys", REGION)
    del backend.buckets["needs-keys"]
    del s3_backends.bucket_accounts["needs-keys"]


KMS_KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/k"
DEFAULT = {"Rule": {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": "k"}}}


def key_uses(*call: Any) -> list[tuple[str, str]]:
    return [(need.action, need.resource) for need in find(*call) if need.action.startswith("kms:")]


def test_an_object_by_the_buckets_key_is_written_with_it(bucket: Any) -> None:
    put = ("s3", "PutObject", {"Bucket": "needs-keys", "Key": "a"})
    assert key_uses(*put) == []
    bucket.encryption = DEFAULT
    assert key_uses(*put) == [("kms:GenerateDataKey", KMS_KEY)]
    other = {"Bucket": "needs-keys", "Key": "a", "ServerSideEncryption": "AES256"}
    assert key_uses("s3", "PutObject", other) == []
    parts = key_uses("s3", "CreateMultipartUpload", {"Bucket": "needs-keys", "Key": "a"})
    assert parts == [("kms:GenerateDataKey", KMS_KEY), ("kms:Decrypt", KMS_KEY)]


def test_an_object_is_read_with_its_key(bucket: Any) -> None:
    class Key:
        encryption, kms_key_id = "aws:kms", "k"

    bucket.keys = {"a": Key()}
    assert key_uses("s3", "GetObject", {"Bucket": "needs-keys", "Key": "a"}) == [("kms:Decrypt", KMS_KEY)]
    assert key_uses("s3", "GetObject", {"Bucket": "needs-keys", "Key": "b"}) == []
    copy = {"Bucket": "elsewhere", "Key": "b", "CopySource": "needs-keys/a"}
    assert key_uses("s3", "CopyObject", copy) == [("kms:Decrypt", KMS_KEY)]


def test_the_vpc_of_a_subnet_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    class Subnet:
        vpc_id = "vpc-1"

    class Backend:
        subnets = {"us-east-1a": {"subnet-1": Subnet()}}  # noqa: RUF012 - moto's own is no class's either

        def get_security_group_from_id(self, group_id: str) -> None:
            """Tell that no group is there."""

    monkeypatch.setattr(state, "find_backend", lambda *args, **options: Backend())
    needs = find("ec2", "CreateNetworkInterface", {"SubnetId": "subnet-1", "Groups": ["sg-1"]})
    facts = {need.resource.rpartition(":")[2]: need.facts["ec2:vpc"] for need in needs}
    assert facts["subnet/subnet-1"] == f"arn:aws:ec2:{REGION}:{ACCOUNT}:vpc/vpc-1"
    assert facts["network-interface/*"] is None
    assert facts["security-group/sg-1"] is None
