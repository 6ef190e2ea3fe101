"""What every JSON answer bears, and what is refused instead of answered without work."""

import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError

ROLE = "arn:aws:iam::123456789012:role/any"


@pytest.mark.parametrize(
    ("service", "operation"),
    [("sagemaker", "list_models"), ("logs", "describe_log_groups"), ("lambda", "list_functions")],
)
def test_every_json_answer_has_a_uuid(localaws: Any, service: str, operation: str) -> None:
    answer = getattr(localaws.client(service), operation)()
    sent = answer["ResponseMetadata"]["HTTPHeaders"]["x-amzn-requestid"]
    assert str(uuid.UUID(sent)) == sent


@pytest.mark.parametrize(
    ("service", "operation", "arguments", "reason"),
    [
        (
            "sagemaker",
            "create_cluster",
            {
                "ClusterName": "c",
                "InstanceGroups": [
                    {
                        "InstanceGroupName": "g",
                        "InstanceType": "ml.g5.xlarge",
                        "InstanceCount": 1,
                        "ExecutionRole": ROLE,
                        "LifeCycleConfig": {"SourceS3Uri": "s3://sagemaker-b/k", "OnCreate": "a.sh"},
                    }
                ],
            },
            "no instances would start",
        ),
        (
            "ec2",
            "create_fleet",
            {"LaunchTemplateConfigs": [], "TargetCapacitySpecification": {"TotalTargetCapacity": 1}},
            "made by RunInstances and one-time Spot requests",
        ),
        ("sagemaker", "stop_labeling_job", {"LabelingJobName": "n"}, "StopLabelingJob"),
    ],
)
def test_what_would_be_success_without_work_is_refused(
    localaws: Any, service: str, operation: str, arguments: dict[str, Any], reason: str
) -> None:
    with pytest.raises(ClientError) as caught:
        getattr(localaws.client(service), operation)(**arguments)
    error = caught.value.response["Error"]
    assert error["Message"].startswith("localaws does not implement ")
    assert reason in error["Message"]
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
