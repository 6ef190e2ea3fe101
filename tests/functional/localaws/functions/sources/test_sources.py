"""Event source mappings, by every form of a function's name."""

import uuid
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

CODE = "def handler(event, context):\n    return 1\n"
ARN = "arn:aws:lambda:us-east-1:123456789012:function"


@pytest.fixture(scope="module")
def name(functions: Any) -> str:
    """A function."""
    return str(functions.create(CODE))


@pytest.fixture
def queue(functions: Any) -> str:
    """The ARN of a queue."""
    sqs = functions.server.client("sqs")
    url = sqs.create_queue(QueueName=uuid.uuid4().hex)["QueueUrl"]
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]
    return str(attributes["QueueArn"])


@pytest.mark.parametrize("form", ["{name}", "123456789012:function:{name}", f"{ARN}:{{name}}"])
def test_a_mapping_is_found_by_every_form_of_its_function_s_name(
    functions: Any, name: str, queue: str, form: str
) -> None:
    lam, named = functions.lam, form.format(name=name)
    made = lam.create_event_source_mapping(FunctionName=named, EventSourceArn=queue)
    assert (made["ResponseMetadata"]["HTTPStatusCode"], made["FunctionArn"]) == (202, f"{ARN}:{name}")
    for other in (name, named):
        listed = lam.list_event_source_mappings(FunctionName=other, EventSourceArn=queue)
        assert [mapping["UUID"] for mapping in listed["EventSourceMappings"]] == [made["UUID"]]
    assert (
        lam.update_event_source_mapping(UUID=made["UUID"], FunctionName=named, BatchSize=3)["BatchSize"] == 3
    )
    assert lam.delete_event_source_mapping(UUID=made["UUID"])["State"] == "Deleting"
    for call in (lam.get_event_source_mapping, lam.delete_event_source_mapping):
        with pytest.raises(ClientError, match="The resource you requested does not exist") as error:
            call(UUID=made["UUID"])
        assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 404


def test_a_mapping_needs_a_function_of_this_region(functions: Any, name: str, queue: str) -> None:
    with pytest.raises(ClientError, match="Function does not exist") as error:
        functions.lam.create_event_source_mapping(FunctionName="no-such", EventSourceArn=queue)
    assert error.value.response["Error"]["Code"] == "InvalidParameterValueException"
    with pytest.raises(ClientError, match="are not reachable in this region"):
        functions.lam.create_event_source_mapping(
            FunctionName=f"arn:aws:lambda:eu-west-1:123456789012:function:{name}", EventSourceArn=queue
        )


def test_a_queue_calls_nobody_after_its_mapping_is_deleted(functions: Any, name: str, queue: str) -> None:
    sqs = functions.server.client("sqs")
    url = sqs.get_queue_url(QueueName=queue.rpartition(":")[2])["QueueUrl"]
    made = functions.lam.create_event_source_mapping(FunctionName=name, EventSourceArn=queue)
    sqs.send_message(QueueUrl=url, MessageBody="taken")
    assert "Messages" not in sqs.receive_message(QueueUrl=url)
    functions.lam.delete_event_source_mapping(UUID=made["UUID"])
    sqs.send_message(QueueUrl=url, MessageBody="left")
    assert sqs.receive_message(QueueUrl=url)["Messages"][0]["Body"] == "left"


def test_a_source_has_one_mapping_to_a_function(functions: Any, name: str, queue: str) -> None:
    lam = functions.lam
    made = lam.create_event_source_mapping(FunctionName=name, EventSourceArn=queue)
    with pytest.raises(ClientError, match=f"the existing mapping with UUID {made['UUID']}") as error:
        lam.create_event_source_mapping(FunctionName=f"{ARN}:{name}", EventSourceArn=queue)
    assert error.value.response["Error"]["Code"] == "ResourceConflictException"
    lam.delete_event_source_mapping(UUID=made["UUID"])
    lam.create_event_source_mapping(FunctionName=name, EventSourceArn=queue)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"FunctionResponseTypes": ["ReportBatchItemFailures"]}, "does not implement FunctionResponseTypes"),
        ({"FilterCriteria": {"Filters": [{"Pattern": "{}"}]}}, "localaws does not implement FilterCriteria"),
        ({"BatchSize": 10_001}, "at 'batchSize' failed to satisfy constraint"),
    ],
)
def test_an_update_is_refused_as_a_creation_is(
    functions: Any, name: str, queue: str, options: dict[str, Any], message: str
) -> None:
    made = functions.lam.create_event_source_mapping(FunctionName=name, EventSourceArn=queue)
    with pytest.raises(ClientError, match=message):
        functions.lam.update_event_source_mapping(UUID=made["UUID"], **options)
    kept = functions.lam.get_event_source_mapping(UUID=made["UUID"])
    assert (kept["BatchSize"], "FilterCriteria" in kept) == (10, False)


def test_stock_moto_makes_two_mappings_of_one_source_and_filters_nothing() -> None:
    with mock_aws():
        region = {"region_name": "us-east-1"}
        trust = '{"Statement": [{"Principal": {"Service": "lambda.amazonaws.com"}}]}'
        role = boto3.client("iam", **region).create_role(RoleName="r", AssumeRolePolicyDocument=trust)["Role"]
        boto3.client("sqs", **region).create_queue(QueueName="q")
        lam = boto3.client("lambda", **region)
        options = {"Runtime": "python3.11", "Role": role["Arn"], "Handler": "a.b"}
        lam.create_function(FunctionName="f", Code={"ZipFile": b""}, **options)
        source = "arn:aws:sqs:us-east-1:123456789012:q"
        filters = {"FilterCriteria": {"Filters": [{"Pattern": "{}"}]}}
        made = [
            lam.create_event_source_mapping(FunctionName="f", EventSourceArn=source, **filters)
            for _ in range(2)
        ]
    assert made[0]["UUID"] != made[1]["UUID"]
