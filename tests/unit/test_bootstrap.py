"""infra/bootstrap.yaml: valid for CloudFormation, deployable, and no wider than this project's names."""

import json
import re
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from cfnlint.api import lint_file
from cfnlint.decode.cfn_yaml import load
from moto import mock_aws

from musher import names
from musher.payloads.builds import IMAGE_VARIABLE
from musher.settings import Settings

ACCOUNT = "123456789012"
TEMPLATE = Path(__file__).parents[2] / "infra" / "bootstrap.yaml"
BUCKET = f"arn:aws:s3:::musher-{ACCOUNT}-us-east-1"
ROLES = [
    "musher-airflow",
    "musher-codebuild",
    "musher-ec2",
    "musher-endpoint",
    "musher-lambda",
    "musher-sagemaker",
]
PRINCIPAL = f"arn:aws:iam::{ACCOUNT}:role/airflow-workers"
SOURCES = ["arn:aws:s3:::photos", "arn:aws:s3:::more-photos"]
KEYS = {name: f"arn:aws:kms:us-east-1:{ACCOUNT}:key/{name}" for name in ("bucket", "volume", "source")}
VPC = "vpc-0123456789abcdef0"
EVERYTHING = {
    "AirflowPrincipalArn": PRINCIPAL,
    "SourceBucketArns": ",".join(SOURCES),
    "SourceKmsKeyArns": KEYS["source"],
    "BucketKmsKeyArn": KEYS["bucket"],
    "VolumeKmsKeyArn": KEYS["volume"],
    "UseVpc": "true",
    "Ec2Vpc": VPC,
    "JobsExpireAfterDays": "400",
    "CapturesExpireAfterDays": "30",
}
WITHOUT_RESOURCE_LEVEL = {
    "application-autoscaling:DescribeScalableTargets",
    "application-autoscaling:DescribeScalingActivities",
    "application-autoscaling:DescribeScalingPolicies",
    "application-autoscaling:DescribeScheduledActions",
    "cloudwatch:GetMetricData",
    "cloudwatch:PutMetricData",
    "ec2:DescribeDhcpOptions",
    "ec2:DescribeImages",
    "ec2:DescribeInstanceTypes",
    "ec2:DescribeInstances",
    "ec2:DescribeRouteTables",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSecurityGroups",
    "ec2:DescribeSubnets",
    "ec2:DescribeVpcs",
    "ecr:GetAuthorizationToken",
    "lambda:GetAccountSettings",
    "lambda:ListFunctions",
    "servicequotas:ListAWSDefaultServiceQuotas",
    "sagemaker:ListEndpointConfigs",
    "sagemaker:ListEndpoints",
    "sagemaker:ListHyperParameterTuningJobs",
    "sagemaker:ListModelPackages",
    "sagemaker:ListModels",
    "sagemaker:ListNotebookInstances",
    "sagemaker:ListProcessingJobs",
    "sagemaker:ListTrainingJobs",
    "sagemaker:ListTransformJobs",
    "servicequotas:ListServiceQuotas",
}
"""Actions of the template that AWS authorises on "*" only (Service Authorization Reference)."""

MISSING_IN_MOTO = "S3::BucketPolicy|CodeBuild::Project"

Statement = dict[str, Any]


def as_list(value: Any) -> list[Any]:
    """Return the policy language's "one or many" as many."""
    return value if isinstance(value, list) else [value]


def create_stack(cloudformation: Any, *, name: str, **parameters: str) -> None:
    """Create a stack as a user would, and wait for it; moto leaves out what it does not have."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=f"Tried to parse AWS::({MISSING_IN_MOTO}) but")
        _create_stack(cloudformation, name=name, parameters=parameters)


def _create_stack(cloudformation: Any, *, name: str, parameters: dict[str, str]) -> None:
    cloudformation.create_stack(
        StackName=name,
        TemplateBody=TEMPLATE.read_text(),
        Capabilities=["CAPABILITY_NAMED_IAM"],
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
    )
    cloudformation.get_waiter("stack_create_complete").wait(StackName=name)


def find_vpc(session: boto3.Session) -> str:
    """Return the id of the default VPC."""
    [vpc] = session.client("ec2").describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"]
    return str(vpc["VpcId"])


@pytest.fixture(scope="module")
def aws() -> Iterator[boto3.Session]:
    """Deploy the template with every parameter into moto's account; hand out a session there."""
    with mock_aws():
        session = boto3.Session("test", "test", region_name="us-east-1")
        given = EVERYTHING | {"Ec2Vpc": find_vpc(session)}
        create_stack(session.client("cloudformation"), name="musher", **given)
        yield session


