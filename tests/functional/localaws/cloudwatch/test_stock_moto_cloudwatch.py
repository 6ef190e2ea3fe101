"""What moto alone does with metrics and alarms: when one of these fails, moto has learnt it."""

from collections.abc import Generator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

ALARM = {
    "AlarmName": "a",
    "Namespace": "n",
    "MetricName": "m",
    "Statistic": "Sum",
    "Period": 60,
    "EvaluationPeriods": 1,
    "Threshold": 1.0,
    "ComparisonOperator": "GreaterThanThreshold",
}
NOW = datetime.now(UTC).replace(second=0, microsecond=0)
AROUND = {"StartTime": NOW - timedelta(hours=1), "EndTime": NOW + timedelta(hours=1)}


@pytest.fixture
def stock() -> Generator[Any, None, None]:
    """Yield a client of moto without localaws."""
    with mock_aws():
        keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
        yield boto3.client("cloudwatch", region_name="us-east-1", **keys)


def test_moto_alarms_are_ok_at_once(stock: Any) -> None:
    stock.put_metric_alarm(**ALARM)
    with pytest.raises(AssertionError):
        assert stock.describe_alarms()["MetricAlarms"][0]["StateValue"] == "INSUFFICIENT_DATA"


def test_moto_forgets_the_state_of_an_alarm_that_is_put_again(stock: Any) -> None:
    stock.put_metric_alarm(**ALARM)
    stock.set_alarm_state(AlarmName="a", StateValue="ALARM", StateReason="r")
    stock.put_metric_alarm(**ALARM)
    with pytest.raises(AssertionError):
        assert stock.describe_alarms()["MetricAlarms"][0]["StateValue"] == "ALARM"


def test_moto_has_no_history(stock: Any) -> None:
    with pytest.raises((NotImplementedError, ClientError)):
        stock.describe_alarm_history()


@pytest.mark.parametrize("members", [{"Period": 7}, {"DatapointsToAlarm": 9}, {"AlarmActions": ["no arn"]}])
def test_moto_takes_any_alarm(stock: Any, members: dict[str, Any]) -> None:
    with pytest.raises(pytest.fail.Exception), pytest.raises(ClientError):
        stock.put_metric_alarm(**ALARM | members)


def test_moto_deletes_what_is_not_there(stock: Any) -> None:
    with pytest.raises(pytest.fail.Exception), pytest.raises(ClientError):
        stock.delete_alarms(AlarmNames=["nobody"])


def test_moto_applies_one_filter_only(stock: Any) -> None:
    stock.put_metric_alarm(**ALARM)
    with pytest.raises(AssertionError):
        assert stock.describe_alarms(AlarmNames=["a"], StateValue="ALARM")["MetricAlarms"] == []


def test_moto_ignores_the_dimensions_of_an_alarm_s_metric(stock: Any) -> None:
    stock.put_metric_alarm(**ALARM)
    asked = {"Dimensions": [{"Name": "d", "Value": "1"}]}
    found = stock.describe_alarms_for_metric(Namespace="n", MetricName="m", **asked)
    with pytest.raises(AssertionError):
        assert found["MetricAlarms"] == []


def test_moto_adds_metrics_of_other_dimensions_up(stock: Any) -> None:
    for dimensions in ([], [{"Name": "d", "Value": "1"}]):
        datum = {"MetricName": "m", "Value": 1.0, "Dimensions": dimensions}
        stock.put_metric_data(Namespace="n", MetricData=[datum])
    answer = stock.get_metric_statistics(
        Namespace="n", MetricName="m", Period=86_400, Statistics=["Sum"], **AROUND
    )
    with pytest.raises(AssertionError):
        assert answer["Datapoints"][0]["Sum"] == 1.0


def test_moto_has_no_percentiles(stock: Any) -> None:
    stock.put_metric_data(Namespace="n", MetricData=[{"MetricName": "m", "Value": 1.0}])
    answer = stock.get_metric_statistics(
        Namespace="n", MetricName="m", Period=86_400, ExtendedStatistics=["p50"], **AROUND
    )
    with pytest.raises(KeyError):
        assert answer["Datapoints"][0]["ExtendedStatistics"] == {"p50": 1.0}


