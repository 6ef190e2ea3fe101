"""What localaws says that the roles' calls need is what infra/'s templates grant them: no less, and no more.

Each role's calls are made by botocore, with the names that the pipeline gives, and held against its policies.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from cfnlint.decode.cfn_yaml import load

from localaws.iam.evaluation import Asked as Question
from localaws.iam.evaluation import Caller, Policies, evaluate
from localaws.iam.needs import facts as facts_module
from localaws.iam.needs.need import Need
from tests.unit.localaws.iam.needs.serialized import ACCOUNT, REGION, choose, find
from tests.unit.test_bootstrap_actions import BY_SERVICE, CALLS, IMPLIED, ROOT, TEMPLATES, render

Call = tuple[str, str, dict[str, Any]]
"""Signing name, operation, members."""

BUCKET, PHOTOS, REAPED = "musher-bucket", "photos", f"musher-{ACCOUNT}-{REGION}"
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/k"
TAGS = [{"Key": "musher:project", "Value": "musher"}]
TAG_MAP = {"musher:project": "musher"}
SAGEMAKER_ROLE, ENDPOINT_ROLE, LAMBDA_ROLE, NOTEBOOK_ROLE = (
    f"arn:aws:iam::{ACCOUNT}:role/{name}role.arn" for name in ("sagemaker", "endpoint", "lambda", "notebook")
)
TARGET = {
    "ServiceNamespace": "sagemaker",
    "ResourceId": "endpoint/musher-live/variant/main",
    "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
}
FUNCTION_TARGET = {
    "ServiceNamespace": "lambda",
    "ResourceId": "function:musher-classify:7",
    "ScalableDimension": "lambda:function:ProvisionedConcurrency",
}
ENDPOINT_LOGS, JOB_LOGS = "/aws/sagemaker/Endpoints/musher-live", "/aws/sagemaker/TrainingJobs"


def arn(service: str, name: str) -> str:
    return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{name}"


def each(service: str, operations: str, members: dict[str, Any]) -> list[Call]:
    """Return a call of each operation, with those of the members that it has."""
    return [(service, operation, choose(service, operation, members)) for operation in operations.split()]


JOBS: list[Call] = [
    (
        "sagemaker",
        "CreateTrainingJob",
        {
            "TrainingJobName": "musher-train",
            "RoleArn": SAGEMAKER_ROLE,
            "ResourceConfig": {"InstanceType": "ml.m5.large", "VolumeKmsKeyId": KEY},
            "Tags": TAGS,
        },
    ),
    *each("sagemaker", "DescribeTrainingJob StopTrainingJob", {"TrainingJobName": "musher-train"}),
    (
        "sagemaker",
        "CreateHyperParameterTuningJob",
        {
            "HyperParameterTuningJobName": "musher-tune",
            "TrainingJobDefinition": {"RoleArn": SAGEMAKER_ROLE, "ResourceConfig": {"VolumeKmsKeyId": KEY}},
            "Tags": TAGS,
        },
    ),
    *each(
        "sagemaker",
        "DescribeHyperParameterTuningJob ListTrainingJobsForHyperParameterTuningJob "
        "StopHyperParameterTuningJob",
        {"HyperParameterTuningJobName": "musher-tune"},
    ),
    (
        "sagemaker",
        "CreateProcessingJob",
        {"ProcessingJobName": "musher-load", "RoleArn": SAGEMAKER_ROLE, "Tags": TAGS},
    ),
    *each("sagemaker", "DescribeProcessingJob StopProcessingJob", {"ProcessingJobName": "musher-load"}),
    *each(
        "sagemaker",
        "CreateTransformJob DescribeTransformJob StopTransformJob",
        {"TransformJobName": "musher-transform", "Tags": TAGS},
    ),
]
MODELS: list[Call] = [
    ("sagemaker", "CreateModel", {"ModelName": "musher-m", "ExecutionRoleArn": ENDPOINT_ROLE, "Tags": TAGS}),
    *each("sagemaker", "DescribeModel DeleteModel", {"ModelName": "musher-m"}),
    *each(
        "sagemaker",
        "CreateModelPackageGroup DescribeModelPackageGroup",
        {"ModelPackageGroupName": "musher", "Tags": TAGS},
    ),
    ("sagemaker", "CreateModelPackage", {"ModelPackageGroupName": "musher"}),
    ("sagemaker", "DescribeModelPackage", {"ModelPackageName": arn("sagemaker", "model-package/musher/1")}),
    ("sagemaker", "UpdateModelPackage", {"ModelPackageArn": arn("sagemaker", "model-package/musher/1")}),
    ("sagemaker", "CreateEndpointConfig", {"EndpointConfigName": "musher-c", "KmsKeyId": KEY, "Tags": TAGS}),
    *each("sagemaker", "DescribeEndpointConfig DeleteEndpointConfig", {"EndpointConfigName": "musher-c"}),
    *each(
        "sagemaker",
        "CreateEndpoint UpdateEndpoint",
        {"EndpointName": "musher-live", "EndpointConfigName": "musher-c", "Tags": TAGS},
    ),
    *each(
        "sagemaker",
        "DeleteEndpoint DescribeEndpoint InvokeEndpoint InvokeEndpointAsync "
        "UpdateEndpointWeightsAndCapacities",
        {"EndpointName": "musher-live"},
    ),
    *each(
        "sagemaker", "AddTags DeleteTags ListTags", {"ResourceArn": arn("sagemaker", "training-job/musher-t")}
    ),
    *each("sagemaker", "AddTags ListTags", {"ResourceArn": arn("sagemaker", "endpoint/musher-live")}),
    *each(
        "sagemaker",
        "ListEndpointConfigs ListEndpoints ListHyperParameterTuningJobs ListModelPackages ListModels "
        "ListNotebookInstanceLifecycleConfigs ListNotebookInstances ListProcessingJobs ListTrainingJobs "
        "ListTransformJobs",
        {},
    ),
]
NOTEBOOKS: list[Call] = [
    (
        "sagemaker",
        "CreateNotebookInstance",
        {"NotebookInstanceName": "musher-n", "RoleArn": NOTEBOOK_ROLE, "KmsKeyId": KEY, "Tags": TAGS},
    ),
    *each(
        "sagemaker",
        "CreatePresignedNotebookInstanceUrl DeleteNotebookInstance DescribeNotebookInstance "
        "StartNotebookInstance StopNotebookInstance UpdateNotebookInstance",
        {"NotebookInstanceName": "musher-n"},
    ),
    *each(
        "sagemaker",
        "CreateNotebookInstanceLifecycleConfig DeleteNotebookInstanceLifecycleConfig "
        "DescribeNotebookInstanceLifecycleConfig UpdateNotebookInstanceLifecycleConfig",
        {"NotebookInstanceLifecycleConfigName": "musher-n"},
    ),
]
FUNCTIONS: list[Call] = [
    (
        "lambda",
        "CreateFunction",
        {
            "FunctionName": "musher-classify",
            "Role": LAMBDA_ROLE,
            "Code": {"S3Bucket": BUCKET, "S3Key": "musher/code/f.zip"},
            "VpcConfig": {"SubnetIds": ["subnet-1"]},
            "Tags": TAG_MAP,
        },
    ),
    (
        "lambda",
        "UpdateFunctionCode",
        {"FunctionName": "musher-classify", "S3Bucket": BUCKET, "S3Key": "musher/code/f.zip"},
    ),
    ("lambda", "UpdateFunctionConfiguration", {"FunctionName": "musher-classify", "Role": LAMBDA_ROLE}),
    *each(
        "lambda",
        "CreateAlias DeleteFunction DeleteFunctionConcurrency GetAlias GetFunctionConcurrency "
        "GetFunctionConfiguration ListProvisionedConcurrencyConfigs PublishVersion PutFunctionConcurrency "
        "UpdateAlias",
        {"FunctionName": "musher-classify", "Name": "live"},
    ),
    *each(
        "lambda",
        "DeleteProvisionedConcurrencyConfig GetProvisionedConcurrencyConfig Invoke "
        "PutProvisionedConcurrencyConfig",
        {"FunctionName": "musher-classify", "Qualifier": "live"},
    ),
    ("lambda", "ListTags", {"Resource": arn("lambda", "function:musher-classify")}),
    *each("lambda", "ListFunctions GetAccountSettings", {}),
]
WATCHING: list[Call] = [
    ("monitoring", "PutMetricAlarm", {"AlarmName": "musher-a", "Tags": TAGS}),
    ("monitoring", "DescribeAlarmHistory", {"AlarmName": "musher-a"}),
    *each("monitoring", "DeleteAlarms DescribeAlarms", {"AlarmNames": ["musher-a", "musher-b"]}),
    ("monitoring", "DescribeAlarms", {"AlarmNamePrefix": "musher-", "AlarmTypes": ["MetricAlarm"]}),
    ("monitoring", "GetMetricData", {}),
    ("monitoring", "PutMetricData", {"Namespace": "Musher", "MetricData": [{"MetricName": "Healthy"}]}),
    *each(
        "application-autoscaling",
        "DeleteScalingPolicy DeleteScheduledAction DeregisterScalableTarget PutScheduledAction "
        "RegisterScalableTarget",
        TARGET,
    ),
    (
        "application-autoscaling",
        "PutScalingPolicy",
        TARGET | {"TargetTrackingScalingPolicyConfiguration": {"TargetValue": 1.0}},
    ),
    *each(
        "application-autoscaling",
        "DeregisterScalableTarget PutScheduledAction RegisterScalableTarget",
        FUNCTION_TARGET,
    ),
    (
        "application-autoscaling",
        "PutScalingPolicy",
        FUNCTION_TARGET | {"TargetTrackingScalingPolicyConfiguration": {"TargetValue": 0.7}},
    ),
    *each(
        "application-autoscaling",
        "DescribeScalableTargets DescribeScalingActivities DescribeScalingPolicies DescribeScheduledActions",
        {"ServiceNamespace": "sagemaker"},
    ),
    *each("logs", "DescribeLogStreams", {"logGroupName": JOB_LOGS, "logStreamNamePrefix": "musher-t/"}),
    ("logs", "GetLogEvents", {"logGroupName": JOB_LOGS, "logStreamName": "musher-t/algo-1"}),
    ("logs", "GetLogEvents", {"logGroupName": ENDPOINT_LOGS, "logStreamName": "main/i-1"}),
    *each(
        "logs",
        "CreateLogGroup DeleteLogGroup PutRetentionPolicy",
        {"logGroupName": "/aws/lambda/musher-classify", "tags": TAG_MAP},
    ),
    ("logs", "DescribeLogGroups", {}),
    ("logs", "ListTagsForResource", {"resourceArn": arn("logs", "log-group:/aws/lambda/musher-classify")}),
    ("sns", "Publish", {"TopicArn": arn("sns", "musher-failures"), "Message": "m"}),
    *each("servicequotas", "ListServiceQuotas ListAWSDefaultServiceQuotas", {"ServiceCode": "sagemaker"}),
]
BUILDING: list[Call] = [
    ("codebuild", "StartBuild", {"projectName": "musher-image"}),
    ("codebuild", "ListBuildsForProject", {"projectName": "musher-image"}),
    ("codebuild", "BatchGetProjects", {"names": ["musher-image"]}),
    ("codebuild", "BatchGetBuilds", {"ids": ["musher-image:0"]}),
    ("ecr", "DescribeImages", {"repositoryName": "musher-model"}),
    ("iam", "GetRole", {"RoleName": "sagemakerrole.arn"}),
    ("iam", "GetInstanceProfile", {"InstanceProfileName": "musher-ec2"}),
    ("iam", "SimulatePrincipalPolicy", {"PolicySourceArn": f"arn:aws:iam::{ACCOUNT}:role/airflowrole.arn"}),
]
OBJECTS: list[Call] = [
    *each("s3", "GetObject HeadObject", {"Bucket": BUCKET, "Key": "musher/data/a b.jpg"}),
    *each("s3", "GetObject", {"Bucket": PHOTOS, "Key": "dogs/1.jpg"}),
    ("s3", "CopyObject", {"Bucket": BUCKET, "Key": "musher/data/1.jpg", "CopySource": "photos/dogs/1.jpg"}),
    *each(
        "s3",
        "CreateMultipartUpload UploadPart CompleteMultipartUpload",
        {"Bucket": BUCKET, "Key": "musher/jobs/m.tar.gz", "UploadId": "u", "PartNumber": 1},
    ),
    (
        "s3",
        "PutObject",
        {"Bucket": BUCKET, "Key": "musher/x", "ServerSideEncryption": "aws:kms", "SSEKMSKeyId": KEY},
    ),
    *each("s3", "HeadBucket ListObjectsV2", {"Bucket": BUCKET, "Prefix": "musher/"}),
    ("s3", "ListMultipartUploads", {"Bucket": REAPED}),
    ("s3", "AbortMultipartUpload", {"Bucket": REAPED, "Key": "musher/x", "UploadId": "u"}),
    ("s3", "DeleteObjects", {"Bucket": REAPED, "Delete": {"Objects": [{"Key": "musher/reports/1.html"}]}}),
]
INSTANCES: list[Call] = [
    (
        "ec2",
        "RunInstances",
        {
            "ImageId": "ami-1",
            "InstanceType": "t3.small",
            "SubnetId": "subnet-1",
            "SecurityGroupIds": ["sg-1"],
            "TagSpecifications": [{"ResourceType": kind, "Tags": TAGS} for kind in ("instance", "volume")],
        },
    ),
    ("ec2", "CreateTags", {"Resources": ["i-1"], "Tags": [{"Key": "musher:stopped-by", "Value": "x"}]}),
    *each("ec2", "GetConsoleOutput", {"InstanceId": "i-1"}),
    *each("ec2", "TerminateInstances", {"InstanceIds": ["i-1", "i-2"]}),
    ("ec2", "DeleteVolume", {"VolumeId": "vol-1"}),
    *each(
        "ec2",
        "DescribeImages DescribeInstanceTypes DescribeInstances DescribeRouteTables DescribeSecurityGroups "
        "DescribeSubnets DescribeTags DescribeVolumes DescribeVpcs",
        {},
    ),
    ("ssm", "GetParameter", {"Name": "/aws/service/deeplearning/ami/x86_64/latest/ami-id"}),
]
OF_AWS = "arn:aws:iam::aws:policy/AmazonSageMakerFullAccess"
LOOKING: list[Call] = [
    *each(
        "iam",
        "GenerateCredentialReport GetAccountAuthorizationDetails GetAccountSummary GetCredentialReport",
        {},
    ),
    ("iam", "GetAccessKeyLastUsed", {"AccessKeyId": "AKIAIOSFODNN7EXAMPLE"}),
    ("iam", "ListAccessKeys", {"UserName": "somebody"}),
    *each("iam", "GetPolicy GetPolicyVersion", {"PolicyArn": OF_AWS, "VersionId": "v1"}),
    ("access-analyzer", "ValidatePolicy", {"policyDocument": "{}", "policyType": "IDENTITY_POLICY"}),
    ("s3", "ListBuckets", {}),
    *each(
        "s3",
        "GetBucketEncryption GetBucketPolicy GetBucketVersioning GetPublicAccessBlock",
        {"Bucket": "of-somebody-else"},
    ),
    *each("lambda", "GetFunctionConcurrency GetPolicy", {"FunctionName": "of-somebody-else"}),
    ("ecr", "DescribeRepositories", {}),
    ("ecr", "GetRepositoryPolicy", {"repositoryName": "of-somebody-else"}),
]
AIRFLOW = [*JOBS, *MODELS, *NOTEBOOKS, *FUNCTIONS, *WATCHING, *BUILDING, *OBJECTS, *INSTANCES, *LOOKING]

JOB_OBJECTS: list[Call] = [
    ("s3", "ListObjectsV2", {"Bucket": BUCKET, "Prefix": "musher/"}),
    ("s3", "GetObject", {"Bucket": BUCKET, "Key": "musher/data/1.jpg"}),
    *each(
        "s3",
        "PutObject CreateMultipartUpload UploadPart CompleteMultipartUpload AbortMultipartUpload",
        {"Bucket": BUCKET, "Key": "musher/jobs/model.tar.gz", "UploadId": "u", "PartNumber": 1},
    ),
]
BY_ROLE: Mapping[str, list[Call]] = {
    "musher-airflow": AIRFLOW,
    "musher-sagemaker": [
        *JOB_OBJECTS,
        *each("logs", "CreateLogGroup DescribeLogStreams", {"logGroupName": JOB_LOGS}),
        *each(
            "logs", "CreateLogStream PutLogEvents", {"logGroupName": JOB_LOGS, "logStreamName": "musher-t/a"}
        ),
        ("monitoring", "PutMetricData", {"Namespace": "/aws/sagemaker/TrainingJobs"}),
        *each("sagemaker", "DescribeEndpoint InvokeEndpoint", {"EndpointName": "musher-live"}),
        ("lambda", "Invoke", {"FunctionName": "musher-classify", "Qualifier": "live"}),
        ("ecr", "GetAuthorizationToken", {}),
        ("ecr", "BatchGetImage", {"repositoryName": "musher-model"}),
        ("ecr", "BatchGetImage", {"registryId": "763104351884", "repositoryName": "pytorch-training"}),
    ],
    "musher-endpoint": [
        ("s3", "GetObject", {"Bucket": BUCKET, "Key": "musher/jobs/model.tar.gz"}),
        ("s3", "PutObject", {"Bucket": BUCKET, "Key": "musher/captures/1.jsonl"}),
        ("monitoring", "DescribeAlarms", {"AlarmNames": ["musher-a"]}),
        *each("logs", "CreateLogGroup DescribeLogStreams", {"logGroupName": ENDPOINT_LOGS}),
        *each(
            "logs", "CreateLogStream PutLogEvents", {"logGroupName": ENDPOINT_LOGS, "logStreamName": "main/i"}
        ),
    ],
    "musher-lambda": [
        ("sagemaker", "InvokeEndpoint", {"EndpointName": "musher-live"}),
        ("logs", "CreateLogGroup", {"logGroupName": "/aws/lambda/musher-classify"}),
        *each(
            "logs",
            "CreateLogStream PutLogEvents",
            {"logGroupName": "/aws/lambda/musher-classify", "logStreamName": "2026/11/29/[1]a"},
        ),
    ],
    "musher-ec2": [
        *JOB_OBJECTS,
        ("logs", "CreateLogGroup", {"logGroupName": "/aws/ec2/musher-train"}),
        *each(
            "logs",
            "CreateLogStream PutLogEvents",
            {"logGroupName": "/aws/ec2/musher-train", "logStreamName": "r"},
        ),
    ],
    "musher-notebook": [
        ("sagemaker", "InvokeEndpoint", {"EndpointName": "musher-live"}),
        ("sagemaker", "StopNotebookInstance", {"NotebookInstanceName": "musher-n"}),
    ],
}
UNSEEN = {"kms:Decrypt"}
"""What AWS asks for by the state of an object: no request says that it is encrypted by a key."""


@pytest.fixture(autouse=True)
def _tagged(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the project's tags be on all that is there."""
    monkeypatch.setattr(facts_module, "find_tags", lambda resource, account_id: TAG_MAP)