def read_statements(iam: Any, roles: list[str]) -> list[tuple[str, str, Statement]]:
    """Return (role, policy, statement) of every policy, with all names resolved."""
    found = []
    for role in roles:
        for name in iam.list_role_policies(RoleName=role)["PolicyNames"]:
            document = iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
            found += [(role, name, statement) for statement in document["Statement"]]
        for attached in iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]:
            arn, name = (
                attached["PolicyArn"],
                attached["PolicyName"].removeprefix(f"{role.removesuffix('-airflow')}-"),
            )
            version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
            document = iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]
            found += [(role, name, statement) for statement in document["Statement"]]
    return found


@pytest.fixture(scope="module")
def statements(aws: boto3.Session) -> list[tuple[str, str, Statement]]:
    """All statements of all roles."""
    return read_statements(aws.client("iam"), ROLES)


@pytest.fixture(scope="module")
def resources() -> dict[str, Any]:
    """The template's resources as they are written."""
    found: dict[str, Any] = load(TEMPLATE)["Resources"]
    return found


def test_the_template_is_valid() -> None:
    assert [str(match) for match in lint_file(TEMPLATE)] == []


def test_the_names_are_those_that_the_code_computes(aws: boto3.Session) -> None:
    settings = Settings.from_env({"MUSHER_ACCOUNT_ID": ACCOUNT})
    aws.client("s3").head_bucket(Bucket=names.bucket(settings))
    for service in ("airflow", "sagemaker", "endpoint", "lambda", "codebuild"):
        arn = aws.client("iam").get_role(RoleName=f"musher-{service}")["Role"]["Arn"]
        assert arn == names.role_arn(settings, role=service)
    [repository] = aws.client("ecr").describe_repositories()["repositories"]
    assert names.image_uri(settings, tag="x") == f"{repository['repositoryUri']}:x"


def test_the_outputs_name_what_was_made(aws: boto3.Session) -> None:
    stack = aws.client("cloudformation").describe_stacks(StackName="musher")["Stacks"][0]
    assert {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]} == {
        "BucketName": f"musher-{ACCOUNT}-us-east-1",
        "RepositoryUri": f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com/musher-model",
        "AirflowRoleArn": f"arn:aws:iam::{ACCOUNT}:role/musher-airflow",
        "SageMakerRoleArn": f"arn:aws:iam::{ACCOUNT}:role/musher-sagemaker",
        "EndpointRoleArn": f"arn:aws:iam::{ACCOUNT}:role/musher-endpoint",
        "LambdaRoleArn": f"arn:aws:iam::{ACCOUNT}:role/musher-lambda",
        "CodeBuildRoleArn": f"arn:aws:iam::{ACCOUNT}:role/musher-codebuild",
    }


def test_no_managed_policy_of_aws_s_is_attached(aws: boto3.Session) -> None:
    iam = aws.client("iam")
    for role in ROLES:
        attached = iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]
        own = [f"arn:aws:iam::{ACCOUNT}:policy/musher-train-on-ec2"] if role == "musher-airflow" else []
        assert [policy["PolicyArn"] for policy in attached] == own
    assert "ManagedPolicyArns" not in TEMPLATE.read_text()


def test_no_action_is_a_wildcard(statements: list[tuple[str, str, Statement]]) -> None:
    for role, policy, statement in statements:
        assert "NotAction" not in statement, (role, policy)
        assert "NotResource" not in statement, (role, policy)
        assert all("*" not in action for action in as_list(statement["Action"])), (role, statement["Sid"])


