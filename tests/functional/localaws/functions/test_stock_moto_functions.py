"""What stock moto does instead: when one of these fails, moto has learnt it and our override can go."""

import gc
import json
import uuid
from collections.abc import Callable, Generator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from moto.server import ThreadedMotoServer

TRUST = {
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
    ]
}


pytestmark = pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnraisableExceptionWarning"  # moto leaves a pipe open when it looks for Docker
)


@pytest.fixture(scope="module")
def moto_url() -> Generator[str, None, None]:
    """Yield the address of moto's own server, without Docker."""
    monkeypatch = pytest.MonkeyPatch()
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:9")  # nothing listens there
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()
    monkeypatch.undo()


def client(service: str, url: str) -> Any:
    """Return a client that tries once."""
    config = Config(retries={"total_max_attempts": 1}, read_timeout=20)
    return boto3.client(
        service,
        region_name="us-east-1",
        endpoint_url=url,
        aws_access_key_id="a",
        aws_secret_access_key="b",
        config=config,
    )


@pytest.fixture
def stock(moto_url: str) -> Any:
    """A Lambda client of stock moto."""
    return client("lambda", moto_url)


CODE = "def handler(event, context):\n    return 1\n"


@pytest.fixture
def create(stock: Any, moto_url: str, make_zip: Callable[[dict[str, str]], bytes]) -> Callable[..., Any]:
    """Return a function that creates a function, with a role that only EC2 may assume."""
    document, iam = json.dumps(TRUST), client("iam", moto_url)

    def create_function(**options: Any) -> Any:
        role = iam.create_role(RoleName=uuid.uuid4().hex, AssumeRolePolicyDocument=document)["Role"]["Arn"]
        settings = {"FunctionName": uuid.uuid4().hex, "Runtime": "python3.11", "Handler": "app.handler"}
        settings |= {"Role": role, "Code": {"ZipFile": make_zip({"app.py": CODE})}}
        return stock.create_function(**(settings | options))

    return create_function


def test_stock_moto_cannot_invoke_without_docker(stock: Any, create: Any) -> None:
    name = create()["FunctionName"]
    with pytest.raises(AssertionError):
        assert_answers_one(stock, name)
    gc.collect()  # so that moto's open pipe is complained about here, where that is ignored


def assert_answers_one(stock: Any, name: str) -> None:
    """Invoke and check the answer."""
    try:
        answer = stock.invoke(FunctionName=name, LogType="Tail")
    except ClientError as error:
        raise AssertionError(str(error)) from error
    assert "FunctionError" not in answer
    assert json.load(answer["Payload"]) == 1
    assert "REPORT RequestId" in answer["LogResult"]


def test_stock_moto_takes_a_role_that_lambda_may_not_assume(create: Any) -> None:
    with pytest.raises(pytest.fail.Exception), pytest.raises(ClientError, match="cannot be assumed"):
        create()


def test_stock_moto_has_no_pending_state(create: Any) -> None:
    with pytest.raises(AssertionError):
        assert create()["State"] == "Pending"


@pytest.mark.parametrize(
    "options",
    [
        {"Code": {"ZipFile": b"not a zip"}},
        {"Timeout": 901},
        {"MemorySize": 20_000},
        {"FunctionName": "a" * 65},
        {"Environment": {"Variables": {"AWS_REGION": "x"}}},
    ],
    ids=["zip", "timeout", "memory", "name", "variables"],
)
def test_stock_moto_takes_what_aws_refuses(create: Any, options: dict[str, Any]) -> None:
    with pytest.raises(pytest.fail.Exception), pytest.raises(ClientError):
        create(**options)


def test_stock_moto_takes_a_key_that_is_not_there(moto_url: str, create: Any) -> None:
    bucket = uuid.uuid4().hex
    client("s3", moto_url).create_bucket(Bucket=bucket)
    with pytest.raises(pytest.fail.Exception), pytest.raises(ClientError, match="NoSuchKey"):
        create(Code={"S3Bucket": bucket, "S3Key": "none.zip"})


def test_stock_moto_publishes_an_unchanged_version_again(stock: Any, create: Any) -> None:
    name = create()["FunctionName"]
    stock.update_function_configuration(FunctionName=name, Description="changed")
    first = stock.publish_version(FunctionName=name)["Version"]
    with pytest.raises(AssertionError):
        assert stock.publish_version(FunctionName=name)["Version"] == first


def test_stock_moto_reserves_the_last_hundred(stock: Any, create: Any) -> None:
    name = create()["FunctionName"]
    with pytest.raises(pytest.fail.Exception), pytest.raises(ClientError):
        stock.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=1000)


def test_stock_moto_lists_no_versions_of_a_function_that_is_not_there(stock: Any) -> None:
    with pytest.raises(pytest.fail.Exception), pytest.raises(ClientError):
        stock.list_versions_by_function(FunctionName="no-such-function")
