"""The List actions of SageMaker: filters, order and pages as a client sees them, and stock moto beside."""

import json
import uuid
from collections.abc import Generator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from tests.sagemaker_role import ensure_role

REGION = "eu-north-1"
"""No other test makes anything here, so that a list shows what this one made."""
KEYS = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": REGION}
NAMES = ["Breeds-b", "breeds-a", "cats", "dogs-of-breeds"]
HOUR = timedelta(hours=1)


@dataclass(frozen=True, kw_only=True)
class Listing:
    """One List action."""

    action: str
    answer: str
    name: str
    order: str
    """The order where a request names none."""
    has_changes: bool = False
    """Whether it filters by the time of the last change."""


LISTINGS = [
    Listing(action="list_models", answer="Models", name="ModelName", order="Descending"),
    Listing(
        action="list_endpoint_configs",
        answer="EndpointConfigs",
        name="EndpointConfigName",
        order="Descending",
    ),
    Listing(
        action="list_endpoints",
        answer="Endpoints",
        name="EndpointName",
        order="Descending",
        has_changes=True,
    ),
    Listing(
        action="list_training_jobs",
        answer="TrainingJobSummaries",
        name="TrainingJobName",
        order="Ascending",
        has_changes=True,
    ),
    Listing(
        action="list_processing_jobs",
        answer="ProcessingJobSummaries",
        name="ProcessingJobName",
        order="Ascending",
        has_changes=True,
    ),
    Listing(
        action="list_transform_jobs",
        answer="TransformJobSummaries",
        name="TransformJobName",
        order="Descending",
        has_changes=True,
    ),
]
"""Each with AWS's default order; the default of SortBy is CreationTime."""


def fill(sagemaker: Any, *, role: str, bucket: str) -> None:
    """Make one resource of each kind and name; the jobs fail at once, and the endpoints never serve."""
    place = {"S3OutputPath": f"s3://{bucket}/out"}
    cluster = {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 5}
    for name in NAMES:
        sagemaker.create_model(ModelName=name, ExecutionRoleArn=role, PrimaryContainer={"Image": "image:1"})
        variant = {"VariantName": "v", "ModelName": name, "InitialInstanceCount": 1}
        sagemaker.create_endpoint_config(
            EndpointConfigName=name, ProductionVariants=[variant | {"InstanceType": "ml.m5.large"}]
        )
        sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
        sagemaker.create_training_job(
            TrainingJobName=name,
            RoleArn=role,
            AlgorithmSpecification={"TrainingImage": "image:1", "TrainingInputMode": "File"},
            OutputDataConfig=place,
            ResourceConfig=cluster,
            StoppingCondition={"MaxRuntimeInSeconds": 60},
        )
        sagemaker.create_processing_job(
            ProcessingJobName=name,
            RoleArn=role,
            AppSpecification={"ImageUri": "image:1"},
            ProcessingResources={"ClusterConfig": cluster},
        )
        source = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://{bucket}/in"}}
        sagemaker.create_transform_job(
            TransformJobName=name,
            ModelName=name,
            TransformInput={"DataSource": source},
            TransformOutput=place,
            TransformResources={"InstanceType": "ml.m5.large", "InstanceCount": 1},
        )


@pytest.fixture(scope="module")
def sagemaker(localaws: Any) -> Generator[Any, None, None]:
    """Yield a client of a region with four resources of each kind."""
    s3, iam, client = (
        boto3.client(service, endpoint_url=localaws.url, **KEYS) for service in ("s3", "iam", "sagemaker")
    )
    bucket = f"lists-{uuid.uuid4().hex[:12]}"
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    fill(client, role=ensure_role(iam, "list-tests"), bucket=bucket)
    yield client
    for kind in ("model", "endpoint_config"):
        for name in NAMES:
            getattr(client, f"delete_{kind}")(**{f"{kind.title().replace('_', '')}Name": name})


