"""CloudWatch as SDKs see it that write CBOR. boto3 writes JSON, but botocore knows both."""

import urllib.error
import urllib.request
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.parsers import RpcV2CBORParser
from botocore.serialize import RpcV2CBORSerializer

SCOPE = "AWS4-HMAC-SHA256 Credential=test/20261128/us-east-1/monitoring/aws4_request"
TIMEOUT_S = 60


@pytest.fixture
def call(localaws: Any) -> Any:
    """Return a function that calls an action in CBOR."""
    model = localaws.client("cloudwatch").meta.service_model

    def call(action: str, **members: Any) -> Any:
        operation = model.operation_model(action)
        sent = RpcV2CBORSerializer().serialize_to_request(members, operation)
        request = urllib.request.Request(
            f"{localaws.url}/service/GraniteServiceVersion20100801/operation/{action}",
            data=sent["body"],
            headers={**sent["headers"], "Authorization": SCOPE},
        )
        try:
            answer = urllib.request.urlopen(request, timeout=TIMEOUT_S)
        except urllib.error.HTTPError as error:
            answer = error
        with answer:
            found = {
                "status_code": answer.status,
                "headers": {name.lower(): text for name, text in answer.headers.items()},
                "body": answer.read(),
            }
        assert found["headers"]["smithy-protocol"] == "rpc-v2-cbor"
        return RpcV2CBORParser().parse(found, operation.output_shape)

    return call


def test_what_is_counted_is_read_again(call: Any) -> None:
    namespace, now = f"N{uuid.uuid4().hex}", datetime.now(UTC)
    datum = {"MetricName": "m", "Value": 2.5, "Timestamp": now, "Unit": "Count"}
    call("PutMetricData", Namespace=namespace, MetricData=[datum])
    metric = {"Namespace": namespace, "MetricName": "m"}
    times = {"StartTime": now - timedelta(hours=1), "EndTime": now + timedelta(hours=1)}
    found = call("GetMetricStatistics", **metric, **times, Period=3600, Statistics=["Sum"])
    assert [point["Sum"] for point in found["Datapoints"]] == [2.5]
    assert found["Datapoints"][0]["Timestamp"].tzinfo is not None
    listed = call("ListMetrics", Namespace=namespace)["Metrics"]
    assert listed == [{**metric, "Dimensions": []}]


def test_a_request_that_the_model_forbids_is_refused_in_awss_words(call: Any) -> None:
    found = call("PutMetricAlarm", AlarmName="a", EvaluationPeriods=0, ComparisonOperator="Same")
    assert found["Error"]["Code"] == "ValidationError"
    assert "Value '0' at 'evaluationPeriods' failed to satisfy constraint" in found["Error"]["Message"]
    assert "Value 'Same' at 'comparisonOperator'" in found["Error"]["Message"]
    assert found["ResponseMetadata"]["HTTPStatusCode"] == 400


def test_an_action_that_is_not_there_says_so(call: Any) -> None:
    found = call("ListManagedInsightRules", ResourceARN="arn:aws:x:us-east-1:123456789012:y")
    assert found["Error"]["Message"].startswith(
        "localaws does not implement monitoring:ListManagedInsightRules"
    )
