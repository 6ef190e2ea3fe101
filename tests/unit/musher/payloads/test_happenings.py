"""What AWS tells of an update, its alarms and its scaling, in the report's form."""

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from musher.payloads.deployment_steps import MAX_STEPS, add_steps, end_steps, is_taken_back
from musher.payloads.happenings import MAX_REASON_CHARACTERS, read_activity, read_alarm_change

NOON = datetime(2026, 1, 1, 13, 0, tzinfo=timezone(timedelta(hours=1)))
SEEN_AT = datetime(2026, 1, 1, 12, 5, tzinfo=UTC).timestamp()


def pending(status: str, message: str, *, at: datetime = NOON) -> dict[str, Any]:
    """Return DescribeEndpoint's answer amid an update."""
    variant = {"VariantStatus": [{"Status": status, "StatusMessage": message, "StartTime": at}]}
    return {
        "EndpointStatus": "Updating",
        "EndpointConfigName": "musher-1",
        "PendingDeploymentSummary": {"EndpointConfigName": "musher-2", "ProductionVariants": [variant]},
    }


def test_a_step_is_noted_once_with_the_time_that_aws_says() -> None:
    launching = pending("Creating", "Launching 2 instance(s).")
    steps = add_steps([], launching, seen_at=SEEN_AT)
    assert steps == [
        {
            "at": "2026-01-01T12:00:00.000+00:00",
            "status": "Creating",
            "config_name": "musher-2",
            "message": "Launching 2 instance(s).",
            "is_seen": False,
        }
    ]
    assert add_steps(steps, launching, seen_at=SEEN_AT + 10) == steps
    baking = add_steps(steps, pending("Baking", "Baking for 60 seconds."), seen_at=SEEN_AT)
    assert [step["status"] for step in baking] == ["Creating", "Baking"]
    assert len(steps) == 1


def test_each_batch_of_a_rolling_update_is_a_step_of_its_own() -> None:
    steps: Any = []
    for status in ("Creating", "Baking", "Deleting") * 2:
        steps = add_steps(steps, pending(status, ""), seen_at=SEEN_AT)
    assert len(steps) == 6
    for number in range(200):
        steps = add_steps(steps, pending("Creating", str(number)), seen_at=SEEN_AT)
    assert len(steps) == MAX_STEPS


def test_a_rollback_has_the_time_at_which_it_was_seen() -> None:
    answer = {"EndpointStatus": "RollingBack", "EndpointConfigName": "musher-1"}
    [step] = add_steps([], answer, seen_at=SEEN_AT)
    assert (step["at"], step["is_seen"]) == ("2026-01-01T12:05:00.000+00:00", True)
    assert add_steps([step], answer, seen_at=SEEN_AT + 10) == [step]


@pytest.mark.parametrize(
    "answer",
    [
        {"EndpointStatus": "Updating"},
        {"EndpointStatus": "Updating", "PendingDeploymentSummary": {"EndpointConfigName": "c"}},
        {
            "EndpointStatus": "Creating",
            "PendingDeploymentSummary": {"EndpointConfigName": "c", "ProductionVariants": [{}]},
        },
    ],
)
def test_what_aws_leaves_out_is_no_step(answer: dict[str, Any]) -> None:
    assert add_steps([], answer, seen_at=SEEN_AT) == []


def test_the_end_is_a_step_of_an_update_that_was_seen() -> None:
    endpoint = {"EndpointStatus": "InService", "EndpointConfigName": "musher-2", "LastModifiedTime": NOON}
    steps = add_steps([], pending("Creating", ""), seen_at=SEEN_AT)
    assert end_steps(steps, endpoint)[-1]["message"] == "musher-2 serves."
    assert end_steps([], endpoint) == []


def test_an_update_went_back_where_that_was_seen_or_another_configuration_serves() -> None:
    steps = add_steps([], pending("Baking", ""), seen_at=SEEN_AT)
    endpoint = {"EndpointStatus": "InService", "EndpointConfigName": "musher-2", "LastModifiedTime": NOON}
    assert not is_taken_back(end_steps(steps, endpoint))
    assert is_taken_back(end_steps(steps, endpoint | {"EndpointConfigName": "musher-1"}))
    seen = add_steps(
        steps, {"EndpointStatus": "RollingBack", "EndpointConfigName": "musher-2"}, seen_at=SEEN_AT
    )
    assert is_taken_back(seen)
    assert not is_taken_back([])


def test_a_change_of_an_alarm_is_read_from_its_history() -> None:
    states = {
        "oldState": {"stateValue": "OK", "stateReason": "before"},
        "newState": {"stateValue": "ALARM", "stateReason": "Threshold Crossed" + "!" * 1000},
    }
    change = read_alarm_change({"Timestamp": NOON, "HistoryData": json.dumps(states)})
    assert (change["at"], change["before"], change["after"]) == (
        *("2026-01-01T12:00:00.000+00:00", "OK", "ALARM"),
    )
    assert change["reason"].startswith("Threshold Crossed!")
    assert len(change["reason"]) == MAX_REASON_CHARACTERS


@pytest.mark.parametrize(
    "data", ["", "{", "[]", "null", '{"newState": {}}', '{"oldState": 1, "newState": 2}']
)
def test_history_data_of_another_form_leave_aws_s_summary(data: str) -> None:
    item = {"Timestamp": NOON, "HistoryData": data, "HistorySummary": "Alarm updated from OK to ALARM"}
    change = read_alarm_change(item)
    assert (change["before"], change["after"]) == ("", "")
    assert change["reason"] == "Alarm updated from OK to ALARM"


def test_an_activity_that_goes_on_has_no_end() -> None:
    item = {"StartTime": NOON, "Description": "Setting", "Cause": "alarm", "StatusCode": "InProgress"}
    assert read_activity(item) == {
        "at": "2026-01-01T12:00:00.000+00:00",
        "until": None,
        "description": "Setting",
        "cause": "alarm",
        "status": "InProgress",
        "message": "",
    }
    assert read_activity(item | {"EndTime": NOON})["until"] == "2026-01-01T12:00:00.000+00:00"
