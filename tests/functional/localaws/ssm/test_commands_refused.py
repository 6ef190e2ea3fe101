"""Commands that cannot be are refused by AWS's codes, before anything runs."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

UNKNOWN = "i-0123456789abcdef0"


def refuse(call: Any, **request: Any) -> tuple[str, str]:
    """Return code and message of a call's error."""
    with pytest.raises(ClientError) as caught:
        call(**request)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        ({"DocumentName": "AWS-NoSuchThing"}, "InvalidDocument", "AWS-NoSuchThing does not exist"),
        ({"DocumentName": "AWS-RunPowerShellScript"}, "InvalidDocument", "AWS-RunShellScript, and not"),
        ({"DocumentName": "AWS-FindWindowsUpdates"}, "UnsupportedPlatformType", "Linux"),
        ({"DocumentVersion": "77"}, "InvalidDocumentVersion", "77"),
        ({"Parameters": {}}, "InvalidParameters", "commands"),
        ({"Parameters": {"commands": ["a"], "colour": ["red"]}}, "InvalidParameters", "colour"),
        ({"Parameters": {"commands": ["a"], "executionTimeout": ["0"]}}, "InvalidParameters", "172800"),
        ({"Parameters": {"commands": ["a"], "executionTimeout": ["172801"]}}, "InvalidParameters", "172801"),
        ({"InstanceIds": [UNKNOWN]}, "InvalidInstanceId", f"[[{UNKNOWN}]] not in a valid state for account"),
        ({"InstanceIds": [UNKNOWN, UNKNOWN]}, "DuplicateInstanceId", ""),
        ({"InstanceIds": []}, "ValidationException", "InstanceIds or Targets"),
        ({"OutputS3BucketName": "no-such-bucket"}, "InvalidOutputFolder", "no-such-bucket"),
        ({"NotificationConfig": {"NotificationArn": "a"}}, "InvalidNotificationConfig", "no notifications"),
        ({"ServiceRoleArn": "a"}, "ValidationException", "does not heed ServiceRoleArn"),
    ],
)
def test_a_command_that_cannot_be_is_refused(localaws: Any, change: Any, code: str, words: str) -> None:
    request = {
        "DocumentName": "AWS-RunShellScript",
        "InstanceIds": [UNKNOWN],
        "Parameters": {"commands": ["true"]},
    }
    found = refuse(localaws.client("ssm").send_command, **request | change)
    assert found[0] == code
    assert words in found[1]


def test_commands_that_there_are_not_are_not_found(localaws: Any) -> None:
    ssm, nothing = localaws.client("ssm"), "00000000-0000-0000-0000-000000000000"
    where = {"CommandId": nothing, "InstanceId": UNKNOWN}
    assert refuse(ssm.get_command_invocation, **where)[0] == "InvocationDoesNotExist"
    assert refuse(ssm.cancel_command, CommandId=nothing)[0] == "InvalidCommandId"
    assert ssm.list_commands(CommandId=nothing)["Commands"] == []
    assert ssm.list_command_invocations(CommandId=nothing)["CommandInvocations"] == []
    assert refuse(ssm.list_commands, NextToken="x")[0] == "InvalidNextToken"


def test_an_instance_whose_role_may_not_register_is_not_managed(commands: Any) -> None:
    boxes = commands.boxes
    boxes.iam.create_role(RoleName=f"{boxes.name}-bare", AssumeRolePolicyDocument=TRUST)
    boxes.iam.create_instance_profile(InstanceProfileName=f"{boxes.name}-bare")
    boxes.iam.add_role_to_instance_profile(
        InstanceProfileName=f"{boxes.name}-bare", RoleName=f"{boxes.name}-bare"
    )
    instance_id = boxes.run(IamInstanceProfile={"Name": f"{boxes.name}-bare"})
    boxes.wait_for_line(instance_id, "Cloud-init finished")
    assert commands.find_ping(instance_id) == ""
    with pytest.raises(ClientError, match="InvalidInstanceId"):
        commands.send("true", InstanceIds=[instance_id])
    boxes.iam.put_role_policy(RoleName=f"{boxes.name}-bare", PolicyName="ssm", PolicyDocument=ALLOWED)
    commands.wait_for_ping(instance_id, "Online")
    boxes.end(instance_id)


def test_lists_have_filters_and_pages(commands: Any) -> None:
    sent = [commands.send("true", Comment=f"number {number}") for number in range(3)]
    for each in sent:
        commands.wait(each)
    listed = commands.ssm.get_paginator("list_commands").paginate(
        InstanceId=commands.instance_id, PaginationConfig={"PageSize": 1}
    )
    ids = [command["CommandId"] for page in listed for command in page["Commands"]]
    assert ids[:3] == sent[::-1]
    request = {"CommandId": sent[0], "Filters": [{"key": "Status", "value": "Failed"}]}
    assert commands.ssm.list_command_invocations(**request)["CommandInvocations"] == []
    later = {"CommandId": sent[0], "Filters": [{"key": "InvokedBefore", "value": "2001-01-01T00:00:00Z"}]}
    assert commands.ssm.list_commands(**later)["Commands"] == []
    wrong = {"CommandId": sent[0], "Filters": [{"key": "InvokedAfter", "value": "soon"}]}
    assert refuse(commands.ssm.list_commands, **wrong)[0] == "InvalidFilterKey"
    plugin = {"CommandId": sent[0], "InstanceId": commands.instance_id, "PluginName": "aws:other"}
    assert refuse(commands.ssm.get_command_invocation, **plugin)[0] == "InvalidPluginName"
    by_role = [{"key": "IamRole", "valueSet": [commands.boxes.name]}]
    found = commands.ssm.describe_instance_information(InstanceInformationFilterList=by_role)
    unknown = {"Filters": [{"Key": "Colour", "Values": ["red"]}]}
    assert refuse(commands.ssm.describe_instance_information, **unknown)[0] == "InvalidFilterKey"
    row = found["InstanceInformationList"][0]
    assert (row["InstanceId"], row["PlatformType"]) == (commands.instance_id, "Linux")


TRUST = (
    '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow",'
    ' "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}]}'
)
ALLOWED = (
    '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow",'
    ' "Action": "ssm:UpdateInstanceInformation", "Resource": "*"}]}'
)
