"""What targets of EventBridge are sent."""

import json
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from localaws.ec2.notices import STATE_CHANGE, build_event
from localaws.events import bus
from localaws.functions.arns import Target

EVENT: dict[str, Any] = {
    "source": "a",
    "time": "2026-01-01T00:00:00Z",
    "detail": {"state": "running", "more": {"n": 1}},
    "ingestion-time": 1,
}


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ({}, {name: EVENT[name] for name in ("source", "time", "detail")}),
        ({"Input": '{"x": 1}'}, {"x": 1}),
        ({"InputPath": "$.detail.more"}, {"n": 1}),
        (
            {
                "InputTransformer": {
                    "InputPathsMap": {"s": "$.detail.state"},
                    "InputTemplate": '{"is": "<s>"}',
                }
            },
            {"is": "running"},
        ),
    ],
)
def test_a_target_is_sent_what_it_asks_for(target: Any, expected: Any) -> None:
    assert json.loads(bus.write_input(target, dict(EVENT))) == expected


def test_times_of_put_events_are_written_as_aws_writes_them() -> None:
    assert bus.as_sent({"time": 0.5})["time"] == "1970-01-01T00:00:00Z"
    assert bus.as_sent(EVENT)["time"] == EVENT["time"]


def test_a_function_is_called_by_its_alias(monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[Any] = []
    service = SimpleNamespace(queue_from_thread=lambda target, payload: called.append((target, payload)))
    found = SimpleNamespace(find_service=lambda kind: service)
    monkeypatch.setattr(bus.context, "current", lambda: found)
    rule: Any = None
    arn = "arn:aws:lambda:eu-west-1:123456789012:function:classify:live"
    bus.call_function(rule, {"Arn": arn}, "{}")
    target = Target(account_id="123456789012", region="eu-west-1", name="classify", qualifier="live")
    assert called == [(target, b"{}")]


def test_an_event_of_an_instance_names_it() -> None:
    instance = SimpleNamespace(owner_id="123456789012", region_name="us-east-1", id="i-1")
    now = datetime(2026, 1, 2, tzinfo=UTC)
    event = build_event(instance, STATE_CHANGE, now=now, detail={"state": "running"})
    assert event["detail"] == {"instance-id": "i-1", "state": "running"}
    assert event["resources"] == ["arn:aws:ec2:us-east-1:123456789012:instance/i-1"]
    assert event["time"] == "2026-01-02T00:00:00Z"
