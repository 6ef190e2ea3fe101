"""AskFunctionOperator: what of a question and its answer CloudWatch is told."""

import base64
import io
import json
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException
from botocore.exceptions import ClientError, EndpointConnectionError

from musher.hooks import canary
from musher.hooks.functions import WitnessLambdaHook
from musher.operators import invocations
from musher.operators.invocations import AskFunctionOperator
from musher.settings import Settings
from tests.unit.musher.operators.fakes import FakeTask, refuse

IMAGE = {"key": "a.jpg", "truth": "cat", "manifest_uri": "s3://b/manifest.json"}
GOOD = {"statusCode": 200, "body": "[[2.0, 1.0]]"}
THROTTLE = refuse("TooManyRequestsException", "Invoke")
LINE = json.dumps({"message": "answered", "cold_start": True})


class FakeFunction:
    """A client of Lambda that answers one payload, or raises."""

    def __init__(self, payload: Any, *, error: Exception | None = None, **members: Any) -> None:
        self.payload, self.error, self.members = payload, error, members

    def invoke(self, **request: Any) -> dict[str, Any]:
        assert request["LogType"] == "Tail"
        if self.error is not None:
            raise self.error
        log = base64.b64encode(LINE.encode()).decode()
        body = io.BytesIO(json.dumps(self.payload).encode())
        return {"StatusCode": 200, "ExecutedVersion": "7", "LogResult": log, "Payload": body, **self.members}


class FakeMetrics:
    """A client of CloudWatch, or one that refuses."""

    def __init__(self, error: Exception | None = None) -> None:
        self.conn, self.error, self.told = self, error, dict[str, float]()

    def put_metric_data(self, *, Namespace: str, MetricData: list[Any]) -> None:  # noqa: N803
        assert Namespace == "Musher"
        if self.error is not None:
            raise self.error
        self.told = {item["MetricName"]: item["Value"] for item in MetricData}


@pytest.fixture
def metrics(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> FakeMetrics:
    made = FakeMetrics()
    monkeypatch.setattr(canary, "glance_hook", lambda *_, **__: made)
    monkeypatch.setattr(invocations.Settings, "from_env", lambda: settings)
    monkeypatch.setattr(invocations, "hook_parameters", lambda _: {"aws_conn_id": None})
    monkeypatch.setattr(invocations, "s3_hook", lambda _: None)
    monkeypatch.setattr(invocations, "download", lambda *_, **__: b'{"classes": ["cat", "dog"]}')
    monkeypatch.setattr(invocations, "sign_url", lambda *_, **__: "https://b/a.jpg?X-Amz-Signature=0")
    return made


def ask(function: FakeFunction, monkeypatch: pytest.MonkeyPatch, **options: Any) -> Any:
    """Ask it once."""
    monkeypatch.setattr(WitnessLambdaHook, "conn", function)
    options = {"max_latency_ms": 60_000, "publish_metrics": "True"} | options
    return AskFunctionOperator(task_id="ask", image=IMAGE, **options).execute(FakeTask().context())


def test_a_good_answer_is_told_with_its_latency(
    metrics: FakeMetrics, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ask(FakeFunction(GOOD), monkeypatch)["predicted"] == "cat"
    assert set(metrics.told) == {"CanarySuccess", "CanaryColdLatency"}
    assert metrics.told["CanarySuccess"] == 1
    assert 0 < metrics.told["CanaryColdLatency"] < 60_000


@pytest.mark.parametrize(
    ("function", "error", "names"),
    [
        (
            FakeFunction({"statusCode": 502, "body": "{}"}),
            AirflowFailException,
            {"CanarySuccess", "CanaryColdLatency"},
        ),
        (FakeFunction({}, FunctionError="Unhandled"), AirflowFailException, {"CanarySuccess"}),
        (
            FakeFunction({}, error=THROTTLE),
            ClientError,
            {"CanarySuccess"},
        ),
    ],
    ids=["502", "raised", "throttled"],
)
def test_a_failure_is_told_too_and_stays_one(
    function: FakeFunction,
    error: type[Exception],
    names: set[str],
    metrics: FakeMetrics,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(error):
        ask(function, monkeypatch)
    assert metrics.told["CanarySuccess"] == 0
    assert set(metrics.told) == names


def test_an_answer_that_is_late_is_no_success(metrics: FakeMetrics, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(AirflowFailException, match="more than max_latency_ms"):
        ask(FakeFunction(GOOD), monkeypatch, max_latency_ms="0.0001")
    assert metrics.told["CanarySuccess"] == 0
    assert "CanaryColdLatency" in metrics.told


@pytest.mark.parametrize(
    "error",
    [refuse("AccessDenied", "PutMetricData"), EndpointConnectionError(endpoint_url="https://monitoring")],
)
def test_a_metric_that_cannot_be_published_fails_nothing(
    error: Exception, metrics: FakeMetrics, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    metrics.error = error
    assert ask(FakeFunction(GOOD), monkeypatch)["status"] == 200
    assert "infra/functions.yaml" in caplog.text


@pytest.mark.parametrize("wanted", ["False", False])
def test_nothing_is_told_where_that_is_not_wanted(
    wanted: Any, metrics: FakeMetrics, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(FakeFunction(GOOD), monkeypatch, publish_metrics=wanted)
    assert metrics.told == {}
