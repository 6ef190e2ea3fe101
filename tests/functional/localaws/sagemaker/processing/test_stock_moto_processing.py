"""What moto alone does with processing jobs: when one of these fails, moto has learnt it."""

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


def test_moto_completes_a_job_whose_script_would_fail(processing_of: Any) -> None:
    with mock_aws():
        stock = processing_of(StockMoto())
        ended = stock.describe(stock.create("raise SystemExit(1)", Environment={"A": "1"}))
    assert ended["ProcessingJobStatus"] == "Completed"
    assert "ProcessingResources" not in ended
    assert "Environment" not in ended


def test_moto_stops_a_job_that_has_ended(processing_of: Any) -> None:
    with mock_aws():
        stock = processing_of(StockMoto())
        name = stock.create()
        stock.sagemaker.stop_processing_job(ProcessingJobName=name)
        assert stock.describe(name)["ProcessingJobStatus"] == "Stopped"


def test_moto_creates_a_job_twice(processing_of: Any) -> None:
    with mock_aws():
        stock = processing_of(StockMoto())
        request = stock.request()
        first = stock.sagemaker.create_processing_job(**request)["ProcessingJobArn"]
        assert stock.sagemaker.create_processing_job(**request)["ProcessingJobArn"] == first


def test_moto_cuts_a_page_before_it_filters(processing_of: Any) -> None:
    with mock_aws():
        stock = processing_of(StockMoto())
        stock.create()
        last = stock.create()
        listed = stock.sagemaker.list_processing_jobs(NameContains=last, MaxResults=1)
    with pytest.raises(AssertionError):
        assert [item["ProcessingJobName"] for item in listed["ProcessingJobSummaries"]] == [last]


def test_moto_cannot_delete_a_job(processing_of: Any) -> None:
    with mock_aws():
        stock = processing_of(StockMoto())
        with pytest.raises(NotImplementedError):
            stock.sagemaker.delete_processing_job(ProcessingJobName=stock.create())
