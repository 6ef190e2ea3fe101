"""infra/bootstrap.yaml: valid for CloudFormation, deployable, and no wider than this project's names."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from cfnlint.api import lint_file
from cfnlint.decode.cfn_yaml import load
from moto import mock_aws

from musher import names
from musher.settings import Settings

ACCOUNT = "123456789012"
TEMPLATE = Path(__file__).parents[2] / "infra" / "bootstrap.yaml"
ROLES = ["musher-airflow", "musher-ec2", "musher-lambda", "musher-sagemaker"]
WITHOUT_RESOURCE_LEVEL = {
    "cloudwatch:PutMetricData",
    "ecr:GetAuthorizationToken",
    "sagemaker:ListEndpointConfigs",
    "sagemaker:ListEndpoints",
    "sagemaker:ListModels",
    "sagemaker:ListTrainingJobs",
}
"""Actions of the template that AWS authorises on "*" only (Service Authorization Reference)."""


def as_list(value: Any) -> list[Any]:
    """Return the policy language's "one or many" as many."""
    return value if isinstance(value, list) else [value]


def create_stack(cloudformation: Any, *, project: str) -> None:
    """Create the project's stack as a user would, and wait for it."""
    cloudformation.create_stack(
        StackName=project,
        TemplateBody=TEMPLATE.read_text(),
        Capabilities=["CAPABILITY_NAMED_IAM"],
        Parameters=[{"ParameterKey": "Project", "ParameterValue": project}] if project != "musher" else [],
    )
    cloudformation.get_waiter("stack_create_complete").wait(StackName=project)


@pytest.fixture(scope="module")
def aws() -> Iterator[boto3.Session]:
    """Deploy the template with its defaults into moto's account; hand out a session there."""
    with mock_aws():
        session = boto3.Session("test", "test", region_name="us-east-1")
        create_stack(session.client("cloudformation"), project="musher")
        yield session


@pytest.fixture(scope="module")
def statements(aws: boto3.Session) -> list[tuple[str, dict[str, Any]]]:
    """Return (role, statement) of every inline policy, with all names resolved."""
    iam = aws.client("iam")
    found = []
    for role in ROLES:
        for name in iam.list_role_policies(RoleName=role)["PolicyNames"]:
            document = iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
            found += [(role, statement) for statement in document["Statement"]]
    return found


def test_the_template_is_valid() -> None:
    assert [str(match) for match in lint_file(TEMPLATE)] == []


def test_bucket_and_roles_have_the_names_that_the_code_computes(aws: boto3.Session) -> None:
    settings = Settings.from_env({"MUSHER_ACCOUNT_ID": ACCOUNT})
    assert [b["Name"] for b in aws.client("s3").list_buckets()["Buckets"]] == [names.bucket(settings)]
    found = sorted(role["RoleName"] for role in aws.client("iam").list_roles()["Roles"])
    assert found == ROLES
    for service in ("airflow", "sagemaker", "lambda", "ec2"):
        arn = aws.client("iam").get_role(RoleName=f"musher-{service}")["Role"]["Arn"]
        assert arn == names.role_arn(settings, role=service)


def test_the_outputs_name_what_was_made(aws: boto3.Session) -> None:
    stack = aws.client("cloudformation").describe_stacks(StackName="musher")["Stacks"][0]
    outputs = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
    assert outputs == {
        "BucketName": f"musher-{ACCOUNT}-us-east-1",
        "AirflowRoleArn": f"arn:aws:iam::{ACCOUNT}:role/musher-airflow",
        "SageMakerRoleArn": f"arn:aws:iam::{ACCOUNT}:role/musher-sagemaker",
        "LambdaRoleArn": f"arn:aws:iam::{ACCOUNT}:role/musher-lambda",
        "Ec2RoleArn": f"arn:aws:iam::{ACCOUNT}:role/musher-ec2",
        "Ec2InstanceProfileArn": outputs["Ec2InstanceProfileArn"],
    }
    assert outputs["Ec2InstanceProfileArn"].endswith("instance-profile/musher-ec2")


def test_the_instance_profile_holds_the_ec2_role(aws: boto3.Session) -> None:
    profile = aws.client("iam").get_instance_profile(InstanceProfileName="musher-ec2")["InstanceProfile"]
    assert [role["RoleName"] for role in profile["Roles"]] == ["musher-ec2"]


def test_no_managed_policy_is_attached(aws: boto3.Session) -> None:
    iam = aws.client("iam")
    for role in ROLES:
        assert iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"] == []
    assert "ManagedPolic" not in TEMPLATE.read_text()


def test_every_role_has_a_policy(statements: list[tuple[str, dict[str, Any]]]) -> None:
    assert sorted({role for role, _ in statements}) == ROLES


def test_no_action_is_a_wildcard(statements: list[tuple[str, dict[str, Any]]]) -> None:
    for role, statement in statements:
        assert "NotAction" not in statement, role
        assert "NotResource" not in statement, role
        assert all("*" not in action for action in as_list(statement["Action"])), (role, statement["Sid"])


