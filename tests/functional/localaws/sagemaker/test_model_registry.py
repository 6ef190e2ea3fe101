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
    with pytest.raises(ClientError, match=f"ModelPackage {first} does not exist"):
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


def test_a_client_token_makes_one_version(group: tuple[Any, str]) -> None:
    """botocore gives one to each call, and repeats it with the call whose answer was lost."""
    client, name = group
    arns = {make_with_token(client, name, token="once") for _ in range(2)}
    assert arns == {add_package(client, name).replace("/2", "/1")}


def make_with_token(client: Any, group: str, *, token: str) -> str:
    """Ask for a version under a token; return its ARN."""
    made = client.create_model_package(
        ModelPackageGroupName=group, InferenceSpecification=SPECIFICATION, ClientToken=token
    )
    return str(made["ModelPackageArn"])


def test_stock_moto_makes_a_version_for_each_call() -> None:
    with mock_aws():
        client = boto3.client("sagemaker", region_name="us-east-1")
        client.create_model_package_group(ModelPackageGroupName="group")
        assert len({make_with_token(client, "group", token="once") for _ in range(2)}) == 2


def test_stock_moto_deletes_no_package() -> None:
    with mock_aws():
        client = boto3.client("sagemaker", region_name="us-east-1")
        with pytest.raises(NotImplementedError):
            client.delete_model_package(ModelPackageName="any")


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


def test_an_update_keeps_what_it_does_not_name(group: tuple[Any, str]) -> None:
    client, name = group
    package = client.create_model_package(
        ModelPackageGroupName=name,
        InferenceSpecification=SPECIFICATION,
        CustomerMetadataProperties={"run": "1", "data": "a"},
    )["ModelPackageArn"]
    client.update_model_package(
        ModelPackageArn=package, ModelApprovalStatus="Approved", ApprovalDescription="why"
    )
    change = {"CustomerMetadataProperties": {"run": "2"}, "CustomerMetadataPropertiesToRemove": ["data"]}
    client.update_model_package(ModelPackageArn=package, **change)
    found = client.describe_model_package(ModelPackageName=package)
    assert (found["ModelApprovalStatus"], found["ApprovalDescription"]) == ("Approved", "why")
    assert found["CustomerMetadataProperties"] == {"run": "2"}


def test_a_group_of_the_same_name_is_refused_and_the_first_kept(group: tuple[Any, str]) -> None:
    client, name = group
    add_package(client, name)
    with pytest.raises(ClientError, match=f"Model Package Group already exists: arn:.*/{name}") as caught:
        client.create_model_package_group(ModelPackageGroupName=name)
    assert caught.value.response["Error"]["Code"] == "ValidationException"
    with pytest.raises(ClientError, match=r"ModelPackageGroup arn:.*/no-such-group does not exist"):
        client.create_model_package(
            ModelPackageGroupName="no-such-group", InferenceSpecification=SPECIFICATION
        )


def test_stock_moto_forgets_what_an_update_does_not_name() -> None:
    with mock_aws():
        client = boto3.client("sagemaker", region_name="us-east-1")
        for _ in range(2):
            client.create_model_package_group(ModelPackageGroupName="twice")
        package = client.create_model_package(
            ModelPackageGroupName="twice",
            InferenceSpecification=SPECIFICATION,
            CustomerMetadataProperties={"run": "1"},
        )["ModelPackageArn"]
        client.update_model_package(ModelPackageArn=package, ModelApprovalStatus="Approved")
        found = client.describe_model_package(ModelPackageName=package)
        assert "CustomerMetadataProperties" not in found
