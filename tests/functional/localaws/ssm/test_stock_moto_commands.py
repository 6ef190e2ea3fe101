"""What moto alone does with commands: when one of these fails, moto has learnt it."""

import boto3
import pytest
from moto import mock_aws

KEYS = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}
REQUEST = {"DocumentName": "AWS-NoSuchThing", "InstanceIds": ["i-0123456789abcdef0"]}


def test_moto_says_that_a_command_of_no_document_in_no_instance_succeeded() -> None:
    with mock_aws():
        ssm = boto3.client("ssm", **KEYS)
        command_id = ssm.send_command(**REQUEST)["Command"]["CommandId"]
        found = ssm.get_command_invocation(CommandId=command_id, InstanceId="i-0123456789abcdef0")
    assert (found["Status"], found["StandardOutputContent"]) == ("Success", "")


@pytest.mark.parametrize(
    "action", ["cancel_command", "list_command_invocations", "describe_instance_information"]
)
def test_moto_lacks_these_actions(action: str) -> None:
    with mock_aws():
        ssm = boto3.client("ssm", **KEYS)
        needed = {"CommandId": "0" * 36} if action == "cancel_command" else {}
        with pytest.raises(NotImplementedError):
            getattr(ssm, action)(**needed)


def test_moto_filters_no_commands() -> None:
    with mock_aws():
        ssm = boto3.client("ssm", **KEYS)
        ssm.send_command(**REQUEST)
        found = ssm.list_commands(Filters=[{"key": "Status", "value": "Failed"}])["Commands"]
    assert [each["Status"] for each in found] == ["Success"]
