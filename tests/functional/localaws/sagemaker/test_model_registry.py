"""Model packages and their groups can be deleted."""

import uuid
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

SPECIFICATION = {
    "Containers": [{"Image": "image"}],
    "SupportedContentTypes": ["application/json"],
    "SupportedResponseMIMETypes": ["application/json"],
}


@pytest.fixture
def group(localaws: Any) -> tuple[Any, str]:
    """Return a client and the name of a group."""
    client, name = localaws.client("sagemaker"), f"group-{uuid.uuid4().hex[:8]}"
    client.create_model_package_group(ModelPackageGroupName=name)
    return client, name


def add_package(client: Any, group: str) -> str:
    """Add a version to a group; return its ARN."""
    made = client.create_model_package(ModelPackageGroupName=group, InferenceSpecification=SPECIFICATION)
    return str(made["ModelPackageArn"])


def test_a_deleted_package_is_gone_and_its_version_is_not_given_again(group: tuple[Any, str]) -> None:
    client, name = group
    first, second = add_package(client, name), add_package(client, name)
    client.delete_model_package(ModelPackageName=first)
    with pytest.raises(ClientError, match="not found"):
        client.describe_model_package(ModelPackageName=first)
    assert add_package(client, name).endswith("/3")
    assert client.describe_model_package(ModelPackageName=second)["ModelPackageVersion"] == 2


def test_a_group_is_deleted_when_it_is_empty(group: tuple[Any, str]) -> None:
    client, name = group
    package = add_package(client, name)
    with pytest.raises(ClientError) as caught:
        client.delete_model_package_group(ModelPackageGroupName=name)
    assert caught.value.response["Error"]["Code"] == "ConflictException"
    client.delete_model_package(ModelPackageName=package)
    client.delete_model_package_group(ModelPackageGroupName=name)
    with pytest.raises(ClientError, match="does not exist"):
        client.describe_model_package_group(ModelPackageGroupName=name)


def test_stock_moto_deletes_no_package() -> None:
    with mock_aws():
        client = boto3.client("sagemaker", region_name="us-east-1")
        with pytest.raises(NotImplementedError):
            client.delete_model_package(ModelPackageName="any")