def test_every_resource_is_this_projects(statements: list[tuple[str, dict[str, Any]]]) -> None:
    bucket = f"arn:aws:s3:::musher-{ACCOUNT}-us-east-1"
    prefixes = (
        f"{bucket}/musher/",
        f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:training-job/musher-",
        f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:hyper-parameter-tuning-job/musher-",
        f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:model/musher-",
        f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:endpoint-config/musher-",
        f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:endpoint/musher-",
        f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:musher-",
        f"arn:aws:iam::{ACCOUNT}:role/musher-",
        f"arn:aws:ecr:us-east-1:{ACCOUNT}:repository/musher-",
        f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:/aws/lambda/musher-",
        f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:/aws/sagemaker/Endpoints/musher-",
        # All training jobs of an account share this group; their streams start with the job's name.
        f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:/aws/sagemaker/TrainingJobs",
    )
    whole = {bucket, "arn:aws:ecr:us-east-1:*:repository/pytorch-training"}
    for role, statement in statements:
        for resource in as_list(statement["Resource"]):
            if resource != "*" and resource not in whole:
                assert resource.startswith(prefixes), (role, statement["Sid"], resource)


def test_a_whole_account_is_named_only_where_aws_has_no_resource_level(
    statements: list[tuple[str, dict[str, Any]]],
) -> None:
    for role, statement in statements:
        if "*" in as_list(statement["Resource"]):
            assert set(as_list(statement["Action"])) <= WITHOUT_RESOURCE_LEVEL, (role, statement["Sid"])
        else:
            assert not set(as_list(statement["Action"])) & WITHOUT_RESOURCE_LEVEL, (role, statement["Sid"])


def test_a_comment_explains_each_resource_that_is_a_star() -> None:
    lines = TEMPLATE.read_text().splitlines()
    stars = [number for number, line in enumerate(lines) if line.strip() == 'Resource: "*"']
    assert len(stars) == 3
    assert all("AWS has no resource level" in lines[number - 1] for number in stars)


def test_a_role_is_passed_only_to_its_own_service(statements: list[tuple[str, dict[str, Any]]]) -> None:
    passed = {}
    for role, statement in statements:
        if "iam:PassRole" in as_list(statement["Action"]):
            assert role == "musher-airflow"
            assert as_list(statement["Action"]) == ["iam:PassRole"]
            passed[statement["Resource"]] = statement["Condition"]["StringEquals"]["iam:PassedToService"]
    assert passed == {
        f"arn:aws:iam::{ACCOUNT}:role/musher-sagemaker": "sagemaker.amazonaws.com",
        f"arn:aws:iam::{ACCOUNT}:role/musher-lambda": "lambda.amazonaws.com",
    }


def test_the_lambda_may_invoke_this_projects_endpoints_and_log_and_no_more(
    statements: list[tuple[str, dict[str, Any]]],
) -> None:
    allowed = {
        action: statement["Resource"]
        for role, statement in statements
        if role == "musher-lambda"
        for action in as_list(statement["Action"])
    }
    invoke = allowed.pop("sagemaker:InvokeEndpoint")
    assert invoke == f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:endpoint/musher-*"
    assert sorted(allowed) == ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"]


@pytest.mark.parametrize("service", ["sagemaker", "lambda", "ec2"])
def test_each_role_is_assumed_by_its_service_only(aws: boto3.Session, service: str) -> None:
    role = aws.client("iam").get_role(RoleName=f"musher-{service}")["Role"]
    (statement,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Principal"] == {"Service": f"{service}.amazonaws.com"}


def test_airflows_role_is_assumed_from_this_account_only(aws: boto3.Session) -> None:
    role = aws.client("iam").get_role(RoleName="musher-airflow")["Role"]
    (statement,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Principal"] == {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}


def test_the_bucket_is_encrypted_private_kept_and_cleaned_of_unfinished_uploads(aws: boto3.Session) -> None:
    bucket = load(TEMPLATE)["Resources"]["Bucket"]
    assert (bucket["DeletionPolicy"], bucket["UpdateReplacePolicy"]) == ("Retain", "Retain")
    assert all(bucket["Properties"]["PublicAccessBlockConfiguration"].values())
    assert len(bucket["Properties"]["PublicAccessBlockConfiguration"]) == 4
    (rule,) = bucket["Properties"]["LifecycleConfiguration"]["Rules"]
    assert rule["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 1}
    encryption = aws.client("s3").get_bucket_encryption(Bucket=f"musher-{ACCOUNT}-us-east-1")
    (rule,) = encryption["ServerSideEncryptionConfiguration"]["Rules"]
    assert rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"


def test_another_project_gets_names_of_its_own_and_deletion_keeps_only_the_bucket(aws: boto3.Session) -> None:
    cloudformation, iam, s3 = (
        aws.client(name, region_name="eu-west-1") for name in ("cloudformation", "iam", "s3")
    )
    create_stack(cloudformation, project="dogs")

    def names_of_dogs() -> list[str]:
        roles = [role["RoleName"] for role in iam.list_roles()["Roles"]]
        buckets = [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]
        return sorted(name for name in roles + buckets if name.startswith("dogs-"))

    bucket = f"dogs-{ACCOUNT}-eu-west-1"
    assert names_of_dogs() == [bucket, "dogs-airflow", "dogs-ec2", "dogs-lambda", "dogs-sagemaker"]
    cloudformation.delete_stack(StackName="dogs")
    cloudformation.get_waiter("stack_delete_complete").wait(StackName="dogs")
    assert names_of_dogs() == [bucket]
    assert len(iam.list_instance_profiles()["InstanceProfiles"]) == 1
