"""EC2 instances that are jobs, and what they leave in S3, in memory."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from musher import clock
from tests.unit.musher.operators.fakes import refuse

END = {"status": "Completed", "reason": "", "seconds": {"train": 30.0, "total": 45.0}, "model_sha256": "ab"}


class FakeEc2:
    """Instances; a new one walks through `script`, one state for each look at it."""

    def __init__(self) -> None:
        self.instances: dict[str, dict[str, Any]] = {}
        self.requests: list[dict[str, Any]] = []
        self.terminated: list[str] = []
        self.script = ["pending", "running", "terminated"]
        self.reason = "Client.InstanceInitiatedShutdown"
        self.ends: list[dict[str, Any] | None] = [dict(END)]
        """What the jobs to come say at their end; the last holds for all that follow."""
        self.ended: dict[str, dict[str, Any]] = {}
        self.meta = SimpleNamespace(endpoint_url="http://127.0.0.1:4566", region_name="us-east-1")
        self.hidden_looks = 0
        """So many looks by Name do not see a new instance yet."""
        self.forgotten: set[str] = set()
        self.tokens: dict[str, dict[str, Any]] = {}
        """Token -> its first request: EC2 knows it for longer than the instance."""
        self.on_run: Callable[[], None] = lambda: None

    def run_instances(self, **request: Any) -> dict[str, Any]:
        name = request["ClientToken"]
        if self.tokens.setdefault(name, request) != request:
            raise refuse("IdempotentParameterMismatch", "RunInstances")
        made = next((found for found in self.instances.values() if found["token"] == name), None)
        if made is not None and made["states"] != ["terminated"]:
            return {"Instances": [self.show(made)]}
        if made is not None or name in self.forgotten:
            raise refuse("IdempotentInstanceTerminated", "RunInstances")
        self.requests.append(request)
        instance_id = f"i-{len(self.instances) + 1}"
        [tags] = [
            found["Tags"] for found in request["TagSpecifications"] if found["ResourceType"] == "instance"
        ]
        self.instances[instance_id] = {
            "token": name,
            "request": request,
            "InstanceId": instance_id,
            "InstanceType": request["InstanceType"],
            "LaunchTime": datetime.fromtimestamp(clock.now(), UTC),
            "states": list(self.script),
            "Tags": tags,
            "StateReason": {"Code": self.reason, "Message": self.reason},
        }
        said = self.ends.pop(0) if len(self.ends) > 1 else self.ends[0]
        if said is not None:
            self.instances[instance_id]["says"] = said
        self.on_run()
        return {"Instances": [self.show(self.instances[instance_id])]}

    def show(self, instance: dict[str, Any]) -> dict[str, Any]:
        """Return an instance in the state that it has now."""
        states = instance["states"]
        state = states.pop(0) if len(states) > 1 else states[0]
        if state == "terminated" and "says" in instance:
            self.ended[instance["token"]] = instance["says"]
        return {**instance, "State": {"Name": state}}

    def describe_instances(self, **asked: Any) -> dict[str, Any]:
        if ids := asked.get("InstanceIds"):
            if ids[0] not in self.instances:
                raise refuse("InvalidInstanceID.NotFound", "DescribeInstances")
            return {"Reservations": [{"Instances": [self.show(self.instances[ids[0]])]}]}
        wanted = {found["Name"]: found["Values"] for found in asked["Filters"]}
        if "tag:Name" in wanted and self.instances and self.hidden_looks:
            self.hidden_looks -= 1
            return {"Reservations": []}
        found = [one for one in self.instances.values() if self._matches(one, wanted)]
        return {"Reservations": [{"Instances": [self.show(one)]} for one in found]}

    def _matches(self, instance: dict[str, Any], wanted: dict[str, list[str]]) -> bool:
        tags = {f"tag:{tag['Key']}": tag["Value"] for tag in instance["Tags"]}
        known = {**tags, "instance-state-name": instance["states"][0]}
        return all(known.get(name) in values for name, values in wanted.items())

    def get_paginator(self, operation: str) -> Any:
        return SimpleNamespace(paginate=lambda **asked: [getattr(self, operation)(**asked)])

    def terminate_instances(self, *, InstanceIds: list[str]) -> None:  # noqa: N803
        for instance_id in InstanceIds:
            if instance_id not in self.instances:
                raise refuse("InvalidInstanceID.NotFound", "TerminateInstances")
            self.terminated.append(instance_id)
            instance = self.instances[instance_id]
            instance.pop("says", None)
            instance["states"] = ["terminated"]
            instance["StateReason"] = {"Code": "Client.UserInitiatedShutdown", "Message": "asked for"}

    def create_tags(self, *, Resources: list[str], Tags: list[dict[str, str]]) -> None:  # noqa: N803
        for instance_id in Resources:
            instance = self.instances[instance_id]
            instance["Tags"] = [*instance["Tags"], *Tags]

    def get_console_output(self, *, InstanceId: str) -> dict[str, Any]:  # noqa: N803
        return {"Output": f"the console of {InstanceId}\n"}

    def forget(self) -> None:
        """Forget all instances, as EC2 does an hour after their end; their tokens are known for a day."""
        self.forgotten |= {instance["token"] for instance in self.instances.values()}
        self.instances.clear()


class FakeBucket:
    """S3 as a hook and its client: the last words of jobs, and their models."""

    ec2: FakeEc2
    has_models = True

    def __init__(self, **_: Any) -> None: ...

    def check_for_key(self, key: str, bucket: str) -> bool:
        name, kind = key.split("/")[2], key.rsplit("/", 1)[-1]
        return self.has_models if kind == "model.tar.gz" else name in self.ec2.ended

    def get_conn(self) -> "FakeBucket":
        return self

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803
        body = json.dumps(self.ec2.ended[Key.split("/")[2]]).encode()
        return {"Body": SimpleNamespace(read=lambda: body)}
