"""What Terraform and the console ask of scalable targets."""

from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

TARGET = {
    "ServiceNamespace": "sagemaker",
    "ResourceId": "endpoint/tagged/variant/AllTraffic",
    "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
}


def test_tags_of_a_target_are_kept_and_changed(localaws: Any) -> None:
    client = localaws.client("application-autoscaling")
    made = client.register_scalable_target(**TARGET, MinCapacity=1, MaxCapacity=2, Tags={"project": "dogs"})
    arn = made["ScalableTargetARN"]
    client.tag_resource(ResourceARN=arn, Tags={"run": "1"})
    assert client.list_tags_for_resource(ResourceARN=arn)["Tags"] == {"project": "dogs", "run": "1"}
    client.untag_resource(ResourceARN=arn, TagKeys=["project"])
    assert client.list_tags_for_resource(ResourceARN=arn)["Tags"] == {"run": "1"}
    with pytest.raises(ClientError) as caught:
        client.list_tags_for_resource(ResourceARN=f"{arn}-other")
    assert caught.value.response["Error"]["Code"] == "ResourceNotFoundException"


def test_nothing_has_scaled(localaws: Any) -> None:
    client = localaws.client("application-autoscaling")
    assert client.describe_scaling_activities(ServiceNamespace="sagemaker")["ScalingActivities"] == []


def test_stock_moto_knows_no_tags_of_targets() -> None:
    with mock_aws():
        client = boto3.client("application-autoscaling", region_name="us-east-1")
        with pytest.raises(NotImplementedError):
            client.list_tags_for_resource(ResourceARN="any")
