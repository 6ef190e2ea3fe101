"""Instances that Systems Manager manages, and commands in them."""

from collections.abc import Generator, Sequence
from typing import Any

import pytest

from tests.functional.localaws.ec2.conftest import Instances
from tests.namespaces import has_namespaces
from tests.sagemaker_jobs import wait_until

MANAGED = "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"
ENDS = ("Success", "Failed", "TimedOut", "Cancelled")
WAIT_S = 60.0


class Commands:
    """Send commands to one instance, and wait for them."""

    def __init__(self, boxes: Instances) -> None:
        self.boxes = boxes
        self.ssm = boxes.aws.client("ssm")
        boxes.iam.attach_role_policy(RoleName=boxes.name, PolicyArn=MANAGED)
        self.instance_id = boxes.run(TagSpecifications=tagged(Name=boxes.name))
        self.wait_for_ping(self.instance_id, "Online")

    def find_ping(self, instance_id: str) -> str:
        """Return the ping status of an instance; empty where it is not managed."""
        filters = [{"Key": "InstanceIds", "Values": [instance_id]}]
        found = self.ssm.describe_instance_information(Filters=filters)["InstanceInformationList"]
        return str(found[0]["PingStatus"]) if found else ""

    def wait_for_ping(self, instance_id: str, ping: str) -> None:
        """Wait until an instance has this ping status."""
        wait_until(
            lambda: self.find_ping(instance_id) == ping,
            timeout_s=WAIT_S,
            describe=lambda: (self.find_ping(instance_id), self.boxes.console(instance_id)),
        )

    def send(self, *lines: str, parameters: Any = None, **more: Any) -> str:
        """Send a command to the instance, or to `Targets`; return its id."""
        where = {} if "Targets" in more else {"InstanceIds": [self.instance_id]}
        answer = self.ssm.send_command(
            DocumentName="AWS-RunShellScript",
            Parameters={"commands": list(lines)} | (parameters or {}),
            **where | more,
        )
        return str(answer["Command"]["CommandId"])

    def find(self, command_id: str, instance_id: str = "") -> dict[str, Any]:
        """Return an invocation."""
        where = instance_id or self.instance_id
        return dict(self.ssm.get_command_invocation(CommandId=command_id, InstanceId=where))

    def wait(self, command_id: str, statuses: Sequence[str] = ENDS, instance_id: str = "") -> dict[str, Any]:
        """Wait until an invocation has one of these statuses; return it."""
        wait_until(
            lambda: self.find(command_id, instance_id)["Status"] in statuses,
            timeout_s=WAIT_S,
            describe=lambda: self.find(command_id, instance_id),
        )
        return self.find(command_id, instance_id)

    def run(self, *lines: str, **more: Any) -> dict[str, Any]:
        """Send a command, and wait for its end; return the invocation."""
        return self.wait(self.send(*lines, **more))


def tagged(**tags: str) -> list[dict[str, Any]]:
    """Return TagSpecifications of instances."""
    return [{"ResourceType": "instance", "Tags": [{"Key": key, "Value": tags[key]} for key in tags]}]


@pytest.fixture(scope="module")
def commands(fast_localaws: Any) -> Generator[Commands, None, None]:
    """Yield commands in an instance of a localaws in which time is fast."""
    if not has_namespaces():
        pytest.skip("instances need namespaces")
    found = Commands(Instances(fast_localaws))
    yield found
    found.boxes.end(found.instance_id)
