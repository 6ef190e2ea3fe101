"""The test of what is live: what passes, what fails, and who is told."""

import io
import json
import threading
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException
from botocore.exceptions import ClientError

from musher.errors import LambdaError
from musher.hooks import canary
from musher.hooks.releases import Endpoint
from musher.payloads.probes import THROTTLED
from musher.settings import Settings
from musher.stages import alerts, live_function

TOPIC = "arn:aws:sns:eu-west-1:123456789012:musher-alerts"


class FakeFunction:
    """A function that answers `limit` invocations at the same time, once `count` have come."""

    def __init__(self, *, count: int, limit: int, payload: dict[str, Any], reason: str = THROTTLED) -> None:
        self.conn, self.limit, self.reason = self, limit, reason
        self.payload = json.dumps(payload).encode()
        self.lock, self.all = threading.Lock(), threading.Barrier(count)
        self.busy = self.calls = 0

    def invoke(self, **_: str) -> dict[str, Any]:
        with self.lock:
            self.calls += 1
            self.busy += 1
            is_over = self.busy > self.limit
        if self.all.wait() == 0:
            self.busy = 0
        self.all.wait()
        if is_over:
            found: Any = {"Error": {"Code": "TooManyRequestsException"}, "Reason": self.reason}
            raise ClientError(found, "Invoke")
        return {"Payload": io.BytesIO(self.payload)}


def probe(function: FakeFunction, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(live_function, "PAUSE_S", 0)
    return live_function.probe(function, name="f", payload="{}", reserved=2)  # type: ignore[arg-type]


def test_a_reservation_that_holds_passes_in_the_first_round(monkeypatch: pytest.MonkeyPatch) -> None:
    assert probe(FakeFunction(count=3, limit=2, payload={"statusCode": 200}), monkeypatch) == 1


@pytest.mark.parametrize(("limit", "answered"), [(3, 3), (1, 1)])
def test_one_that_does_not_hold_fails_after_three_rounds(
    limit: int, answered: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    function = FakeFunction(count=3, limit=limit, payload={"statusCode": 200})
    with pytest.raises(LambdaError, match=f"{answered} were answered"):
        probe(function, monkeypatch)
    assert function.calls == 9


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"payload": {"statusCode": 502}}, "statusCode 502"),
        ({"payload": {"statusCode": 200}, "reason": "CallerRateLimitExceeded"}, "CallerRateLimitExceeded"),
    ],
)
def test_any_other_failure_ends_the_probe_at_once(
    changes: dict[str, Any], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    function = FakeFunction(count=3, limit=2, **changes)
    with pytest.raises(LambdaError, match=f"failed otherwise: {said}"):
        probe(function, monkeypatch)
    assert function.calls == 3


def test_a_function_error_is_no_answer() -> None:
    assert live_function.read_outcome('{"errorType": "X"}', error="Unhandled").startswith("Unhandled: ")


@pytest.mark.parametrize(("least", "passes"), [(1, True), (2, False)])
def test_too_few_right_answers_name_each_image(
    least: int, passes: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[bool] = []
    params = {"min_right": least, "publish_metrics": True}
    run = SimpleNamespace(params=params, settings=None)
    monkeypatch.setattr(live_function, "current_run", lambda: run)
    monkeypatch.setattr(canary, "publish", lambda _, sighting: told.append(sighting.is_good))
    answers: Any = [
        {"image": "a.png", "truth": "dog", "predicted": "dog"},
        {"image": "b.png", "truth": "cat", "predicted": "dog"},
    ]
    if passes:
        assert live_function.judge_answers.function(answers) == 1
        return
    with pytest.raises(AirflowFailException, match=r"1 of 2 .*b.png is cat, predicted dog"):
        live_function.judge_answers.function(answers)
    assert told == [False], "CloudWatch hears of it"


def live(
    monkeypatch: pytest.MonkeyPatch,
    *,
    endpoint: bool,
    function: bool,
    package: Any = None,
    kind: str = "realtime",
) -> None:
    """Let endpoint and function be there, or not."""
    found = Endpoint(name="musher-live", status="InService", config_name="c", previous=None)
    functions = SimpleNamespace(find_function=lambda name: {} if function else None)
    monkeypatch.setattr(live_function, "sagemaker_hook", lambda settings: None)
    monkeypatch.setattr(live_function, "lambda_hook", lambda settings: functions)
    monkeypatch.setattr(live_function, "read_endpoint", lambda hook, name: found if endpoint else None)
    monkeypatch.setattr(live_function, "find_kind", lambda hook, name: kind)
    monkeypatch.setattr(live_function, "find_served_package", lambda hook, config_name: package)


def test_the_data_is_that_of_the_live_model(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    package = {"CustomerMetadataProperties": {"data-hash": "ff"}}
    live(monkeypatch, endpoint=True, function=True, package=package)
    assert live_function.find_data_hash(settings) == "ff"


def test_nothing_live_skips_and_half_of_it_fails(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    live(monkeypatch, endpoint=False, function=False)
    with pytest.raises(AirflowSkipException):
        live_function.find_data_hash(settings)
    for endpoint, missing in ((True, "musher-classify"), (False, "musher-live")):
        live(monkeypatch, endpoint=endpoint, function=not endpoint)
        with pytest.raises(LambdaError, match=f"There is no {missing}"):
            live_function.find_data_hash(settings)
    live(monkeypatch, endpoint=True, function=False, kind="async")
    with pytest.raises(AirflowSkipException, match="musher-live is asynchronous: there is no function"):
        live_function.find_data_hash(settings)
    live(monkeypatch, endpoint=True, function=True)
    with pytest.raises(LambdaError, match="no image is known"):
        live_function.find_data_hash(settings)


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What notifiers that were made have been given."""
    found: list[Any] = []

    class Notifier:
        def __init__(self, **given: Any) -> None:
            self.given = given

        def notify(self, context: Any) -> None:
            found.append(self.given)

    monkeypatch.setattr(alerts, "SnsNotifier", Notifier)
    monkeypatch.setenv("MUSHER_ACCOUNT_ID", "123456789012")
    return found


def fail() -> None:
    instance = SimpleNamespace(task_id="ask", dag_id="smoke_test_lambda", run_id="r")
    context: Any = {"ti": instance, "exception": LambdaError("took 9 s")}
    alerts.alert(context)


def test_a_failure_is_told_to_the_topic_in_its_region(
    told: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MUSHER_ALERT_TOPIC", TOPIC)
    fail()
    [given] = told
    assert (given["target_arn"], given["region_name"]) == (TOPIC, "eu-west-1")
    assert given["subject"] == "musher: ask of smoke_test_lambda failed"
    assert "took 9 s" in given["message"]


def test_without_a_topic_nobody_is_told(told: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MUSHER_ALERT_TOPIC", raising=False)
    fail()
    assert told == []
