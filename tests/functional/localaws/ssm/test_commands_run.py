"""Commands of Systems Manager really run in instances."""

import re
from typing import Any

import pytest
from botocore.exceptions import ClientError, WaiterError

from tests.functional.localaws.ssm.conftest import tagged
from tests.sagemaker_jobs import wait_until

STATUSES = ["Status", "StatusDetails", "ResponseCode"]


def read_end(invocation: dict[str, Any]) -> list[Any]:
    return [invocation[name] for name in STATUSES]


def test_a_command_runs_in_its_instance(commands: Any) -> None:
    command_id = commands.send("echo hello; pwd; touch /opt/mark", "echo oops >&2")
    commands.ssm.get_waiter("command_executed").wait(
        CommandId=command_id, InstanceId=commands.instance_id, WaiterConfig={"Delay": 1}
    )
    found = commands.find(command_id)
    assert read_end(found) == ["Success", "Success", 0]
    assert found["StandardOutputContent"] == "hello\n/usr/bin\n"
    assert found["StandardErrorContent"] == "oops\n"
    assert found["PluginName"] == "aws:runShellScript"
    assert re.fullmatch(r"PT[0-9.]+S", found["ExecutionElapsedTime"])
    assert found["ExecutionStartDateTime"] <= found["ExecutionEndDateTime"]
    assert commands.run("ls /opt /localaws; whoami")["StandardOutputContent"].startswith("/opt:\nmark\n")


def test_a_command_acts_as_the_role_of_its_instance(commands: Any) -> None:
    program = "import boto3; print(boto3.client('sts').get_caller_identity()['Arn'])"
    found = commands.run(f'python3 -c "{program}"')
    assert f":assumed-role/{commands.boxes.name}/{commands.instance_id}" in found["StandardOutputContent"]


def test_a_command_has_the_folder_that_it_asks_for(commands: Any) -> None:
    found = commands.run("pwd", parameters={"workingDirectory": ["/var/log"]})
    assert found["StandardOutputContent"] == "/var/log\n"
    missing = commands.run("pwd", parameters={"workingDirectory": ["/nowhere"]})
    assert read_end(missing) == ["Failed", "Failed", 1]
    assert "/nowhere" in missing["StandardErrorContent"]


def test_a_script_may_name_its_interpreter(commands: Any) -> None:
    found = commands.run("#!/usr/bin/env python3", "print(6 * 7)")
    assert found["StandardOutputContent"] == "42\n"


def test_a_command_that_fails_says_how(commands: Any) -> None:
    command_id = commands.send("echo wrong >&2; exit 3")
    with pytest.raises(WaiterError, match="Failed"):
        commands.ssm.get_waiter("command_executed").wait(
            CommandId=command_id, InstanceId=commands.instance_id, WaiterConfig={"Delay": 1}
        )
    found = commands.find(command_id)
    assert read_end(found) == ["Failed", "Failed", 3]
    assert found["StandardErrorContent"] == "wrong\nfailed to run commands: exit status 3"
    (command,) = commands.ssm.list_commands(CommandId=command_id)["Commands"]
    counts = [command[name] for name in ("Status", "TargetCount", "CompletedCount", "ErrorCount")]
    assert counts == ["Failed", 1, 1, 1]


def test_long_outputs_are_cut(commands: Any) -> None:
    command_id = commands.send("yes | head -c 30000; yes n | head -c 30000 >&2")
    found = commands.wait(command_id)
    assert len(found["StandardOutputContent"]) == 24_000
    assert found["StandardOutputContent"].endswith("\n---Output truncated---")
    assert len(found["StandardErrorContent"]) == 8_000
    listed = commands.ssm.list_command_invocations(CommandId=command_id, Details=True)
    (plugin,) = listed["CommandInvocations"][0]["CommandPlugins"]
    assert len(plugin["Output"]) == 2_500
    assert plugin["Status"] == "Success"


def test_a_command_that_takes_too_long_is_killed_with_what_it_started(commands: Any) -> None:
    found = commands.run("setsid sleep 3333 & sleep 3333", parameters={"executionTimeout": ["30"]})
    assert read_end(found) == ["TimedOut", "ExecutionTimedOut", 137]
    assert count(commands, "sleep 3333") == 0


def test_a_cancelled_command_dies(commands: Any) -> None:
    command_id = commands.send("sleep 4444")
    commands.wait(command_id, ["InProgress"])
    wait_until(lambda: count(commands, "sleep 4444") > 0, timeout_s=60, describe=lambda: "no sleep")
    commands.ssm.cancel_command(CommandId=command_id, InstanceIds=[commands.instance_id])
    assert read_end(commands.wait(command_id)) == ["Cancelled", "Cancelled", 137]
    assert count(commands, "sleep 4444") == 0
    (command,) = commands.ssm.list_commands(CommandId=command_id)["Commands"]
    assert command["Status"] == "Cancelled"
    commands.ssm.cancel_command(CommandId=command_id)
    assert commands.find(command_id)["Status"] == "Cancelled"


