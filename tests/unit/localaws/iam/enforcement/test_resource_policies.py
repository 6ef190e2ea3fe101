"""The policies of resources are found by the resources' ARNs, and nothing is made by looking."""

import json
from collections.abc import Iterator

import boto3
import pytest
from moto import mock_aws
from moto.iam.models import iam_backends

from localaws.iam.enforcement.principals import select
from localaws.iam.enforcement.resource_policies import NONE, find_policy

ACCOUNT, REGION = "123456789012", "us-east-1"


@pytest.fixture(autouse=True)
def moto() -> Iterator[None]:
    """A moto of each test's own."""
    with mock_aws():
        yield


def policy_for(action: str, resource: str = "*") -> str:
    """Return a policy that lets everybody do something."""
    statement = {"Effect": "Allow", "Principal": "*", "Action": action, "Resource": resource}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def actions_at(arn: str, *, action: str) -> list[str]:
    """Return the actions of the statements that are about an action."""
    return [item["Action"] for item in find_policy(arn, action=action).statements or ()]


def test_a_bucket_s_policy_is_that_of_its_objects() -> None:
    s3 = boto3.client("s3", region_name=REGION)
    s3.create_bucket(Bucket="photos")
    assert find_policy("arn:aws:s3:::photos", action="s3:GetObject").statements is None
    s3.put_bucket_policy(Bucket="photos", Policy=policy_for("s3:Get*", "arn:aws:s3:::photos/*"))
    assert actions_at("arn:aws:s3:::photos/a/b", action="s3:GetObject") == ["s3:Get*"]
    assert actions_at("arn:aws:s3:::photos", action="s3:PutObject") == []
    assert find_policy("arn:aws:s3:::others", action="s3:GetObject").statements is None


def test_queues_topics_and_repositories_have_policies() -> None:
    sqs, sns = boto3.client("sqs", region_name=REGION), boto3.client("sns", region_name=REGION)
    ecr = boto3.client("ecr", region_name=REGION)
    sqs.create_queue(QueueName="jobs", Attributes={"Policy": policy_for("sqs:SendMessage")})
    topic = sns.create_topic(Name="alerts")["TopicArn"]
    ecr.create_repository(repositoryName="models/dogs")
    ecr.set_repository_policy(repositoryName="models/dogs", policyText=policy_for("ecr:BatchGetImage"))
    queue = f"arn:aws:sqs:{REGION}:{ACCOUNT}:jobs"
    repository = f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/models/dogs"
    assert actions_at(queue, action="sqs:SendMessage") == ["sqs:SendMessage"]
    assert len(actions_at(topic, action="SNS:Publish")) == 1
    assert actions_at(repository, action="ecr:BatchGetImage") == ["ecr:BatchGetImage"]


def test_a_role_s_policy_is_one_without_which_nobody_gets_it() -> None:
    trust = {"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    boto3.client("iam").create_role(RoleName="trainer", Path="/ml/", AssumeRolePolicyDocument=document)
    found = find_policy(f"arn:aws:iam::{ACCOUNT}:role/ml/trainer", action="sts:AssumeRole")
    assert (found.statements, found.is_trust) == ((trust,), True)
    gone = find_policy(f"arn:aws:iam::{ACCOUNT}:role/gone", action="sts:AssumeRole")
    assert (gone.statements, gone.is_trust) == (None, True)


@pytest.mark.parametrize(
    "arn",
    [
        "*",
        f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:endpoint/dogs",
        "arn:aws:sqs:moon:999999999999:jobs",
        "arn:aws:sns:us-east-1:999999999999:alerts",
        "arn:aws:lambda:us-east-1:999999999999:function:f:live",
        "arn:aws:ecr:us-east-1:999999999999:repository/r",
    ],
)
def test_what_has_no_policy_and_what_is_not_there_have_none(arn: str) -> None:
    assert find_policy(arn, action="x:Y") == NONE


def test_an_account_that_somebody_names_is_not_made() -> None:
    find_policy("arn:aws:iam::999999999999:role/r", action="sts:AssumeRole")
    assert "999999999999" not in iam_backends


@pytest.mark.parametrize("document", ["{", "[]", '"text"', '{"Statement": [5, {}]}'])
def test_a_policy_that_cannot_be_read_counts_for_nothing(document: str) -> None:
    assert select((document, policy_for("sqs:*")), "sqs:SendMessage") == select(
        (policy_for("sqs:*"),), "sqs:SendMessage"
    )