def test_every_resource_is_this_projects(statements: list[tuple[str, str, Statement]]) -> None:
    logs = f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:/aws"
    prefixes = (
        f"{BUCKET}/musher/",
        f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:training-job/musher-",
        f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:hyper-parameter-tuning-job/musher-",
        f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:transform-job/musher-",
        f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:processing-job/musher-",
        f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:model/musher-",
        f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:model-package-group/musher",
        f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:model-package/musher/",
        f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:endpoint-config/musher-",
        f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:endpoint/musher-",
        f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:musher-",
        f"arn:aws:iam::{ACCOUNT}:role/musher-",
        f"arn:aws:ecr:us-east-1:{ACCOUNT}:repository/musher-",
        f"arn:aws:codebuild:us-east-1:{ACCOUNT}:project/musher-image",
        f"arn:aws:cloudwatch:us-east-1:{ACCOUNT}:alarm:musher-",
        f"arn:aws:sns:us-east-1:{ACCOUNT}:musher-",
        f"arn:aws:cloudwatch:us-east-1:{ACCOUNT}:alarm:TargetTracking-endpoint/musher-",
        # Scalable targets have no names: conditions bound them to instances of endpoints.
        f"arn:aws:application-autoscaling:us-east-1:{ACCOUNT}:scalable-target/",
        f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/sagemaker.application-autoscaling.amazonaws.com/",
        f"{logs}/codebuild/musher-image:",
        f"{logs}/lambda/musher-",
        f"{logs}/ec2/musher-",
        f"arn:aws:iam::{ACCOUNT}:instance-profile/musher-",
        # AWS's own images and the parameters that name them belong to no account.
        "arn:aws:ec2:us-east-1::image/",
        "arn:aws:ssm:us-east-1::parameter/aws/service/",
        f"{logs}/sagemaker/Endpoints/musher-",
        # All jobs of an account share these groups; their streams start with the job's name.
        f"{logs}/sagemaker/*Jobs:",
        # Interfaces and instances have no names of ours: only two policies name them.
        f"arn:aws:ec2:us-east-1:{ACCOUNT}:",
    )
    whole = {BUCKET, "arn:aws:ecr:us-east-1:*:repository/pytorch-training", *SOURCES, *KEYS.values()}
    whole |= {f"{source}/*" for source in SOURCES}
    for role, policy, statement in statements:
        for resource in as_list(statement["Resource"]):
            if resource != "*" and resource not in whole:
                assert resource.startswith(prefixes), (role, policy, statement["Sid"], resource)
            assert (":ec2:" in resource) <= (policy in ("use-vpc", "train-on-ec2"))


def test_a_whole_account_is_named_only_where_aws_has_no_resource_level(
    statements: list[tuple[str, str, Statement]],
) -> None:
    for role, _, statement in statements:
        if "*" in as_list(statement["Resource"]):
            assert set(as_list(statement["Action"])) <= WITHOUT_RESOURCE_LEVEL, (role, statement["Sid"])
        else:
            assert not set(as_list(statement["Action"])) & WITHOUT_RESOURCE_LEVEL, (role, statement["Sid"])


def test_a_comment_explains_each_resource_that_is_a_star() -> None:
    lines = TEMPLATE.read_text().splitlines()
    stars = [number for number, line in enumerate(lines) if line.strip() == 'Resource: "*"']
    assert len(stars) == 14
    assert all("AWS has no resource level" in lines[number - 1] for number in stars)


def test_a_log_groups_arn_has_its_star(statements: list[tuple[str, str, Statement]]) -> None:
    """AWS refuses CreateLogGroup and DescribeLogStreams on a group's ARN without `:*`."""
    on_groups = {
        "logs:CreateLogGroup",
        "logs:DescribeLogStreams",
        "logs:DeleteLogGroup",
        "logs:PutRetentionPolicy",
    }
    for role, _, statement in statements:
        if on_groups & set(as_list(statement["Action"])):
            assert all(resource.endswith("*") for resource in as_list(statement["Resource"])), (
                role,
                statement,
            )


def test_a_role_is_passed_only_to_its_own_service(statements: list[tuple[str, str, Statement]]) -> None:
    passed = {}
    for role, _, statement in statements:
        if "iam:PassRole" in as_list(statement["Action"]):
            assert role == "musher-airflow"
            assert as_list(statement["Action"]) == ["iam:PassRole"]
            service = statement["Condition"]["StringEquals"]["iam:PassedToService"]
            passed |= dict.fromkeys(as_list(statement["Resource"]), service)
    assert passed == {
        f"arn:aws:iam::{ACCOUNT}:role/musher-sagemaker": "sagemaker.amazonaws.com",
        f"arn:aws:iam::{ACCOUNT}:role/musher-endpoint": "sagemaker.amazonaws.com",
        f"arn:aws:iam::{ACCOUNT}:role/musher-lambda": "lambda.amazonaws.com",
        f"arn:aws:iam::{ACCOUNT}:role/musher-ec2": "ec2.amazonaws.com",
    }