def test_moto_computes_no_arithmetic(stock: Any) -> None:
    stock.put_metric_data(Namespace="n", MetricData=[{"MetricName": "m", "Value": 1.0}])
    stat = {"Metric": {"Namespace": "n", "MetricName": "m"}, "Period": 86_400, "Stat": "Sum"}
    queries = [{"Id": "m1", "MetricStat": stat}, {"Id": "e", "Expression": "m1 * 2"}]
    answer = stock.get_metric_data(MetricDataQueries=queries, **AROUND)
    with pytest.raises(AssertionError):
        assert answer["MetricDataResults"][1]["Values"] == [2.0]


def test_moto_takes_values_in_aws_s_own_namespaces(stock: Any) -> None:
    with pytest.raises(pytest.fail.Exception), pytest.raises(ClientError):
        stock.put_metric_data(Namespace="AWS/Lambda", MetricData=[{"MetricName": "Errors", "Value": 1.0}])


def test_moto_lists_metrics_that_are_not_active(stock: Any) -> None:
    old = datetime.now(UTC) - timedelta(hours=5)
    stock.put_metric_data(Namespace="n", MetricData=[{"MetricName": "m", "Value": 1.0, "Timestamp": old}])
    with pytest.raises(AssertionError):
        assert stock.list_metrics(Namespace="n", RecentlyActive="PT3H")["Metrics"] == []


def test_moto_answers_all_datapoints_at_once(stock: Any) -> None:
    for minute in range(2):
        datum = {"MetricName": "m", "Value": 1.0, "Timestamp": NOW - timedelta(minutes=minute)}
        stock.put_metric_data(Namespace="n", MetricData=[datum])
    stat = {"Metric": {"Namespace": "n", "MetricName": "m"}, "Period": 60, "Stat": "Sum"}
    queries = [{"Id": "m1", "MetricStat": stat}]
    answer = stock.get_metric_data(MetricDataQueries=queries, MaxDatapoints=1, **AROUND)
    with pytest.raises(AssertionError):
        assert len(answer["MetricDataResults"][0]["Values"]) == 1


def test_moto_takes_values_of_long_ago_and_drops_those_of_entities(stock: Any) -> None:
    old = {"MetricName": "m", "Value": 1.0, "Timestamp": datetime(2020, 1, 1, tzinfo=UTC)}
    for data in ({"MetricData": [old]}, {"EntityMetricData": [{"MetricData": [old]}]}):
        with pytest.raises(pytest.fail.Exception), pytest.raises(ClientError):
            stock.put_metric_data(Namespace="n", **data)


def test_moto_gives_a_new_alarm_the_tags_of_a_deleted_one(stock: Any) -> None:
    stock.put_metric_alarm(**ALARM, Tags=[{"Key": "k", "Value": "v"}])
    arn = stock.describe_alarms()["MetricAlarms"][0]["AlarmArn"]
    stock.delete_alarms(AlarmNames=["a"])
    stock.put_metric_alarm(**ALARM)
    with pytest.raises(AssertionError):
        assert stock.list_tags_for_resource(ResourceARN=arn)["Tags"] == []


def test_moto_keeps_rules_that_nothing_evaluates(stock: Any) -> None:
    with pytest.raises(pytest.fail.Exception), pytest.raises(ClientError):
        stock.put_insight_rule(RuleName="r", RuleDefinition="{}")


def test_moto_acts_on_no_alarm(stock: Any) -> None:
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}
    sns, sqs = boto3.client("sns", **keys), boto3.client("sqs", **keys)
    topic = sns.create_topic(Name="t")["TopicArn"]
    queue = sqs.create_queue(QueueName="q")["QueueUrl"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint="arn:aws:sqs:us-east-1:123456789012:q")
    stock.put_metric_alarm(**ALARM, AlarmActions=[topic])
    stock.set_alarm_state(AlarmName="a", StateValue="ALARM", StateReason="r")
    assert "Messages" not in sqs.receive_message(QueueUrl=queue)
