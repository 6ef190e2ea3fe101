"""Alarms that go by the AWS clock, and what they do."""

import io
import json
import uuid
import zipfile
from typing import Any

import pytest
from botocore.exceptions import ClientError

ROLE_TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    ],
}


def history(watched: Any, name: str, **options: Any) -> list[dict[str, Any]]:
    """Return what happened to an alarm, the newest first."""
    return list(watched.cloudwatch.describe_alarm_history(AlarmName=name, **options)["AlarmHistoryItems"])


def topic_with_queue(watched: Any) -> tuple[str, str]:
    """Make a topic that a queue subscribes; return the topic's ARN and the queue's URL."""
    sns, sqs, name = watched.server.client("sns"), watched.server.client("sqs"), f"q-{uuid.uuid4().hex[:8]}"
    topic = sns.create_topic(Name=name)["TopicArn"]
    queue = sqs.create_queue(QueueName=name)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    return topic, queue


def receive(watched: Any, queue: str) -> dict[str, Any]:
    """Wait for the next notification in a queue."""
    sqs = watched.server.client("sqs")
    (message,) = watched.wait_for(
        lambda: sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=1).get("Messages"),
        what="no notification came",
    )
    sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    return dict(json.loads(message["Body"]))


def test_an_alarm_rings_is_delivered_and_ends(watched: Any) -> None:
    topic, queue = topic_with_queue(watched)
    name = watched.put_alarm(
        MetricName="rings",
        AlarmActions=[topic],
        OKActions=[topic],
        TreatMissingData="notBreaching",
        AlarmDescription="for a test",
    )
    assert watched.alarm(name)["StateValue"] in ("INSUFFICIENT_DATA", "OK")
    watched.put("rings", Value=7.0)
    notices = [receive(watched, queue)]
    while json.loads(notices[-1]["Message"])["NewStateValue"] != "ALARM":
        notices.append(receive(watched, queue))  # it may have been OK before the value came
    told = json.loads(notices[-1]["Message"])
    assert told["NewStateReason"].startswith("Threshold Crossed: 1 datapoint [7.0 (")
    assert notices[-1]["Subject"] == f'ALARM: "{name}" in US East (N. Virginia)'
    assert (told["AlarmDescription"], told["Trigger"]["MetricName"]) == ("for a test", "rings")
    watched.wait_state(name, "OK")
    assert json.loads(receive(watched, queue)["Message"])["OldStateValue"] == "ALARM"
    kinds = {item["HistoryItemType"] for item in history(watched, name)}
    assert kinds == {"StateUpdate", "ConfigurationUpdate", "Action"}
    ended, began = history(watched, name, HistoryItemType="StateUpdate")[:2]
    assert ended["HistorySummary"] == "Alarm updated from ALARM to OK"
    assert json.loads(began["HistoryData"])["newState"]["stateReasonData"]["recentDatapoints"] == [7.0]


def test_a_function_is_called_with_the_alarm(watched: Any) -> None:
    iam, lam = watched.server.client("iam"), watched.server.client("lambda")
    role = iam.create_role(RoleName="alarmed", AssumeRolePolicyDocument=json.dumps(ROLE_TRUST))["Role"]["Arn"]
    code = "import json\ndef handler(event, context):\n    print('told', json.dumps(event))\n"
    arn = make_function(lam, role, code)
    name = watched.put_alarm(AlarmActions=[arn], MetricName="for-a-function")
    watched.cloudwatch.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="a test")
    (item,) = watched.wait_for(lambda: history(watched, name, HistoryItemType="Action"), what="no action")
    assert item["HistorySummary"] == f"Successfully executed action {arn}"
    logs = watched.server.client("logs")

    def told() -> list[str]:
        groups = logs.describe_log_groups(logGroupNamePrefix="/aws/lambda/alarmed")["logGroups"]
        if not groups:
            return []
        events = logs.filter_log_events(logGroupName="/aws/lambda/alarmed")["events"]
        return [event["message"] for event in events if event["message"].startswith("told")]

    event = json.loads(watched.wait_for(told, what="the function was not called")[0].removeprefix("told"))
    assert (event["source"], event["alarmData"]["alarmName"]) == ("aws.cloudwatch", name)
    assert event["alarmData"]["state"]["reason"] == "a test"
    assert event["alarmData"]["previousState"]["value"] == "INSUFFICIENT_DATA"