@pytest.mark.parametrize(
    ("name", "service"),
    [
        ("sagemaker", "sagemaker"),
        ("endpoint", "sagemaker"),
        ("lambda", "lambda"),
        ("codebuild", "codebuild"),
    ],
)
def test_each_role_is_assumed_by_its_service_for_this_account_only(
    aws: boto3.Session, name: str, service: str
) -> None:
    role = aws.client("iam").get_role(RoleName=f"musher-{name}")["Role"]
    (statement,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Principal"] == {"Service": f"{service}.amazonaws.com"}
    assert statement["Condition"]["StringEquals"] == {"aws:SourceAccount": ACCOUNT}


def test_instances_are_started_and_ended_by_this_project_s_tag(
    statements: list[tuple[str, str, Statement]],
) -> None:
    found = {statement["Sid"]: statement for _, policy, statement in statements if policy == "train-on-ec2"}
    started, ended = found["StartTaggedInstances"], found["EndInstances"]
    assert started["Condition"] == {"StringEquals": {"aws:RequestTag/musher:project": "musher"}}
    assert {resource.rpartition(":")[2] for resource in started["Resource"]} == {"instance/*", "volume/*"}
    assert ended["Condition"] == {"StringEquals": {"aws:ResourceTag/musher:project": "musher"}}
    assert found["TagNewInstances"]["Condition"] == {"StringEquals": {"ec2:CreateAction": "RunInstances"}}
    assert found["MarkInstances"]["Action"] == "ec2:CreateTags"
    assert found["MarkInstances"]["Condition"] == {
        **ended["Condition"],
        "ForAllValues:StringEquals": {"aws:TagKeys": "musher:stopped-by"},
    }


def test_an_instance_writes_what_jobs_leave_and_nothing_comes_in(
    aws: boto3.Session, statements: list[tuple[str, str, Statement]], resources: dict[str, Any]
) -> None:
    written = {
        resource
        for role, _, statement in statements
        for resource in as_list(statement["Resource"])
        if role == "musher-ec2" and "s3:PutObject" in as_list(statement["Action"])
    }
    assert written == {f"{BUCKET}/musher/jobs/*"}
    [group] = aws.client("ec2").describe_security_groups(
        Filters=[{"Name": "group-name", "Values": ["musher-ec2"]}]
    )["SecurityGroups"]
    assert group["IpPermissions"] == []
    assert group["VpcId"] == find_vpc(aws)
    [rule] = resources["Ec2Group"]["Properties"]["SecurityGroupEgress"]  # moto leaves it out
    assert (rule["IpProtocol"], rule["FromPort"], rule["ToPort"]) == ("tcp", 443, 443)


def test_airflows_role_is_assumed_by_the_one_that_was_named(aws: boto3.Session) -> None:
    role = aws.client("iam").get_role(RoleName="musher-airflow")["Role"]
    (statement,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Principal"] == {"AWS": PRINCIPAL}
    assert ":root" not in TEMPLATE.read_text()


def test_an_endpoint_reads_models_and_inputs_and_writes_nothing_but_captures_and_answers(
    statements: list[tuple[str, str, Statement]],
) -> None:
    """Its container decodes what strangers send: it once could write every model."""
    found = {
        (action, resource)
        for role, _, statement in statements
        for action in as_list(statement["Action"])
        for resource in as_list(statement["Resource"])
        if role == "musher-endpoint" and action.startswith("s3:")
    }
    assert found == {
        ("s3:GetObject", f"{BUCKET}/musher/jobs/*"),
        ("s3:PutObject", f"{BUCKET}/musher/captures/*"),
        ("s3:GetObject", f"{BUCKET}/musher/async/inputs/*"),
        ("s3:PutObject", f"{BUCKET}/musher/async/answers/*"),
        ("s3:PutObject", f"{BUCKET}/musher/async/failures/*"),
    }


def test_what_only_endpoints_need_is_not_the_training_jobs(
    statements: list[tuple[str, str, Statement]],
) -> None:
    resources = [
        (role, resource) for role, _, statement in statements for resource in as_list(statement["Resource"])
    ]
    of_training = [resource for role, resource in resources if role == "musher-sagemaker"]
    assert not [resource for resource in of_training if "/Endpoints/" in resource]


def test_other_buckets_are_read_and_never_written(statements: list[tuple[str, str, Statement]]) -> None:
    foreign = {*SOURCES, *(f"{source}/*" for source in SOURCES), KEYS["source"]}
    found = {
        (role, action, resource)
        for role, _, statement in statements
        for action in as_list(statement["Action"])
        for resource in as_list(statement["Resource"])
        if resource in foreign
    }
    assert found == {
        (role, *right)
        for role in ("musher-airflow", "musher-sagemaker")
        for right in (
            *(("s3:ListBucket", source) for source in SOURCES),
            *(("s3:GetObject", f"{source}/*") for source in SOURCES),
            ("kms:Decrypt", KEYS["source"]),
        )
    }


def test_keys_are_used_by_those_that_need_them(statements: list[tuple[str, str, Statement]]) -> None:
    found = {
        (role, statement["Resource"].rpartition("/")[2], action)
        for role, _, statement in statements
        for action in as_list(statement["Action"])
        if action.startswith("kms:") and statement["Resource"] != [KEYS["source"]]
    }
    roles = ("musher-airflow", "musher-sagemaker", "musher-endpoint")
    assert found == {
        *(("musher-ec2", "bucket", f"kms:{action}") for action in ("Decrypt", "GenerateDataKey")),
        *((role, "bucket", f"kms:{action}") for role in roles for action in ("Decrypt", "GenerateDataKey")),
        *((role, "volume", f"kms:{action}") for role in roles for action in ("CreateGrant", "DescribeKey")),
        ("musher-codebuild", "bucket", "kms:Decrypt"),
    }


def test_the_bucket_is_encrypted_private_versioned_kept_and_cleaned(
    aws: boto3.Session, resources: dict[str, Any]
) -> None:
    bucket, name = resources["Bucket"], f"musher-{ACCOUNT}-us-east-1"
    assert (bucket["DeletionPolicy"], bucket["UpdateReplacePolicy"]) == ("Retain", "Retain")
    assert list(bucket["Properties"]["PublicAccessBlockConfiguration"].values()) == [True] * 4
    assert bucket["Properties"]["VersioningConfiguration"] == {"Status": "Enabled"}
    rules = {rule["Id"]: rule for rule in bucket["Properties"]["LifecycleConfiguration"]["Rules"]}
    assert rules["abort-unfinished-uploads"]["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 1}
    assert rules["expire-old-versions"]["NoncurrentVersionExpiration"] == {"NoncurrentDays": 30}
    assert rules["expire-jobs"]["Status"] == {"Fn::If": ["ExpiresJobs", "Enabled", "Disabled"]}
    assert rules["expire-captures"]["Status"] == {"Fn::If": ["ExpiresCaptures", "Enabled", "Disabled"]}
    (rule,) = aws.client("s3").get_bucket_encryption(Bucket=name)["ServerSideEncryptionConfiguration"][
        "Rules"
    ]
    default = rule["ApplyServerSideEncryptionByDefault"]
    assert (default["SSEAlgorithm"], default["KMSMasterKeyID"]) == ("aws:kms", KEYS["bucket"])


def test_the_bucket_refuses_unencrypted_connections(resources: dict[str, Any]) -> None:
    """Read in the template: moto has no bucket policies in CloudFormation."""
    (statement,) = resources["BucketPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    assert (statement["Effect"], statement["Principal"], statement["Action"]) == ("Deny", "*", "s3:*")
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert len(statement["Resource"]) == 2


def test_an_image_tag_is_never_given_twice(aws: boto3.Session, resources: dict[str, Any]) -> None:
    [repository] = aws.client("ecr").describe_repositories()["repositories"]
    assert repository["imageTagMutability"] == "IMMUTABLE"
    assert resources["Repository"]["Properties"]["ImageScanningConfiguration"] == {"ScanOnPush": True}


def test_the_build_makes_what_create_model_takes(resources: dict[str, Any]) -> None:
    """Read in the template: moto has no CodeBuild in CloudFormation."""
    project = resources["ImageProject"]["Properties"]
    settings = Settings.from_env({"MUSHER_ACCOUNT_ID": ACCOUNT})
    assert project["Name"] == {"Fn::Sub": "${Project}-image"}
    assert names.build_project(settings) == "musher-image"
    buildspec = " ".join(project["Source"]["BuildSpec"].split())
    for option in (
        "--platform linux/amd64",
        "--provenance=false",
        "--sbom=false",
        f"name=${IMAGE_VARIABLE},push=true,oci-mediatypes=false",
    ):
        assert option in buildspec
    assert project["Environment"]["PrivilegedMode"] is True
    assert project["TimeoutInMinutes"] <= 30


def test_logs_of_builds_end(aws: boto3.Session) -> None:
    groups = aws.client("logs").describe_log_groups()["logGroups"]
    assert {group["logGroupName"]: group["retentionInDays"] for group in groups} == {
        "/aws/codebuild/musher-image": 90
    }


def test_without_parameters_there_is_no_role_for_airflow_and_no_wider_policy(aws: boto3.Session) -> None:
    iam = aws.client("iam")
    create_stack(aws.client("cloudformation", region_name="us-west-2"), name="plain", Project="plain")
    roles = [role["RoleName"] for role in iam.list_roles()["Roles"] if role["RoleName"].startswith("plain-")]
    assert sorted(roles) == ["plain-codebuild", "plain-endpoint", "plain-lambda", "plain-sagemaker"]
    policies = {policy for _, policy, _ in read_statements(iam, roles)}
    assert policies == {"build", "predict", "serve", "train"}


def test_no_arn_names_a_partition() -> None:
    """Read in the template: to moto, every region's partition is aws."""
    text = TEMPLATE.read_text()
    text = text[text.index("\nResources:") :]
    found = re.findall(r"arn:[^:]*(?:::Partition\})?:", text)
    assert len(found) > 20
    assert set(found) == {"arn:${AWS::Partition}:"}
    assert "amazonaws.com.cn" not in text


def test_it_stays_within_what_cloudformation_and_iam_take(aws: boto3.Session) -> None:
    """A template given as text has 51,200 bytes at most, a role's own policies 10,240 characters together.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
    """
    assert len(TEMPLATE.read_bytes()) <= 51_200
    project, region = "a" * 18, "ap-southeast-2"
    longest = EVERYTHING | {"Project": project}
    create_stack(aws.client("cloudformation", region_name=region), name="longest", **longest)
    iam = aws.client("iam")
    for role in ("airflow", "sagemaker", "endpoint", "lambda", "codebuild", "ec2"):
        found = read_statements(iam, [f"{project}-{role}"])
        sizes = {True: 0, False: 0}
        for _, policy, statement in found:
            sizes[policy == "train-on-ec2"] += len(json.dumps(statement, separators=(",", ":")))
        assert sizes[False] <= 9_500, role
        assert sizes[True] <= 5_900, role  # a managed policy has 6,144 characters at most


def test_another_project_gets_names_of_its_own_and_deletion_keeps_only_the_bucket(aws: boto3.Session) -> None:
    cloudformation, iam, s3 = (
        aws.client(name, region_name="eu-west-1") for name in ("cloudformation", "iam", "s3")
    )
    create_stack(cloudformation, name="dogs", Project="dogs", AirflowPrincipalArn=PRINCIPAL)

    def names_of_dogs() -> list[str]:
        roles = [role["RoleName"] for role in iam.list_roles()["Roles"]]
        buckets = [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]
        return sorted(name for name in roles + buckets if name.startswith("dogs-"))

    bucket = f"dogs-{ACCOUNT}-eu-west-1"
    roles = [role.replace("musher", "dogs") for role in ROLES if role != "musher-ec2"]
    assert names_of_dogs() == [bucket, *roles]
    cloudformation.delete_stack(StackName="dogs")
    cloudformation.get_waiter("stack_delete_complete").wait(StackName="dogs")
    assert names_of_dogs() == [bucket]
