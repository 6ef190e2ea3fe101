"""UpdateEndpoint by degrees: processes, traffic, alarms, and the way back."""

import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from botocore.exceptions import ClientError

WAIT_S = 120.0
SENDERS = 3


class Load:
    """Clients that send requests for as long as they are asked to; every answer is kept."""

    def __init__(self, endpoint: Any) -> None:
        self._endpoint = endpoint
        self._over = threading.Event()
        self.answers: Counter[str] = Counter()
        self.failures: list[str] = []

    def send(self) -> None:
        """Send one request after the other; some take a third of a second."""
        runtime = self._endpoint.aws.client("sagemaker-runtime")
        number = 0
        while not self._over.is_set():
            number += 1
            body = b"sleep 0.3" if number % 5 == 0 else b"x"
            try:
                answer = runtime.invoke_endpoint(EndpointName=self._endpoint.name, Body=body)
                self.answers[json.load(answer["Body"])["greeting"]] += 1
            except ClientError as error:
                self.failures.append(str(error))

    @contextmanager
    def running(self) -> Iterator[None]:
        """Send while the block runs."""
        threads = [threading.Thread(target=self.send) for _ in range(SENDERS)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._over.set()
            for thread in threads:
                thread.join()


def watch(endpoint: Any) -> dict[str, Any]:
    """Wait for the end of an update; return DescribeEndpoint's last answer."""
    deadline = time.monotonic() + WAIT_S
    while (found := endpoint.describe())["EndpointStatus"] in ("Updating", "RollingBack"):
        assert time.monotonic() < deadline, found
        if "PendingDeploymentSummary" in found:
            assert found["EndpointStatus"] == "Updating"
        time.sleep(0.05)
    assert "PendingDeploymentSummary" not in found
    return dict(found)


class Events:
    """What EventBridge tells of an endpoint's deployments, in a queue: no state is missed."""

    def __init__(self, endpoint: Any) -> None:
        self._sqs, events = endpoint.aws.client("sqs"), endpoint.aws.client("events")
        self._url = self._sqs.create_queue(QueueName=f"{endpoint.name}-changes")["QueueUrl"]
        asked = self._sqs.get_queue_attributes(QueueUrl=self._url, AttributeNames=["QueueArn"])
        pattern = {"source": ["aws.sagemaker"], "detail": {"EndpointName": [endpoint.name]}}
        events.put_rule(Name=endpoint.name, EventPattern=json.dumps(pattern))
        target = {"Id": "queue", "Arn": asked["Attributes"]["QueueArn"]}
        events.put_targets(Rule=endpoint.name, Targets=[target])

    def read(self) -> list[str]:
        """Return the statuses until the update ends; while it goes on, its variant's messages."""
        told: list[str] = []
        deadline = time.monotonic() + WAIT_S
        while not told or told[-1] != "IN_SERVICE":
            assert time.monotonic() < deadline, told
            received = self._sqs.receive_message(QueueUrl=self._url).get("Messages", [])
            told += [message_of(json.loads(message["Body"])["detail"]) for message in received]
        return told


def message_of(detail: dict[str, Any]) -> str:
    """Return the message of an event's only variant, or the endpoint's status where nothing is pending."""
    pending = detail.get("PendingDeploymentSummary")
    if pending is None:
        return str(detail["EndpointStatus"])
    return str(pending["ProductionVariants"][0]["VariantStatus"][0]["StatusMessage"])


def size(value: int) -> dict[str, Any]:
    return {"Type": "INSTANCE_COUNT", "Value": value}


def percent(value: int) -> dict[str, Any]:
    return {"Type": "CAPACITY_PERCENT", "Value": value}


def canary(
    *, wait_s: int, termination_s: int = 0, canary_size: dict[str, Any] | None = None
) -> dict[str, Any]:
    return {
        "BlueGreenUpdatePolicy": {
            "TrafficRoutingConfiguration": {
                "Type": "CANARY",
                "WaitIntervalInSeconds": wait_s,
                "CanarySize": canary_size or size(1),
            },
            "TerminationWaitInSeconds": termination_s,
        }
    }


def rolling(*, wait_s: int) -> dict[str, Any]:
    return {"RollingUpdatePolicy": {"MaximumBatchSize": size(1), "WaitIntervalInSeconds": wait_s}}


def update(endpoint: Any, config: str, deployment: dict[str, Any], **members: Any) -> None:
    endpoint.sagemaker.update_endpoint(
        EndpointName=endpoint.name,
        EndpointConfigName=config,
        **({"DeploymentConfig": deployment} if deployment else {}),
        **members,
    )


CANARY_MESSAGES = [
    "Launching 2 instance(s).",
    "Activating traffic on canary capacity of 1 instance(s).",
    "Baking for 1 seconds (WaitIntervalInSeconds) with traffic enabled on canary capacity of 1 instance(s).",
    "Activating traffic on full capacity of 2 instance(s).",
    "Baking for 1 seconds (TerminationWaitInSeconds) with traffic enabled on full capacity of 2 instance(s).",
    "Terminating 2 instance(s).",
    "IN_SERVICE",
]
ROLLING_MESSAGES = [
    "Launching 1 instance(s).",
    "Activating traffic on canary capacity of 1 instance(s).",
    "Baking for 1 seconds (WaitIntervalInSeconds) with traffic enabled on canary capacity of 1 instance(s).",
    "Terminating 1 instance(s).",
    "Launching 1 instance(s).",
    "Activating traffic on full capacity of 2 instance(s).",
    "Baking for 1 seconds (WaitIntervalInSeconds) with traffic enabled on full capacity of 2 instance(s).",
    "Terminating 1 instance(s).",
    "IN_SERVICE",
]
AT_ONCE_MESSAGES = [
    "Launching 2 instance(s).",
    "Activating traffic on full capacity of 2 instance(s).",
    "Terminating 2 instance(s).",
    "IN_SERVICE",
]


@pytest.mark.parametrize(
    ("name", "deployment", "messages"),
    [
        ("ep-canary", canary(wait_s=1, termination_s=1), CANARY_MESSAGES),
        pytest.param("ep-rolling", rolling(wait_s=1), ROLLING_MESSAGES, marks=pytest.mark.slow),
        pytest.param("ep-at-once", {}, AT_ONCE_MESSAGES, marks=pytest.mark.slow),
    ],
)
def test_no_request_fails_during_an_update_under_load(
    endpoint_maker: Any, name: str, deployment: dict[str, Any], messages: list[str]
) -> None:
    made = endpoint_maker(name, variants=[("AllTraffic", 1.0, 2)], environment={"GREETING": "old"})
    made.wait("InService")
    config = made.another_config(f"{name}-2", environment={"GREETING": "new"})
    load, events = Load(made), Events(made)
    with load.running():
        update(made, config, deployment)
        found = watch(made)
    assert load.failures == []
    assert set(load.answers) == {"old", "new"}
    assert (found["EndpointStatus"], found["EndpointConfigName"]) == ("InService", config)
    assert found.get("LastDeploymentConfig", {}) == deployment
    assert events.read() == messages
    assert found["ProductionVariants"][0]["CurrentInstanceCount"] == 2
    assert made.invoke_json(b"x")["greeting"] == "new"


def watch_errors(endpoint: Any, name: str) -> dict[str, Any]:
    """Make an alarm on answers of 500; return the part of the DeploymentConfig that heeds it."""
    endpoint.aws.client("cloudwatch").put_metric_alarm(
        AlarmName=name,
        Namespace="AWS/SageMaker",
        MetricName="Invocation5XXErrors",
        Dimensions=[
            {"Name": "EndpointName", "Value": endpoint.name},
            {"Name": "VariantName", "Value": "AllTraffic"},
        ],
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=0.0,
        ComparisonOperator="GreaterThanThreshold",
        TreatMissingData="notBreaching",
    )
    return {"AutoRollbackConfiguration": {"Alarms": [{"AlarmName": name}]}}


def test_a_canary_that_answers_500_is_taken_back_by_its_alarm(fast_endpoint_maker: Any) -> None:
    """It bakes for an hour of AWS, and is gone long before; only the canary's share fails."""
    name = "ep-bad-canary"
    made = fast_endpoint_maker(name, environment={"GREETING": "old"})
    made.wait("InService")
    config = made.another_config(f"{name}-2", environment={"ANSWER_STATUS": "500"})
    deployment = canary(wait_s=3600, canary_size=percent(20)) | watch_errors(made, name)
    load, events = Load(made), Events(made)
    with load.running():
        update(made, config, deployment)
        found = watch(made)
    assert (found["EndpointStatus"], found["EndpointConfigName"]) == ("InService", name)
    assert "FailureReason" not in found
    assert found["LastDeploymentConfig"] == deployment
    assert events.read() == [
        "Launching 1 instance(s).",
        "Activating traffic on canary capacity of 1 instance(s).",
        "Baking for 3600 seconds (WaitIntervalInSeconds) with traffic enabled on canary capacity of 1 "
        "instance(s).",
        "ROLLING_BACK",
        "IN_SERVICE",
    ]
    assert 0 < len(load.failures) < 0.4 * (len(load.failures) + load.answers["old"])
    assert set(load.answers) == {"old"}
    assert all("Received server error (500)" in failure for failure in load.failures)
    assert [made.invoke_json(b"x")["greeting"] for _ in range(20)] == ["old"] * 20
    found = made.aws.client("cloudwatch").describe_alarm_history(
        AlarmName=name, HistoryItemType="StateUpdate"
    )
    assert "to ALARM" in json.dumps(found["AlarmHistoryItems"], default=str)


def test_a_new_fleet_that_does_not_start_takes_the_update_back(endpoint_maker: Any) -> None:
    made = endpoint_maker("ep-no-start")
    made.wait("InService")
    events = Events(made)
    config = made.another_config("ep-no-start-2", environment={"START_EXIT": "no weights"})
    process = made.process()
    update(made, config, {"BlueGreenUpdatePolicy": bluegreen_at_once()})
    found = watch(made)
    assert events.read() == ["Launching 1 instance(s).", "ROLLING_BACK", "IN_SERVICE"]
    assert (found["EndpointStatus"], found["EndpointConfigName"]) == ("InService", "ep-no-start")
    assert "no weights" in found["FailureReason"]
    assert made.process() == process


def bluegreen_at_once() -> dict[str, Any]:
    return {"TrafficRoutingConfiguration": {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 0}}


def test_what_is_refused_changes_nothing(endpoint_maker: Any) -> None:
    """Contradictions, limits, unknown alarms, other variants, and an update while one goes on."""
    made = endpoint_maker("ep-refused")
    made.wait("InService")
    config = made.another_config("ep-refused-2", environment={"GREETING": "new", "START_S": "1"})
    variant = made.config_request["ProductionVariants"][0]
    made.sagemaker.create_endpoint_config(
        EndpointConfigName="ep-refused-3", ProductionVariants=[variant | {"VariantName": "other"}]
    )
    alarm = {"AutoRollbackConfiguration": {"Alarms": [{"AlarmName": "nobody-made-it"}]}}
    at_once = {"BlueGreenUpdatePolicy": bluegreen_at_once()}
    for name, deployment, message in (
        (config, alarm, r"the alarm\(s\) nobody-made-it do not exist"),
        (config, canary(wait_s=0), r"CanarySize must be at most 50% of the 1 instance\(s\)"),
        (config, canary(wait_s=3601), "WaitIntervalInSeconds|waitIntervalInSeconds"),
        (config, canary(wait_s=0) | rolling(wait_s=0), "only one of BlueGreenUpdatePolicy"),
        ("ep-refused-3", at_once, "same variant names as the old one: AllTraffic"),
        ("ep-refused-9", at_once, "Could not find endpoint configuration"),
    ):
        with pytest.raises(ClientError, match=message) as caught:
            update(made, name, deployment)
        assert caught.value.response["Error"]["Code"] == "ValidationException"
        found = made.describe()
        assert (found["EndpointStatus"], found["EndpointConfigName"]) == ("InService", "ep-refused")
        assert "LastDeploymentConfig" not in found
    update(made, config, at_once)
    for change in (lambda: update(made, config, {}), made.delete):
        with pytest.raises(ClientError, match="Cannot update in-progress endpoint"):
            change()
    found = watch(made)
    assert (found["EndpointConfigName"], found["LastDeploymentConfig"]) == (config, at_once)
    update(made, "ep-refused", {}, RetainDeploymentConfig=True)
    found = watch(made)
    assert (found["EndpointConfigName"], found["LastDeploymentConfig"]) == ("ep-refused", at_once)
