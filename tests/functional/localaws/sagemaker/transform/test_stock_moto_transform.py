"""What moto alone does with transform jobs: when one of these fails, moto has learnt it."""

from typing import Any

import boto3
import pytest
from moto import mock_aws

KEYS = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}


class StockMoto:
    """Clients inside `mock_aws`."""

    def client(self, service: str) -> Any:
        """Return a client."""
        return boto3.client(service, **KEYS)


def test_moto_completes_a_job_without_a_model_or_an_answer(transforms_of: Any) -> None:
    with mock_aws():
        stock = transforms_of(StockMoto())
        stock.put({"a.csv": b"one"})
        assert stock.run(ModelName="absent")["TransformJobStatus"] == "Completed"
        assert stock.outputs() == {}


def test_moto_cannot_stop_a_job(transforms_of: Any) -> None:
    with mock_aws():
        stock = transforms_of(StockMoto())
        name = stock.create()
        with pytest.raises(NotImplementedError):
            stock.sagemaker.stop_transform_job(TransformJobName=name)


def test_moto_creates_a_job_twice(transforms_of: Any) -> None:
    with mock_aws():
        stock = transforms_of(StockMoto())
        request = stock.request()
        first = stock.sagemaker.create_transform_job(**request)["TransformJobArn"]
        assert stock.sagemaker.create_transform_job(**request)["TransformJobArn"] == first


def test_moto_cuts_a_page_before_it_filters(transforms_of: Any) -> None:
    with mock_aws():
        stock = transforms_of(StockMoto())
        stock.create()
        last = stock.create()
        listed = stock.sagemaker.list_transform_jobs(NameContains=last, MaxResults=1)
    with pytest.raises(AssertionError):
        assert [item["TransformJobName"] for item in listed["TransformJobSummaries"]] == [last]
