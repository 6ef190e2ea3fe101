"""What moto alone does with notebook instances: when one of these fails, moto has learnt it."""

from collections.abc import Generator
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


@pytest.fixture
def stock(notebooks_of: Any) -> Generator[Any, None, None]:
    """Yield notebook instances of moto's."""
    with mock_aws():
        yield notebooks_of(StockMoto())


def test_moto_has_an_instance_in_service_at_once_whatever_its_scripts(stock: Any) -> None:
    name = stock.create(LifecycleConfigName=stock.configure(on_start="#!/bin/sh\nexit 1\n"))
    assert stock.describe(name)["NotebookInstanceStatus"] == "InService"
    stock.create(LifecycleConfigName="none", RoleArn="arn:aws:iam::123456789012:role/none")


def test_moto_forgets_what_is_younger_than_itself(stock: Any) -> None:
    name = stock.create(PlatformIdentifier="notebook-al1-v1", IpAddressType="dualstack")
    assert not {"PlatformIdentifier", "IpAddressType"} & set(stock.describe(name))


def test_moto_refuses_types_that_aws_has(stock: Any) -> None:
    with pytest.raises(stock.sagemaker.exceptions.ClientError, match=r"ml\.g5\.xlarge"):
        stock.create(InstanceType="ml.g5.xlarge")


def test_moto_stops_and_starts_in_any_state(stock: Any) -> None:
    name = stock.create()
    stock.sagemaker.start_notebook_instance(NotebookInstanceName=name)
    stock.sagemaker.stop_notebook_instance(NotebookInstanceName=name)
    stock.sagemaker.stop_notebook_instance(NotebookInstanceName=name)
    assert stock.describe(name)["NotebookInstanceStatus"] == "Stopped"


def test_moto_filters_by_no_lifecycle_configuration(stock: Any) -> None:
    name = stock.create()
    assert stock.names(NotebookInstanceLifecycleConfigNameContains="other") == [name]


def test_moto_keeps_two_tags_of_one_key(stock: Any) -> None:
    arn = stock.describe(stock.create())["NotebookInstanceArn"]
    for value in ("1", "2"):
        stock.sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": "a", "Value": value}])
    assert len(stock.sagemaker.list_tags(ResourceArn=arn)["Tags"]) == 2


def test_moto_takes_scripts_that_are_no_base64(stock: Any) -> None:
    name, scripts = "any", [{"Content": "no base64!"}]
    create = stock.sagemaker.create_notebook_instance_lifecycle_config
    create(NotebookInstanceLifecycleConfigName=name, OnStart=scripts)
    describe = stock.sagemaker.describe_notebook_instance_lifecycle_config
    assert describe(NotebookInstanceLifecycleConfigName=name)["OnStart"] == scripts


@pytest.mark.parametrize(
    ("operation", "arguments"),
    [
        ("update_notebook_instance", {"NotebookInstanceName": "n"}),
        ("create_presigned_notebook_instance_url", {"NotebookInstanceName": "n"}),
        ("update_notebook_instance_lifecycle_config", {"NotebookInstanceLifecycleConfigName": "n"}),
        ("list_notebook_instance_lifecycle_configs", {}),
    ],
)
def test_moto_lacks_an_action(stock: Any, operation: str, arguments: dict[str, Any]) -> None:
    with pytest.raises(NotImplementedError):
        getattr(stock.sagemaker, operation)(**arguments)