def statements_of(role: str) -> Iterator[dict[str, Any]]:
    """Yield the statements of a role's policies, with the template's names put in."""
    templates = [load(path) for path in sorted((ROOT / "infra").glob("*.yaml")) if path.name in TEMPLATES]
    for resource in (found for template in templates for found in template["Resources"].values()):
        if resource["Type"] not in ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy"):
            continue
        (named,) = resource["Properties"]["Roles"]
        name = render(named) if "Fn::Sub" in named else "musher-" + named["Ref"].removesuffix("Role").lower()
        if name == role:
            for statement in resource["Properties"]["PolicyDocument"]["Statement"]:
                yield rendered(statement)


def rendered(statement: dict[str, Any]) -> dict[str, Any]:
    resources = statement["Resource"]
    conditions = {
        operator: {key: "musher" if isinstance(value, dict) else value for key, value in keys.items()}
        for operator, keys in statement.get("Condition", {}).items()
    }
    return {
        "Effect": statement["Effect"],
        "Action": statement["Action"],
        "Resource": [render(item) for item in (resources if isinstance(resources, list) else [resources])],
        "Condition": conditions,
    }


def is_granted(need: Need, role: str, statements: list[dict[str, Any]]) -> bool:
    caller = Caller(arn=f"arn:aws:sts::{ACCOUNT}:assumed-role/{role}/session", account_id=ACCOUNT)
    question = Question(action=need.action, resource=need.resource, account_id=ACCOUNT, facts=need.facts)
    return evaluate(caller, question, Policies(identity=statements)).is_allowed