def count(commands: Any, words: str) -> int:
    """Return how many processes of the instance have this command line."""
    script = "cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' ' | grep -o \"$WORDS\" | wc -l"
    return int(commands.run(f"WORDS='{words[:-1]}[{words[-1]}]'; {script}")["StandardOutputContent"])


def test_outputs_go_to_s3_and_to_logs(commands: Any) -> None:
    name, group = commands.boxes.name, f"/aws/ssm/{commands.boxes.name}"
    command_id = commands.send(
        "echo one; echo two",
        OutputS3BucketName=name,
        OutputS3KeyPrefix="outputs",
        CloudWatchOutputConfig={"CloudWatchOutputEnabled": True, "CloudWatchLogGroupName": group},
    )
    found = commands.wait(command_id)
    key = f"outputs/{command_id}/{commands.instance_id}/awsrunShellScript/0.awsrunShellScript/stdout"
    assert commands.boxes.read(key) == "one\ntwo\n"
    assert found["StandardOutputUrl"] == f"https://s3.us-east-1.amazonaws.com/{name}/{key}"
    stream = f"{command_id}/{commands.instance_id}/aws-runShellScript/stdout"
    logs = commands.boxes.aws.client("logs")
    events = logs.get_log_events(logGroupName=group, logStreamName=stream, startFromHead=True)["events"]
    assert [event["message"] for event in events] == ["one", "two"]
    assert found["CloudWatchOutputConfig"]["CloudWatchLogGroupName"] == group


def test_targets_are_found_by_their_tags(commands: Any) -> None:
    boxes = commands.boxes
    command_id = commands.send("hostname", Targets=[{"Key": "tag:Name", "Values": [boxes.name]}])
    assert commands.wait(command_id)["Status"] == "Success"
    nobody = commands.send("true", Targets=[{"Key": "tag:Name", "Values": ["nobody"]}])
    (command,) = commands.ssm.list_commands(CommandId=nobody)["Commands"]
    assert (command["StatusDetails"], command["TargetCount"]) == ("NoInstancesInTag", 0)


def test_no_other_instance_begins_after_too_many_errors(commands: Any) -> None:
    boxes = commands.boxes
    others = [boxes.run(TagSpecifications=tagged(Role="worker")) for _ in range(2)]
    for each in others:
        commands.wait_for_ping(each, "Online")
    command_id = commands.send(
        "exit 1", Targets=[{"Key": "tag:Role", "Values": ["worker"]}], MaxConcurrency="1", MaxErrors="0"
    )
    details = sorted(commands.wait(command_id, instance_id=each)["StatusDetails"] for each in others)
    assert details == ["Failed", "Terminated"]
    boxes.end(*others)


def test_a_command_is_gone_with_its_instance_and_times_out(commands: Any) -> None:
    boxes = commands.boxes
    instance_id = boxes.run()
    commands.wait_for_ping(instance_id, "Online")
    command_id = commands.send(
        "sleep 600", InstanceIds=[instance_id], parameters={"executionTimeout": ["90"]}
    )
    commands.wait(command_id, ["InProgress"], instance_id=instance_id)
    boxes.ec2.stop_instances(InstanceIds=[instance_id])
    boxes.wait(instance_id, "stopped")
    assert commands.find_ping(instance_id) == "ConnectionLost"
    assert read_end(commands.wait(command_id, instance_id=instance_id)) == [
        "TimedOut",
        "ExecutionTimedOut",
        -1,
    ]
    with pytest.raises(ClientError, match="not in a valid state"):
        commands.send("true", InstanceIds=[instance_id])
    boxes.end(instance_id)
    assert commands.find_ping(instance_id) == ""


def test_a_command_that_finds_no_agent_is_not_delivered(commands: Any) -> None:
    boxes = commands.boxes
    instance_id = boxes.run()
    commands.wait_for_ping(instance_id, "Online")
    busy = [commands.send("sleep 600", InstanceIds=[instance_id]) for _ in range(5)]
    for each in busy:
        commands.wait(each, ["InProgress"], instance_id=instance_id)
    sixth = commands.send("true", InstanceIds=[instance_id], TimeoutSeconds=30)
    assert read_end(commands.wait(sixth, instance_id=instance_id)) == ["TimedOut", "DeliveryTimedOut", -1]
    (command,) = commands.ssm.list_commands(CommandId=sixth)["Commands"]
    assert command["DeliveryTimedOutCount"] == 1
    for each in busy:
        commands.ssm.cancel_command(CommandId=each)
    boxes.end(instance_id)


def test_a_reboot_brings_the_agent_back(commands: Any) -> None:
    boxes = commands.boxes
    instance_id = boxes.run()
    commands.wait_for_ping(instance_id, "Online")
    boxes.ec2.reboot_instances(InstanceIds=[instance_id])
    commands.wait_for_ping(instance_id, "Online")
    command_id = commands.send("echo back", InstanceIds=[instance_id])
    assert commands.wait(command_id, instance_id=instance_id)["StandardOutputContent"] == "back\n"
    boxes.end(instance_id)