def make_function(lam: Any, role: str, code: str) -> str:
    """Create the function `alarmed`; return its ARN."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("app.py", code)
    arn = lam.create_function(
        FunctionName="alarmed",
        Runtime="python3.11",
        Handler="app.handler",
        Role=role,
        Code={"ZipFile": buffer.getvalue()},
    )["FunctionArn"]
    lam.get_waiter("function_active_v2").wait(FunctionName="alarmed")
    return str(arn)


@pytest.mark.parametrize(
    ("arn", "error"),
    [
        pytest.param(
            "arn:aws:sns:us-east-1:123456789012:nobody",
            "Resource: arn:aws:sns:us-east-1:123456789012:nobody does not exist",
            id="a topic that is not there",
        ),
        pytest.param(
            "arn:aws:autoscaling:us-east-1:123456789012:scalingPolicy:0:resource/sagemaker/endpoint/e:policyName/p",
            "localaws scales nothing by the policy arn:aws:autoscaling:us-east-1:123456789012:scalingPolicy:"
            "0:resource/sagemaker/endpoint/e:policyName/p",
            id="a scaling policy",
        ),
    ],
)
def test_an_action_that_fails_is_in_the_history(watched: Any, arn: str, error: str) -> None:
    name = watched.put_alarm(AlarmActions=[arn], MetricName="failing-action")
    watched.cloudwatch.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="a test")
    (item,) = watched.wait_for(lambda: history(watched, name, HistoryItemType="Action"), what="no action")
    assert item["HistorySummary"] == f"Failed to execute action {arn}. {error}"
    assert json.loads(item["HistoryData"])["actionState"] == "Failed"


def test_actions_that_are_disabled_are_not_carried_out(watched: Any) -> None:
    topic, queue = topic_with_queue(watched)
    name = watched.put_alarm(AlarmActions=[topic], MetricName="disabled")
    watched.cloudwatch.disable_alarm_actions(AlarmNames=[name])
    assert watched.alarm(name)["ActionsEnabled"] is False
    watched.cloudwatch.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="silent")
    watched.cloudwatch.enable_alarm_actions(AlarmNames=[name])
    watched.cloudwatch.set_alarm_state(AlarmName=name, StateValue="OK", StateReason="none")
    watched.cloudwatch.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="loud")
    assert json.loads(receive(watched, queue)["Message"])["NewStateReason"] == "loud"


def test_the_next_evaluation_replaces_a_state_set_by_hand(watched: Any) -> None:
    name = watched.put_alarm(MetricName="by-hand", TreatMissingData="notBreaching")
    watched.cloudwatch.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="by hand")
    found = watched.wait_state(name, "OK")
    assert "missing datapoint was treated as [NonBreaching]" in found["StateReason"]


def test_putting_an_alarm_again_keeps_its_state(watched: Any) -> None:
    name = watched.put_alarm(MetricName="again", EvaluationPeriods=100)
    watched.cloudwatch.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="kept")
    watched.put_alarm(AlarmName=name, MetricName="again", EvaluationPeriods=100, TreatMissingData="ignore")
    found = watched.alarm(name)
    assert (found["StateValue"], found["TreatMissingData"]) == ("ALARM", "ignore")
    assert history(watched, name)[0]["HistorySummary"] == f'Alarm "{name}" updated'


def test_alarms_are_described_by_every_filter_at_once(watched: Any) -> None:
    topic = "arn:aws:sns:us-east-1:123456789012:filtered"
    names = [
        watched.put_alarm(AlarmName=f"filtered-{number}", MetricName="f", AlarmActions=actions)
        for number, actions in enumerate(([topic], []))
    ]
    describe = watched.cloudwatch.describe_alarms

    def found(**options: Any) -> list[str]:
        return [alarm["AlarmName"] for alarm in describe(**options)["MetricAlarms"]]

    assert found(AlarmNamePrefix="filtered-") == names
    assert found(AlarmNamePrefix="filtered-", ActionPrefix="arn:aws:sns") == names[:1]
    assert found(AlarmNames=names, StateValue="ALARM") == []
    assert found(AlarmNames=names, AlarmTypes=["CompositeAlarm"]) == []
    page = describe(AlarmNamePrefix="filtered-", MaxRecords=1)
    assert found(AlarmNamePrefix="filtered-", MaxRecords=1, NextToken=page["NextToken"]) == names[1:]
    on_metric = watched.cloudwatch.describe_alarms_for_metric(Namespace="tests", MetricName="f")
    assert [alarm["AlarmName"] for alarm in on_metric["MetricAlarms"]] == names
    with pytest.raises(ClientError, match="cannot be used together"):
        describe(AlarmNames=names, AlarmNamePrefix="f")


def test_alarms_that_moto_makes_for_a_scaling_policy_are_alarms_too(watched: Any) -> None:
    scaling = watched.server.client("application-autoscaling")
    target = {
        "ServiceNamespace": "ecs",
        "ResourceId": "service/cluster/service",
        "ScalableDimension": "ecs:service:DesiredCount",
    }
    ecs = watched.server.client("ecs")
    ecs.create_cluster(clusterName="cluster")
    ecs.register_task_definition(family="f", containerDefinitions=[{"name": "c", "image": "i", "memory": 64}])
    ecs.create_service(cluster="cluster", serviceName="service", taskDefinition="f", desiredCount=1)
    scaling.register_scalable_target(**target, MinCapacity=1, MaxCapacity=2)
    policy = {
        "TargetValue": 50.0,
        "PredefinedMetricSpecification": {"PredefinedMetricType": "ECSServiceAverageCPUUtilization"},
    }
    answer = scaling.put_scaling_policy(
        **target,
        PolicyName="p",
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration=policy,
    )
    names = {alarm["AlarmName"] for alarm in answer["Alarms"]}
    alarms = watched.cloudwatch.describe_alarms(AlarmNames=sorted(names))["MetricAlarms"]
    assert {alarm["AlarmName"] for alarm in alarms} == names
    assert {alarm["StateValue"] for alarm in alarms} == {"INSUFFICIENT_DATA"}


def test_none_is_deleted_where_one_is_missing(watched: Any) -> None:
    name = watched.put_alarm()
    with pytest.raises(ClientError, match="Alarm nobody does not exist"):
        watched.cloudwatch.delete_alarms(AlarmNames=[name, "nobody"])
    assert watched.alarm(name)
    watched.cloudwatch.delete_alarms(AlarmNames=[name])
    assert watched.cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"] == []


QUERY = {
    "Id": "m1",
    "MetricStat": {"Metric": {"Namespace": "tests", "MetricName": "m"}, "Period": 60, "Stat": "Sum"},
    "ReturnData": False,
}


@pytest.mark.parametrize(
    ("members", "said"),
    [
        pytest.param({"DatapointsToAlarm": 2}, "DatapointsToAlarm must be from 1 to", id="more than all"),
        pytest.param({"Period": 15}, "must be 1, 5, 10, 20, 30, or a multiple of 60", id="period"),
        pytest.param({"Period": 5}, "10, 20, 30 or a multiple of 60", id="an alarm's period"),
        pytest.param({"EvaluationPeriods": 1441}, "more than a day", id="too far back"),
        pytest.param({"TreatMissingData": "bad"}, "Option bad is not supported", id="missing data"),
        pytest.param({"ExtendedStatistic": "p9"}, "mutually exclusive", id="two statistics"),
        pytest.param({"AlarmActions": ["topic"]}, "Invalid arn syntax: topic", id="an ARN"),
        pytest.param(
            {"AlarmActions": ["arn:aws:automate:us-east-1:ec2:stop"]},
            "Invalid arn syntax|carries out alarm actions on",
            id="an EC2 action",
        ),
        pytest.param(
            {"ComparisonOperator": "GreaterThanUpperThreshold"}, "it detects no anomalies", id="bands"
        ),
        pytest.param({"ThresholdMetricId": "ad1"}, "localaws does not evaluate", id="anomalies"),
        pytest.param(
            {"Metrics": [{"Id": "a", "Expression": "a * 2"}]}, "Period must be the same", id="no metric"
        ),
        pytest.param(
            {"Metrics": [QUERY, {"Id": "a", "Expression": "a * m1"}]}, "reads itself", id="a circle"
        ),
        pytest.param({"Metrics": [QUERY | {"ReturnData": True}] * 2}, "must be unique", id="an id twice"),
        pytest.param({"EvaluateLowSampleCountPercentile": "ignore"}, "however few samples", id="few samples"),
        pytest.param(
            {"EvaluateLowSampleCountPercentile": "both"}, "are evaluate and ignore.", id="no such option"
        ),
    ],
)
def test_alarms_that_would_not_work_are_refused(watched: Any, members: dict[str, Any], said: str) -> None:
    with pytest.raises(ClientError, match=said):
        watched.put_alarm(AlarmName="refused", **members)
    assert watched.cloudwatch.describe_alarms(AlarmNames=["refused"])["MetricAlarms"] == []


@pytest.mark.parametrize(
    ("operation", "arguments"),
    [
        ("put_composite_alarm", {"AlarmName": "c", "AlarmRule": "ALARM(a)"}),
        ("put_insight_rule", {"RuleName": "r", "RuleDefinition": "{}"}),
        ("put_anomaly_detector", {"Namespace": "n", "MetricName": "m", "Stat": "Sum"}),
    ],
)
def test_what_is_not_built_says_so(watched: Any, operation: str, arguments: dict[str, Any]) -> None:
    with pytest.raises(ClientError, match="localaws does not implement"):
        getattr(watched.cloudwatch, operation)(**arguments)