def names(client: Any, listing: Listing, **request: Any) -> list[str]:
    """Return the names that a request lists."""
    answer = getattr(client, listing.action)(**request)
    return [item[listing.name] for item in answer[listing.answer]]


each_listing = pytest.mark.parametrize("listing", LISTINGS, ids=lambda listing: listing.action)


@each_listing
def test_the_order_is_that_of_creation_unless_another_is_asked_for(sagemaker: Any, listing: Listing) -> None:
    in_order = NAMES if listing.order == "Ascending" else NAMES[::-1]
    assert names(sagemaker, listing) == in_order
    assert names(sagemaker, listing, SortOrder="Ascending") == NAMES
    assert names(sagemaker, listing, SortOrder="Descending") == NAMES[::-1]
    assert names(sagemaker, listing, SortBy="Name", SortOrder="Ascending") == sorted(NAMES)
    assert names(sagemaker, listing, SortBy="Name", SortOrder="Descending") == sorted(NAMES)[::-1]


@each_listing
def test_a_name_is_found_by_a_part_of_it_in_any_case(sagemaker: Any, listing: Listing) -> None:
    assert set(names(sagemaker, listing, NameContains="BREEDS")) == set(NAMES) - {"cats"}
    assert names(sagemaker, listing, NameContains="horses") == []


@each_listing
def test_pages_together_are_the_whole_list(sagemaker: Any, listing: Listing) -> None:
    pages = sagemaker.get_paginator(listing.action).paginate(
        SortBy="Name", SortOrder="Ascending", PaginationConfig={"PageSize": 3}
    )
    found = [[item[listing.name] for item in page[listing.answer]] for page in pages]
    assert found == [sorted(NAMES)[:3], sorted(NAMES)[3:]]


@each_listing
def test_pages_are_cut_of_what_the_filter_leaves(sagemaker: Any, listing: Listing) -> None:
    answer = getattr(sagemaker, listing.action)(NameContains="cats", MaxResults=1)
    assert [item[listing.name] for item in answer[listing.answer]] == ["cats"]
    assert "NextToken" not in answer


@each_listing
def test_times_bound_a_list(sagemaker: Any, listing: Listing) -> None:
    now = datetime.now(UTC)
    fields = ["CreationTime", *(["LastModifiedTime"] if listing.has_changes else [])]
    for field in fields:
        assert len(names(sagemaker, listing, **{f"{field}After": now - HOUR})) == len(NAMES), field
        assert names(sagemaker, listing, **{f"{field}After": now + HOUR}) == [], field
        assert len(names(sagemaker, listing, **{f"{field}Before": now + HOUR})) == len(NAMES), field
        assert names(sagemaker, listing, **{f"{field}Before": now - HOUR}) == [], field


@each_listing
def test_a_token_that_no_list_gave_is_refused(sagemaker: Any, listing: Listing) -> None:
    with pytest.raises(ClientError, match="Invalid pagination token: of-yesterday") as caught:
        names(sagemaker, listing, NextToken="of-yesterday")
    assert caught.value.response["Error"]["Code"] == "ValidationException"


def test_no_training_job_has_a_warm_pool_or_a_training_plan(sagemaker: Any) -> None:
    plan = f"arn:aws:sagemaker:{REGION}:123456789012:training-plan/p"
    for wanted in ({"WarmPoolStatusEquals": "Available"}, {"TrainingPlanArnEquals": plan}):
        assert sagemaker.list_training_jobs(**wanted)["TrainingJobSummaries"] == []


@mock_aws
def test_stock_moto_lists_every_model_whatever_is_asked() -> None:
    iam, client = (boto3.client(service, **KEYS) for service in ("iam", "sagemaker"))
    role = iam.create_role(RoleName="r", AssumeRolePolicyDocument=json.dumps({}))["Role"]["Arn"]
    for name in NAMES:
        client.create_model(ModelName=name, ExecutionRoleArn=role, PrimaryContainer={"Image": "image:1"})
    assert names(client, LISTINGS[0], NameContains="cats", MaxResults=1) == NAMES
