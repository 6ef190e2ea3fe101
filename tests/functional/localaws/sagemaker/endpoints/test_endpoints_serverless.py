"""A serverless variant takes as many requests at a time as MaxConcurrency says."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError


def test_more_requests_than_max_concurrency_are_throttled(endpoint_maker: Any, localaws: Any) -> None:
    made = endpoint_maker("ep-serverless", is_deployed=False)
    serverless = {"MemorySizeInMB": 1024, "MaxConcurrency": 1}
    made.sagemaker.create_endpoint_config(
        EndpointConfigName="ep-serverless-2",
        ProductionVariants=[
            {"VariantName": "AllTraffic", "ModelName": "ep-serverless", "ServerlessConfig": serverless}
        ],
    )
    made.sagemaker.create_endpoint(EndpointName="ep-serverless", EndpointConfigName="ep-serverless-2")
    (variant,) = made.wait("InService")["ProductionVariants"]
    assert variant["CurrentServerlessConfig"] == serverless
    runtime = boto3.client(
        "sagemaker-runtime",
        endpoint_url=localaws.url,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(retries={"total_max_attempts": 1}),
    )

    def invoke(_: int) -> str:
        try:
            runtime.invoke_endpoint(EndpointName="ep-serverless", Body=b"sleep 2")
        except ClientError as error:
            return f"{error.response['Error']['Code']}: {error.response['Error']['Message']}"
        return "answered"

    with ThreadPoolExecutor(4) as executor:
        answers = list(executor.map(invoke, range(4)))
    assert set(answers) == {"answered", "ThrottlingException: Rate exceeded"}
    assert made.invoke_json(b"x")["port"]


def test_an_endpoint_with_instances_does_not_become_serverless(endpoint_maker: Any) -> None:
    made = endpoint_maker("ep-no-serverless")
    made.wait("InService")
    serverless = {"MemorySizeInMB": 1024, "MaxConcurrency": 1}
    made.sagemaker.create_endpoint_config(
        EndpointConfigName="ep-no-serverless-2",
        ProductionVariants=[
            {"VariantName": "AllTraffic", "ModelName": "ep-no-serverless", "ServerlessConfig": serverless}
        ],
    )
    with pytest.raises(ClientError, match="cannot be updated to a serverless one"):
        made.sagemaker.update_endpoint(
            EndpointName="ep-no-serverless", EndpointConfigName="ep-no-serverless-2"
        )
    assert made.describe()["EndpointStatus"] == "InService"
