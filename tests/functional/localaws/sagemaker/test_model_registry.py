"""Model packages: versions, approval, lists, and what can be deleted."""

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


def judge(client: Any, group: str) -> dict[str, Any]:
    """Give a version properties, then a verdict, then a property more; return its description."""
    arn = client.create_model_package(
        ModelPackageGroupName=group,
        InferenceSpecification=SPECIFICATION,
        CustomerMetadataProperties={"data-hash": "d1", "job": "j"},
    )["ModelPackageArn"]
    client.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Rejected", ApprovalDescription="no")
    client.update_model_package(
        ModelPackageArn=arn,
        CustomerMetadataProperties={"by": "me"},
        CustomerMetadataPropertiesToRemove=["job"],
    )
    found: dict[str, Any] = client.describe_model_package(ModelPackageName=arn)
    return found


def test_an_update_leaves_what_it_does_not_name(group: tuple[Any, str]) -> None:
    found = judge(*group)
    assert (found["ModelApprovalStatus"], found["ApprovalDescription"]) == ("Rejected", "no")
    assert found["CustomerMetadataProperties"] == {"data-hash": "d1", "by": "me"}


def test_stock_moto_forgets_what_an_update_does_not_name() -> None:
    with mock_aws():
        client = boto3.client("sagemaker", region_name="us-east-1")
        client.create_model_package_group(ModelPackageGroupName="g")
        found = judge(client, "g")
        assert "ModelApprovalStatus" not in found
        assert found["CustomerMetadataProperties"] == {"by": "me"}


def versions(client: Any, **request: Any) -> list[int]:
    """Return the versions that a list shows."""
    found = client.list_model_packages(**request)["ModelPackageSummaryList"]
    return [item["ModelPackageVersion"] for item in found]


def test_versions_count_from_1_and_wait_for_approval_only_where_they_say_so(group: tuple[Any, str]) -> None:
    client, name = group
    waiting = client.create_model_package(
        ModelPackageGroupName=name,
        InferenceSpecification=SPECIFICATION,
        ModelApprovalStatus="PendingManualApproval",
    )["ModelPackageArn"]
    assert waiting.endswith(f":model-package/{name}/1")
    found = client.describe_model_package(ModelPackageName=waiting)
    assert (found["ModelPackageVersion"], found["ModelApprovalStatus"]) == (1, "PendingManualApproval")
    assert found["ModelPackageStatus"] == "Completed"


@pytest.mark.parametrize("status", ["Approved", "Rejected"])
def test_a_version_is_approved_or_rejected_and_found_by_that(group: tuple[Any, str], status: str) -> None:
    client, name = group
    first, _ = add_package(client, name), add_package(client, name)
    client.update_model_package(ModelPackageArn=first, ModelApprovalStatus=status, ApprovalDescription="why")
    found = client.describe_model_package(ModelPackageName=first)
    assert (found["ModelApprovalStatus"], found["ApprovalDescription"]) == (status, "why")
    assert versions(client, ModelPackageGroupName=name, ModelApprovalStatus=status) == [1]


def test_versions_of_a_group_are_listed_by_their_creation(group: tuple[Any, str]) -> None:
    client, name = group
    for _ in range(3):
        add_package(client, name)
    assert versions(client, ModelPackageGroupName=name, SortOrder="Ascending") == [1, 2, 3]
    assert versions(client, ModelPackageGroupName=name, SortOrder="Descending") == [3, 2, 1]
    pages = client.get_paginator("list_model_packages").paginate(
        ModelPackageGroupName=name, SortOrder="Ascending", PaginationConfig={"PageSize": 2}
    )
    counts = [len(page["ModelPackageSummaryList"]) for page in pages]
    assert counts == [2, 1]
