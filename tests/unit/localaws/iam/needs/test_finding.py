"""What requests need, as botocore writes them in each protocol."""

import asyncio
import gzip
from dataclasses import replace
from typing import Any

import pytest

from localaws.iam.needs.finding import find_needs
from localaws.iam.needs.need import UnknownOperationError
from tests.unit.localaws.iam.needs.serialized import ACCOUNT, REGION, ask, find, make_request, serialize

ROLE = f"arn:aws:iam::{ACCOUNT}:role/work"
SCOPE = f"AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261129/{REGION}"


def pairs(*call: Any, **options: Any) -> list[tuple[str, str]]:
    """Return actions and resources, without the beginning that all ARNs of the account have."""
    return [(need.action, short(need.resource)) for need in find(*call, **options)]


def short(arn: str) -> str:
    return arn.replace(f":{REGION}:{ACCOUNT}:", ":::").removeprefix("arn:aws:")


CORPUS: list[tuple[str, str, dict[str, Any], list[tuple[str, str]]]] = [
    # One action on what is named
    (
        "sagemaker",
        "DescribeTrainingJob",
        {"TrainingJobName": "t"},
        [("sagemaker:DescribeTrainingJob", "sagemaker:::training-job/t")],
    ),
    ("sagemaker", "ListModels", {}, [("sagemaker:ListModels", "*")]),
    (
        "sagemaker",
        "InvokeEndpoint",
        {"EndpointName": "e", "Body": b"x"},
        [("sagemaker:InvokeEndpoint", "sagemaker:::endpoint/e")],
    ),
    ("sts", "GetCallerIdentity", {}, []),
    ("ecr", "GetAuthorizationToken", {}, [("ecr:GetAuthorizationToken", "*")]),
    (
        "ecr",
        "BatchGetImage",
        {"registryId": "763104351884", "repositoryName": "pytorch"},
        [("ecr:BatchGetImage", f"ecr:{REGION}:763104351884:repository/pytorch")],
    ),
    # Functions by name, part of an ARN, ARN, with qualifiers
    ("lambda", "Invoke", {"FunctionName": "f"}, [("lambda:InvokeFunction", "lambda:::function:f")]),
    (
        "lambda",
        "Invoke",
        {"FunctionName": "f", "Qualifier": "live"},
        [("lambda:InvokeFunction", "lambda:::function:f:live")],
    ),
    (
        "lambda",
        "Invoke",
        {"FunctionName": f"{ACCOUNT}:function:f:3"},
        [("lambda:InvokeFunction", "lambda:::function:f:3")],
    ),
    (
        "lambda",
        "GetFunction",
        {"FunctionName": "arn:aws:lambda:eu-west-1:111122223333:function:f"},
        [("lambda:GetFunction", "lambda:eu-west-1:111122223333:function:f")],
    ),
    # A role that is passed, a package, a layer, tags
    (
        "lambda",
        "CreateFunction",
        {
            "FunctionName": "f",
            "Role": ROLE,
            "Code": {"S3Bucket": "code", "S3Key": "f.zip"},
            "Layers": [f"arn:aws:lambda:{REGION}:{ACCOUNT}:layer:l:1"],
            "Tags": {"a": "b"},
        },
        [
            ("lambda:CreateFunction", "lambda:::function:f"),
            ("lambda:TagResource", "lambda:::function:f"),
            ("lambda:GetLayerVersion", "lambda:::layer:l:1"),
            ("s3:GetObject", "s3:::code/f.zip"),
            ("iam:PassRole", f"iam::{ACCOUNT}:role/work"),
        ],
    ),
    (
        "sagemaker",
        "CreateHyperParameterTuningJob",
        {
            "HyperParameterTuningJobName": "h",
            "TrainingJobDefinitions": [{"RoleArn": ROLE}, {"RoleArn": f"{ROLE}-2"}],
        },
        [
            ("sagemaker:CreateHyperParameterTuningJob", "sagemaker:::hyper-parameter-tuning-job/h"),
            ("iam:PassRole", f"iam::{ACCOUNT}:role/work"),
            ("iam:PassRole", f"iam::{ACCOUNT}:role/work-2"),
        ],
    ),
    # An endpoint and its configuration
    (
        "sagemaker",
        "CreateEndpoint",
        {"EndpointName": "e", "EndpointConfigName": "c"},
        [
            ("sagemaker:CreateEndpoint", "sagemaker:::endpoint/e"),
            ("sagemaker:CreateEndpoint", "sagemaker:::endpoint-config/c"),
        ],
    ),
    # Objects
    ("s3", "ListBuckets", {}, [("s3:ListAllMyBuckets", "s3:::*")]),
    ("s3", "HeadBucket", {"Bucket": "b"}, [("s3:ListBucket", "s3:::b")]),
    ("s3", "HeadObject", {"Bucket": "b", "Key": "a/b c"}, [("s3:GetObject", "s3:::b/a/b c")]),
    (
        "s3",
        "GetObject",
        {"Bucket": "b", "Key": "k", "VersionId": "v"},
        [("s3:GetObjectVersion", "s3:::b/k")],
    ),
    (
        "s3",
        "PutObject",
        {"Bucket": "b", "Key": "k", "ACL": "private", "Tagging": "a=b", "ObjectLockMode": "GOVERNANCE"},
        [
            ("s3:PutObject", "s3:::b/k"),
            ("s3:PutObjectAcl", "s3:::b/k"),
            ("s3:PutObjectTagging", "s3:::b/k"),
            ("s3:PutObjectRetention", "s3:::b/k"),
        ],
    ),
    (
        "s3",
        "UploadPart",
        {"Bucket": "b", "Key": "k", "UploadId": "u", "PartNumber": 1},
        [("s3:PutObject", "s3:::b/k")],
    ),
    (
        "s3",
        "UploadPartCopy",
        {"Bucket": "b", "Key": "k", "UploadId": "u", "PartNumber": 1, "CopySource": "o/x%20y?versionId=1"},
        [("s3:PutObject", "s3:::b/k"), ("s3:GetObjectVersion", "s3:::o/x y")],
    ),
    (
        "s3",
        "DeleteObjects",
        {
            "Bucket": "b",
            "Delete": {"Objects": [{"Key": "a&b"}, {"Key": "c", "VersionId": "1"}]},
            "BypassGovernanceRetention": True,
        },
        [
            ("s3:DeleteObject", "s3:::b/a&b"),
            ("s3:DeleteObjectVersion", "s3:::b/c"),
            ("s3:BypassGovernanceRetention", "s3:::b/*"),
        ],
    ),
    (
        "s3",
        "CreateBucket",
        {"Bucket": "b", "ACL": "public-read", "ObjectLockEnabledForBucket": True},
        [
            ("s3:CreateBucket", "s3:::b"),
            ("s3:PutBucketAcl", "s3:::b"),
            ("s3:PutBucketObjectLockConfiguration", "s3:::b"),
            ("s3:PutBucketVersioning", "s3:::b"),
        ],
    ),
    # Logs: a group's ARN goes on after its name
    (
        "logs",
        "CreateLogGroup",
        {"logGroupName": "/aws/lambda/f"},
        [("logs:CreateLogGroup", "logs:::log-group:/aws/lambda/f:log-stream:")],
    ),
    (
        "logs",
        "DescribeLogStreams",
        {"logGroupIdentifier": f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:g:*"},
        [("logs:DescribeLogStreams", "logs:::log-group:g:log-stream:")],
    ),
    (
        "logs",
        "PutLogEvents",
        {"logGroupName": "g", "logStreamName": "s/[1]a", "logEvents": []},
        [("logs:PutLogEvents", "logs:::log-group:g:log-stream:s/[1]a")],
    ),
    # Several resources of a list, and none
    (
        "codebuild",
        "BatchGetBuilds",
        {"ids": ["p:1", "q:2", "p:3"]},
        [
            ("codebuild:BatchGetBuilds", "codebuild:::project/p"),
            ("codebuild:BatchGetBuilds", "codebuild:::project/q"),
        ],
    ),
    ("monitoring", "DescribeAlarms", {}, [("cloudwatch:DescribeAlarms", "cloudwatch:::alarm:*")]),
    # EC2: each resource of a launch, and tags by type
    (
        "ec2",
        "RunInstances",
        {
            "ImageId": "ami-1",
            "SubnetId": "subnet-1",
            "SecurityGroupIds": ["sg-1", "sg-2"],
            "KeyName": "k",
            "TagSpecifications": [{"ResourceType": "volume", "Tags": [{"Key": "a", "Value": "b"}]}],
        },
        [
            ("ec2:RunInstances", f"ec2:{REGION}::image/ami-1"),
            ("ec2:RunInstances", "ec2:::instance/*"),
            ("ec2:RunInstances", "ec2:::key-pair/k"),
            ("ec2:RunInstances", "ec2:::network-interface/*"),
            ("ec2:RunInstances", "ec2:::security-group/sg-1"),
            ("ec2:RunInstances", "ec2:::security-group/sg-2"),
            ("ec2:RunInstances", "ec2:::subnet/subnet-1"),
            ("ec2:RunInstances", "ec2:::volume/*"),
            ("ec2:CreateTags", "ec2:::volume/*"),
        ],
    ),
    (
        "ec2",
        "CreateTags",
        {"Resources": ["i-1", "ami-1"], "Tags": [{"Key": "a", "Value": "b"}]},
        [("ec2:CreateTags", "ec2:::instance/i-1"), ("ec2:CreateTags", f"ec2:{REGION}::image/ami-1")],
    ),
    # Systems Manager: AWS's own documents and parameters are in no account
    (
        "ssm",
        "SendCommand",
        {"DocumentName": "AWS-RunShellScript", "InstanceIds": ["i-1"]},
        [
            ("ssm:SendCommand", f"ssm:{REGION}::document/AWS-RunShellScript"),
            ("ssm:SendCommand", "ec2:::instance/i-1"),
        ],
    ),
    (
        "ssm",
        "SendCommand",
        {"DocumentName": "mine", "Targets": [{"Key": "tag:a", "Values": ["b"]}]},
        [("ssm:SendCommand", "ssm:::document/mine"), ("ssm:SendCommand", "ec2:::instance/*")],
    ),
    ("ssm", "GetParameter", {"Name": "/a/b"}, [("ssm:GetParameter", "ssm:::parameter/a/b")]),
    # Scaling: what is scaled is asked, too, and the role that does it
    (
        "application-autoscaling",
        "RegisterScalableTarget",
        {"ServiceNamespace": "lambda", "ResourceId": "function:f:7"},
        [
            ("application-autoscaling:RegisterScalableTarget", "application-autoscaling:::scalable-target/*"),
            ("lambda:DeleteProvisionedConcurrencyConfig", "lambda:::function:f:7"),
            ("lambda:GetProvisionedConcurrencyConfig", "lambda:::function:f:7"),
            ("lambda:PutProvisionedConcurrencyConfig", "lambda:::function:f:7"),
            (
                "iam:CreateServiceLinkedRole",
                f"iam::{ACCOUNT}:role/aws-service-role/lambda.application-autoscaling.amazonaws.com/"
                "AWSServiceRoleForApplicationAutoScaling_LambdaConcurrency",
            ),
        ],
    ),
    # Others
    (
        "cloudformation",
        "CreateStack",
        {"StackName": "s", "RoleARN": ROLE},
        [
            ("cloudformation:CreateStack", "cloudformation:::stack/s/*"),
            ("iam:PassRole", f"iam::{ACCOUNT}:role/work"),
        ],
    ),
    (
        "iam",
        "CreateRole",
        {
            "RoleName": "r",
            "Path": "/p/",
            "AssumeRolePolicyDocument": "{}",
            "Tags": [{"Key": "a", "Value": "b"}],
        },
        [("iam:CreateRole", f"iam::{ACCOUNT}:role/p/r"), ("iam:TagRole", f"iam::{ACCOUNT}:role/p/r")],
    ),
    (
        "iam",
        "GetAccessKeyLastUsed",
        {"AccessKeyId": "AKIAIOSFODNN7EXAMPLE"},
        [("iam:GetAccessKeyLastUsed", f"iam::{ACCOUNT}:user/*")],
    ),
    (
        "access-analyzer",
        "ValidatePolicy",
        {"policyDocument": "{}", "policyType": "IDENTITY_POLICY"},
        [("access-analyzer:ValidatePolicy", "*")],
    ),
    (
        "sts",
        "AssumeRole",
        {"RoleArn": "arn:aws:iam::111122223333:role/r", "RoleSessionName": "s", "SourceIdentity": "me"},
        [
            ("sts:AssumeRole", "iam::111122223333:role/r"),
            ("sts:SetSourceIdentity", "iam::111122223333:role/r"),
        ],
    ),
    (
        "sqs",
        "SendMessageBatch",
        {"QueueUrl": f"http://127.0.0.1:4566/{ACCOUNT}/q", "Entries": []},
        [("sqs:SendMessage", "sqs:::q")],
    ),
    ("sns", "Publish", {"PhoneNumber": "+4912345", "Message": "m"}, [("sns:Publish", "*")]),
    (
        "events",
        "PutRule",
        {"Name": "r", "EventBusName": "bus"},
        [("events:PutRule", "events:::rule/bus/r")],
    ),
]


@pytest.mark.parametrize(("service", "operation", "members", "expected"), CORPUS)
def test_a_call_needs(
    service: str, operation: str, members: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    assert pairs(service, operation, members) == expected


@pytest.mark.parametrize("protocol", ["json", "query", "smithy-rpc-v2-cbor"])
def test_each_protocol_of_a_service_is_read_alike(protocol: str) -> None:
    members = {"AlarmName": "a", "Tags": [{"Key": "k", "Value": "v"}], "AlarmActions": ["x", "y"]}
    alarm, tagging = find("monitoring", "PutMetricAlarm", members, protocol=protocol)
    assert (alarm.action, short(alarm.resource)) == ("cloudwatch:PutMetricAlarm", "cloudwatch:::alarm:a")
    assert tagging.action == "cloudwatch:TagResource"
    assert alarm.facts["aws:requesttag/k"] == "v"
    assert alarm.facts["cloudwatch:alarmactions"] == ["x", "y"]


def test_facts_are_those_of_the_request() -> None:
    need = find(
        "sagemaker", "CreateTrainingJob", {"TrainingJobName": "t", "Tags": [{"Key": "A", "Value": "b"}]}
    )[0]
    assert need.facts["aws:requestedregion"] == REGION
    assert need.facts["aws:securetransport"] == "true"
    assert need.facts["aws:requesttag/a"] == "b"
    assert need.facts["aws:tagkeys"] == ["A"]
    assert need.facts.get("aws:resourcetag/a") is None
    assert "anything" in need.facts  # and nothing else is in the request
    assert need.facts["anything"] is None


def test_a_role_is_passed_to_a_service_and_to_no_condition_of_another() -> None:
    members = {"TrainingJobName": "t", "RoleArn": ROLE, "StoppingCondition": {"MaxRuntimeInSeconds": 9}}
    job, passing = find("sagemaker", "CreateTrainingJob", members)
    assert passing.facts["iam:passedtoservice"] == "sagemaker.amazonaws.com"
    assert passing.facts["sagemaker:maxruntimeinseconds"] is None
    assert job.facts["sagemaker:maxruntimeinseconds"] == "9"


def test_tags_of_a_launch_are_known_of_resources_of_their_type() -> None:
    tags = [{"ResourceType": "instance", "Tags": [{"Key": "a", "Value": "b"}]}]
    needs = find("ec2", "RunInstances", {"ImageId": "ami-1", "TagSpecifications": tags})
    tagged = {short(need.resource) for need in needs if need.facts["aws:requesttag/a"] == "b"}
    assert tagged == {"ec2:::instance/*"}
    assert [need.facts["ec2:createaction"] for need in needs if need.action == "ec2:CreateTags"] == [
        "RunInstances"
    ]


def test_headers_and_parameters_of_s3_are_facts() -> None:
    (listing,) = find("s3", "ListObjectsV2", {"Bucket": "b", "Prefix": "p/", "MaxKeys": 3})
    assert (listing.facts["s3:prefix"], listing.facts["s3:max-keys"]) == ("p/", "3")
    put = find("s3", "PutObject", {"Bucket": "b", "Key": "k", "ServerSideEncryption": "AES256"})[0]
    assert put.facts["s3:x-amz-server-side-encryption"] == "AES256"
    tagged = find("s3", "PutObject", {"Bucket": "b", "Key": "k", "Tagging": "A=b"})[0]
    assert tagged.facts["s3:requestobjecttag/a"] == "b"


@pytest.mark.parametrize(
    ("call", "owner"),
    [
        (("s3", "GetObject", {"Bucket": "b", "Key": "k"}), "arn:aws:s3:::b"),
        (("lambda", "Invoke", {"FunctionName": "f"}), f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:f"),
        (("sagemaker", "DescribeModel", {"ModelName": "m"}), None),
        (("s3", "ListBuckets", {}), None),
        (("sts", "AssumeRole", {"RoleArn": ROLE, "RoleSessionName": "s"}), ROLE),
    ],
)
def test_whose_own_policy_is_asked(call: Any, owner: str | None) -> None:
    assert find(*call)[0].resource_policy_of == owner


def test_an_operation_that_no_table_has_is_unknown() -> None:
    with pytest.raises(UnknownOperationError, match="sagemaker:CreateCodeRepository"):
        find("sagemaker", "CreateCodeRepository", {"CodeRepositoryName": "c"})


def needs_of(**request: Any) -> Any:
    return asyncio.run(find_needs(ask(make_request(**request))))


def test_a_service_that_no_table_has_is_unknown() -> None:
    headers = {"authorization": f"{SCOPE}/../aws4_request", "x-amz-target": "X.Y"}
    with pytest.raises(UnknownOperationError):
        needs_of(method="POST", path="/", headers=headers)


def test_a_rest_service_goes_by_the_path_whatever_the_headers_say() -> None:
    """Lambda deletes by this path: a right to read must not stand for it."""
    headers = {"authorization": f"{SCOPE}/lambda/aws4_request", "x-amz-target": "AWSLambda.GetFunction"}
    (need,) = needs_of(method="DELETE", path="/2015-03-31/functions/f", headers=headers)
    assert need.action == "lambda:DeleteFunction"


def test_a_target_counts_at_the_root_only() -> None:
    headers = {"authorization": f"{SCOPE}/sagemaker/aws4_request", "x-amz-target": "SageMaker.ListModels"}
    (need,) = needs_of(method="POST", path="/endpoints/e/invocations", headers=headers)
    assert need.action == "sagemaker:InvokeEndpoint"


def test_a_form_is_an_objects_content_where_s3_gets_it() -> None:
    headers = {
        "authorization": f"{SCOPE}/s3/aws4_request",
        "content-type": "application/x-www-form-urlencoded",
    }
    (need,) = needs_of(method="PUT", path="/b/k", headers=headers, body=b"Action=GetObject")
    assert (need.action, need.resource) == ("s3:PutObject", "arn:aws:s3:::b/k")


def test_a_protocol_that_a_service_does_not_speak_is_unknown() -> None:
    headers = {"authorization": f"{SCOPE}/iam/aws4_request", "x-amz-target": "IAM.ListUsers"}
    with pytest.raises(UnknownOperationError):
        needs_of(method="POST", path="/", headers=headers)


def test_the_control_plane_of_s3_is_no_bucket() -> None:
    headers = {"authorization": f"{SCOPE}/s3/aws4_request"}
    with pytest.raises(UnknownOperationError):
        needs_of(method="GET", path="/v20180820/accesspoint/x", headers=headers)


def test_a_virtual_host_names_the_bucket() -> None:
    headers = {"authorization": f"{SCOPE}/s3/aws4_request", "host": "b.s3.amazonaws.com"}
    (need,) = needs_of(method="GET", path="/k/%C3%A4", headers=headers)
    assert need.resource == "arn:aws:s3:::b/k/ä"


def test_a_presigned_request_is_one_like_others() -> None:
    query = f"X-Amz-Credential=AKIDEXAMPLE%2F20261129%2F{REGION}%2Fs3%2Faws4_request"
    (need,) = needs_of(method="GET", path="/b/k", query=query, headers={"host": "127.0.0.1:4566"})
    assert (need.action, need.resource) == ("s3:GetObject", "arn:aws:s3:::b/k")
    assert need.facts["s3:authtype"] == "REST-QUERY-STRING"


@pytest.mark.parametrize("body", [b"{", b"[]", b"\xff", b""])
def test_a_body_that_nobody_can_read_needs_the_action_on_everything(body: bytes) -> None:
    headers = {"authorization": f"{SCOPE}/sagemaker/aws4_request", "x-amz-target": "SageMaker.DeleteModel"}
    (need,) = needs_of(method="POST", path="/", headers=headers, body=body)
    assert (need.action, need.resource) == ("sagemaker:DeleteModel", "*")


def test_a_list_of_keys_that_nobody_can_read_needs_all_keys() -> None:
    headers = {"authorization": f"{SCOPE}/s3/aws4_request"}
    (need,) = needs_of(
        method="POST", path="/b", query="delete=", headers=headers, body=b"<!DOCTYPE x><Delete/>"
    )
    assert (need.action, need.resource) == ("s3:DeleteObject", "arn:aws:s3:::b/*")


def test_a_packed_body_is_unpacked() -> None:
    request = serialize("monitoring", "PutMetricData", {"Namespace": "n", "MetricData": []}, protocol="json")
    body = gzip.compress(asyncio.run(request.body()))
    packed = replace(request, headers=request.headers | {"content-encoding": "gzip"}, _body=body)
    (need,) = asyncio.run(find_needs(ask(packed)))
    assert need.facts["cloudwatch:namespace"] == "n"


def test_an_arn_of_another_kind_does_not_stand_for_a_name() -> None:
    name = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:model/mine"
    (need,) = find("sagemaker", "DescribeEndpoint", {"EndpointName": name})
    assert need.resource == f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:endpoint/{name}"
