"""Events of instances, and those of PutEvents, reach the targets of the rules that they fit."""

import json
import uuid
from typing import Any

import boto3
import pytest
import requests
from moto import mock_aws

from tests.functional.localaws.ec2.conftest import Instances
from tests.namespaces import has_namespaces
from tests.sagemaker_jobs import wait_until

KEYS = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}


class Mailbox:
    """A queue, and a rule that leads to it."""

    def __init__(self, aws: Any, pattern: Any, **target: Any) -> None:
        self.sqs, self.events = aws.client("sqs"), aws.client("events")
        self.name = f"mail-{uuid.uuid4().hex[:8]}"
        self.url = self.sqs.create_queue(QueueName=self.name)["QueueUrl"]
        self.arn = f"arn:aws:sqs:us-east-1:123456789012:{self.name}"
        self.events.put_rule(Name=self.name, EventPattern=json.dumps(pattern))
        self.events.put_targets(Rule=self.name, Targets=[{"Id": "queue", "Arn": self.arn} | target])
        self.seen: list[Any] = []

    def read(self) -> list[Any]:
        """Return all messages so far."""
        found = self.sqs.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10).get("Messages", [])
        for message in found:
            self.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])
            self.seen.append(json.loads(message["Body"]))
        return self.seen


@pytest.fixture
def boxes(fast_localaws: Any) -> Instances:
    """Return instances of a localaws in which time is fast."""
    if not has_namespaces():
        pytest.skip("instances need namespaces")
    return Instances(fast_localaws)


def test_an_instance_tells_of_each_of_its_states(boxes: Any) -> None:
    pattern = {"source": ["aws.ec2"], "detail-type": ["EC2 Instance State-change Notification"]}
    mailbox = Mailbox(boxes.aws, pattern)
    only_ends = Mailbox(boxes.aws, pattern | {"detail": {"state": ["terminated"]}}, InputPath="$.detail")
    instance_id = boxes.run()
    boxes.wait(instance_id, "running")
    boxes.end(instance_id)
    wait_until(lambda: len(of(mailbox.read(), instance_id)) >= 4, timeout_s=30, describe=mailbox.read)
    events = of(mailbox.seen, instance_id)
    states = [event["detail"]["state"] for event in events]
    assert states == ["pending", "running", "shutting-down", "terminated"]
    assert events[0]["resources"] == [f"arn:aws:ec2:us-east-1:123456789012:instance/{instance_id}"]
    assert (events[0]["account"], events[0]["region"]) == ("123456789012", "us-east-1")
    assert events[0]["time"].endswith("Z")
    assert only_ends.read() == [{"instance-id": instance_id, "state": "terminated"}]


def of(events: list[Any], instance_id: str) -> list[Any]:
    """Return the events of one instance, in their order."""
    return [event for event in events if event["detail"]["instance-id"] == instance_id]


def test_a_spot_instance_tells_that_it_is_taken_away(boxes: Any) -> None:
    mailbox = Mailbox(boxes.aws, {"source": ["aws.ec2"], "detail-type": [{"anything-but": STATE}]})
    instance_id = boxes.run(InstanceMarketOptions={"MarketType": "spot"})
    boxes.wait_for_line(instance_id, "Cloud-init finished")
    rule = {"kind": "spot_interruption", "job": instance_id}
    requests.post(f"{boxes.aws.url}/_localaws/faults", json=rule, timeout=60).raise_for_status()
    boxes.wait(instance_id, "terminated")
    wait_until(lambda: len(mailbox.read()) >= 2, timeout_s=30, describe=mailbox.read)
    kinds = [event["detail-type"] for event in of(mailbox.seen, instance_id)]
    assert kinds == ["EC2 Instance Rebalance Recommendation", "EC2 Spot Instance Interruption Warning"]
    assert mailbox.seen[1]["detail"] == {"instance-id": instance_id, "instance-action": "terminate"}


STATE = "EC2 Instance State-change Notification"


def test_rules_that_are_off_and_schedules_get_no_events(boxes: Any) -> None:
    mailbox = Mailbox(boxes.aws, {"source": ["aws.ec2"]})
    mailbox.events.disable_rule(Name=mailbox.name)
    timer = Mailbox(boxes.aws, {"source": ["aws.ec2"]})
    timer.events.put_rule(Name=timer.name, ScheduleExpression="rate(1 day)")
    broken = Mailbox(boxes.aws, {"source": ["aws.ec2"]})
    broken.sqs.delete_queue(QueueUrl=broken.url)
    boxes.end(boxes.run())
    assert (mailbox.read(), timer.read()) == ([], [])


def test_put_events_reaches_topics_and_says_what_a_target_wants_to_hear(localaws: Any) -> None:
    mailbox = Mailbox(localaws, {"source": ["nobody"]})
    sns, events = localaws.client("sns"), localaws.client("events")
    topic = sns.create_topic(Name=mailbox.name)["TopicArn"]
    sns.subscribe(
        TopicArn=topic, Protocol="sqs", Endpoint=mailbox.arn, Attributes={"RawMessageDelivery": "true"}
    )
    events.put_rule(Name=f"{mailbox.name}-b", EventPattern=json.dumps({"source": [mailbox.name]}))
    targets = [{"Id": "topic", "Arn": topic}, {"Id": "same", "Arn": topic, "Input": '"fixed"'}]
    events.put_targets(Rule=f"{mailbox.name}-b", Targets=targets)
    entry = {"Source": mailbox.name, "DetailType": "Hello", "Detail": '{"a": 1}'}
    assert events.put_events(Entries=[entry])["FailedEntryCount"] == 0
    event, fixed = mailbox.read()
    assert (event["detail"], event["account"], fixed) == ({"a": 1}, "123456789012", "fixed")
    events.disable_rule(Name=f"{mailbox.name}-b")
    events.put_events(Entries=[entry])
    assert len(mailbox.read()) == 2


def test_moto_fails_at_topics() -> None:
    with mock_aws():
        events, sns = boto3.client("events", **KEYS), boto3.client("sns", **KEYS)
        topic = sns.create_topic(Name="a")["TopicArn"]
        events.put_rule(Name="a", EventPattern='{"source": ["a"]}')
        events.put_targets(Rule="a", Targets=[{"Id": "a", "Arn": topic}])
        with pytest.raises(NotImplementedError):
            events.put_events(Entries=[{"Source": "a", "DetailType": "a", "Detail": "{}"}])


def test_moto_sends_events_of_rules_that_are_off() -> None:
    with mock_aws():
        events, sqs = boto3.client("events", **KEYS), boto3.client("sqs", **KEYS)
        url = sqs.create_queue(QueueName="a")["QueueUrl"]
        events.put_rule(Name="a", EventPattern='{"source": ["a"]}', State="DISABLED")
        arn = "arn:aws:sqs:us-east-1:123456789012:a"
        events.put_targets(Rule="a", Targets=[{"Id": "a", "Arn": arn}])
        events.put_events(Entries=[{"Source": "a", "DetailType": "a", "Detail": "{}"}])
        assert sqs.receive_message(QueueUrl=url)["Messages"]
