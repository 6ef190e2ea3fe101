"""ListModels: what is asked for, in the order that is asked for, page by page."""

import datetime
from typing import Any

import pytest

NAMES = ("listed-model-b", "listed-model-a", "listed-model-c")


@pytest.fixture(scope="module")
def sagemaker(localaws: Any) -> Any:
    """A client, with three models."""
    client = localaws.client("sagemaker")
    container = {"Image": "123456789012.dkr.ecr.us-east-1.amazonaws.com/image:1"}
    for name in NAMES:
        client.create_model(
            ModelName=name,
            ExecutionRoleArn="arn:aws:iam::123456789012:role/models",
            PrimaryContainer=container,
        )
    return client


def names(answer: dict[str, Any]) -> list[str]:
    """Return the names in an answer, without their common beginning."""
    return [item["ModelName"].removeprefix("listed-model-") for item in answer["Models"]]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, ["c", "a", "b"]),
        ({"SortOrder": "Ascending"}, ["b", "a", "c"]),
        ({"SortBy": "Name"}, ["c", "b", "a"]),
        ({"SortBy": "Name", "SortOrder": "Ascending"}, ["a", "b", "c"]),
        ({"NameContains": "LISTED-model-A"}, ["a"]),
        ({"NameContains": "listed-model-none"}, []),
        ({"CreationTimeAfter": datetime.datetime(2100, 1, 1, tzinfo=datetime.UTC)}, []),
        ({"CreationTimeBefore": datetime.datetime(2000, 1, 1, tzinfo=datetime.UTC)}, []),
    ],
)
def test_models_are_filtered_and_sorted(sagemaker: Any, query: dict[str, Any], expected: list[str]) -> None:
    assert names(sagemaker.list_models(**{"NameContains": "listed-model-"} | query)) == expected


def test_models_come_in_pages(sagemaker: Any) -> None:
    pages = list(sagemaker.get_paginator("list_models").paginate(NameContains="listed-model-", MaxResults=2))
    assert [names(page) for page in pages] == [["c", "a"], ["b"]]
    assert set(pages[0]["Models"][0]) == {"ModelName", "ModelArn", "CreationTime"}