@pytest.mark.parametrize("role", sorted(BY_ROLE))
def test_each_need_of_a_roles_calls_is_granted(role: str) -> None:
    statements = list(statements_of(role))
    denied = [
        (operation, need.action, need.resource)
        for service, operation, members in BY_ROLE[role]
        for need in find(service, operation, members)
        if not is_granted(need, role, statements)
    ]
    assert denied == []


def test_airflows_calls_need_all_that_its_role_is_granted() -> None:
    needed = {
        need.action for service, operation, members in AIRFLOW for need in find(service, operation, members)
    }
    assert needed == (CALLS.keys() | IMPLIED.keys()) - UNSEEN


@pytest.mark.parametrize(
    ("call", "action"),
    [
        (
            ("sagemaker", "CreateModel", {"ModelName": "other", "ExecutionRoleArn": ENDPOINT_ROLE}),
            "sagemaker:CreateModel",
        ),
        (
            ("sagemaker", "CreateModel", {"ModelName": "musher-m", "ExecutionRoleArn": LAMBDA_ROLE}),
            "iam:PassRole",
        ),
        (
            ("s3", "DeleteObjects", {"Bucket": REAPED, "Delete": {"Objects": [{"Key": "musher/data/1"}]}}),
            "s3:DeleteObject",
        ),
        (
            ("s3", "CopyObject", {"Bucket": BUCKET, "Key": "musher/x", "CopySource": "secrets/x"}),
            "s3:GetObject",
        ),
        (("ec2", "RunInstances", {"ImageId": "ami-1"}), "ec2:RunInstances"),
        (
            ("application-autoscaling", "RegisterScalableTarget", TARGET | {"ServiceNamespace": "ecs"}),
            "application-autoscaling:RegisterScalableTarget",
        ),
        (
            (
                "application-autoscaling",
                "PutScheduledAction",
                FUNCTION_TARGET | {"ScalableDimension": "ecs:service:DesiredCount"},
            ),
            "application-autoscaling:PutScheduledAction",
        ),
        (("logs", "DeleteLogGroup", {"logGroupName": JOB_LOGS}), "logs:DeleteLogGroup"),
        (("monitoring", "PutMetricData", {"Namespace": "Other"}), "cloudwatch:PutMetricData"),
        (
            ("iam", "GetPolicy", {"PolicyArn": f"arn:aws:iam::{ACCOUNT}:policy/own"}),
            "iam:GetPolicy",
        ),
    ],
)
def test_what_airflows_role_is_not_granted_is_seen(call: Call, action: str) -> None:
    statements = list(statements_of("musher-airflow"))
    needs = find(*call)
    assert {need.action for need in needs if not is_granted(need, "musher-airflow", statements)} == {action}


def test_every_role_whose_calls_go_through_localaws_is_here() -> None:
    """CodeBuild's builds do not run on a laptop."""
    assert set(BY_ROLE) == {"musher-airflow", *BY_SERVICE} - {"musher-codebuild"}
