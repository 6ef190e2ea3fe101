"""Alarms of an account: their states over time, what they do, and what is remembered of it."""

import json
from dataclasses import replace
from typing import Any

import pytest
from moto.cloudwatch.exceptions import CloudWatchException

from localaws.cloudwatch.alarms import alarm as alarms
from localaws.cloudwatch.alarms.alarm import History
from localaws.cloudwatch.alarms.backend import AlarmFilter, fitting

TOPIC = "arn:aws:sns:us-east-1:123456789012:t"
POLICY = "arn:aws:autoscaling:us-east-1:123456789012:scalingPolicy:0:resource/r:policyName/p"


def states(place: Any, *minutes: list[float]) -> list[str]:
    """Return the state of the alarm `a` after each minute with values."""
    found = []
    for values in minutes:
        for value in values:
            place.put(Value=value)
        place.tick()
        found.append(place.backend.find_alarm("a").state_value)
    return found


@pytest.mark.parametrize(
    ("comparison", "expected"),
    [
        ("GreaterThanThreshold", ["OK", "OK", "ALARM"]),
        ("GreaterThanOrEqualToThreshold", ["OK", "ALARM", "ALARM"]),
        ("LessThanThreshold", ["ALARM", "OK", "OK"]),
        ("LessThanOrEqualToThreshold", ["ALARM", "ALARM", "OK"]),
    ],
)
def test_each_comparison_follows_the_metric(place: Any, comparison: str, expected: list[str]) -> None:
    assert place.put_alarm(ComparisonOperator=comparison).state_value == "INSUFFICIENT_DATA"
    assert states(place, [4], [5], [6]) == expected


def test_two_of_three_begin_and_end_an_alarm(place: Any) -> None:
    place.put_alarm(EvaluationPeriods=3, DatapointsToAlarm=2)
    found = states(place, [9], [1], [9], [1], [1])
    assert found == ["INSUFFICIENT_DATA", "OK", "ALARM", "OK", "OK"]


@pytest.mark.parametrize(
    ("treat", "expected"),
    [
        ("missing", ["ALARM", "ALARM", "ALARM", "INSUFFICIENT_DATA"]),
        ("ignore", ["ALARM", "ALARM", "ALARM", "ALARM"]),
        ("breaching", ["ALARM", "ALARM", "ALARM", "ALARM"]),
        ("notBreaching", ["ALARM", "ALARM", "ALARM", "OK"]),
    ],
)
def test_each_treatment_of_a_metric_that_falls_silent(place: Any, treat: str, expected: list[str]) -> None:
    place.put_alarm(TreatMissingData=treat)
    assert states(place, [9], [], [], []) == expected


@pytest.mark.parametrize(
    ("treat", "state"),
    [
        ("missing", "INSUFFICIENT_DATA"),
        ("ignore", "INSUFFICIENT_DATA"),
        ("breaching", "ALARM"),
        ("notBreaching", "OK"),
    ],
)
def test_each_treatment_of_a_metric_that_never_was(place: Any, treat: str, state: str) -> None:
    place.put_alarm(TreatMissingData=treat)
    assert states(place, []) == [state]


@pytest.mark.parametrize(("percentile", "state"), [("p50", "OK"), ("p90", "ALARM"), ("p100", "ALARM")])
def test_percentiles_are_watched(place: Any, percentile: str, state: str) -> None:
    place.put_alarm(Statistic=None, ExtendedStatistic=percentile)
    assert states(place, [1, 2, 3, 4, 5, 5, 5, 5, 9, 9]) == [state]


def test_an_alarm_sees_its_own_unit_and_dimensions_only(place: Any) -> None:
    place.put_alarm(Unit="Count", Dimensions=[{"Name": "d", "Value": "1"}])
    own = {"Dimensions": [{"Name": "d", "Value": "1"}]}
    for datum in ({}, own, {"Unit": "Count"}):
        place.put(Value=9.0, **datum)
    assert states(place, []) == ["INSUFFICIENT_DATA"]
    place.put(Value=9.0, Unit="Count", **own)
    assert states(place, []) == ["ALARM"]


def test_short_periods_are_evaluated_every_ten_seconds(place: Any) -> None:
    place.put_alarm(Period=10)
    place.put(Value=9.0, StorageResolution=1)
    place.tick(9)
    assert place.backend.find_alarm("a").state_value == "INSUFFICIENT_DATA"
    place.tick(1)
    assert place.backend.find_alarm("a").state_value == "ALARM"


def test_the_actions_of_the_state_that_is_entered_are_carried_out(place: Any) -> None:
    place.put_alarm(AlarmActions=[TOPIC], InsufficientDataActions=[TOPIC])
    states(place, [9], [9], [1])
    assert [change.now.value for change in place.told.started] == ["ALARM", "OK"]
    assert place.history() == [
        'Alarm "a" created',
        "Alarm updated from INSUFFICIENT_DATA to ALARM",
        f"Successfully executed action {TOPIC}",
        "Alarm updated from ALARM to OK",
    ]


def test_a_state_that_goes_on_is_told_to_policies_while_actions_are_enabled(place: Any) -> None:
    place.put_alarm(AlarmActions=[POLICY])
    states(place, [9], [9], [9])
    assert [change.now.value for change in place.told.repeated] == ["ALARM", "ALARM"]
    place.backend.enable_actions(["a"], is_enabled=False)
    states(place, [9])
    assert len(place.told.repeated) == 2


def test_an_alarm_without_actions_changes_its_state_all_the_same(place: Any) -> None:
    place.put_alarm(AlarmActions=[TOPIC], ActionsEnabled=False)
    assert states(place, [9]) == ["ALARM"]
    assert place.told.started == []
    assert place.backend.find_alarm("a").described()["ActionsEnabled"] is False


def test_a_state_set_by_hand_acts_and_lasts_until_the_next_evaluation(place: Any) -> None:
    place.put_alarm(AlarmActions=[TOPIC])
    assert states(place, [1]) == ["OK"]
    place.backend.set_alarm_state("a", "a test", '{"by": "hand"}', "ALARM")
    found = place.backend.find_alarm("a").described()
    assert (found["StateValue"], found["StateReason"]) == ("ALARM", "a test")
    assert found["StateReasonData"] == '{"by": "hand"}'
    assert [change.now.reason for change in place.told.started][-1] == "a test"
    assert states(place, [1]) == ["OK"]
    assert "was not greater than" in place.backend.find_alarm("a").state.reason


def test_the_same_state_by_hand_is_a_new_reason_and_no_change(place: Any) -> None:
    place.put_alarm(AlarmActions=[TOPIC])
    for reason in ("first", "second"):
        place.backend.set_alarm_state("a", reason, "", "ALARM")
        place.clock.advance(1)
    found = place.backend.find_alarm("a").described()
    assert found["StateReason"] == "second"
    assert found["StateUpdatedTimestamp"] > found["StateTransitionedTimestamp"]
    assert len(place.told.started) == 1


@pytest.mark.parametrize(
    ("name", "state", "code", "part"),
    [
        ("nobody", "OK", "ResourceNotFound", "Alarm nobody does not exist"),
        ("a", "Alarm", "ValidationError", "enum value set: [INSUFFICIENT_DATA, ALARM, OK]"),
    ],
)
def test_states_that_cannot_be_set(place: Any, name: str, state: str, code: str, part: str) -> None:
    place.put_alarm()
    with pytest.raises(CloudWatchException) as caught:
        place.backend.set_alarm_state(name, "r", "", state)
    assert caught.value.code == code
    assert part in caught.value.message


def test_an_alarm_that_is_put_again_keeps_its_state_and_takes_the_rest(place: Any) -> None:
    place.put_alarm()
    states(place, [9])
    before = place.backend.find_alarm("a").described()
    place.clock.advance(1)
    place.put_alarm(Threshold=50.0)
    found = place.backend.find_alarm("a").described()
    assert (found["StateValue"], found["Threshold"]) == ("ALARM", 50.0)
    assert found["StateUpdatedTimestamp"] == before["StateUpdatedTimestamp"]
    assert found["AlarmConfigurationUpdatedTimestamp"] > before["AlarmConfigurationUpdatedTimestamp"]
    assert place.history()[-1] == 'Alarm "a" updated'
    assert states(place, [9]) == ["OK"]


def test_an_alarm_that_is_made_anew_has_no_state_and_no_tags_of_the_old_one(place: Any) -> None:
    arn = place.put_alarm(Tags=[{"Key": "k", "Value": "v"}]).alarm_arn
    states(place, [9])
    assert place.backend.list_tags_for_resource(arn) == {"k": "v"}
    place.backend.delete_known_alarms(["a"])
    assert place.put_alarm().state_value == "INSUFFICIENT_DATA"
    assert place.backend.list_tags_for_resource(arn) == {}


def test_a_deleted_alarm_is_not_evaluated_and_leaves_its_history(place: Any) -> None:
    place.put_alarm()
    place.put(Value=9.0)
    place.backend.delete_known_alarms(["a"])
    place.tick()
    assert place.told.started == []
    assert place.history() == ['Alarm "a" created', 'Alarm "a" deleted']


def test_none_is_deleted_where_one_is_missing_or_there_are_too_many(place: Any) -> None:
    place.put_alarm()
    with pytest.raises(CloudWatchException, match="Alarm b does not exist"):
        place.backend.delete_known_alarms(["a", "b"])
    with pytest.raises(CloudWatchException, match="100 members at most, not 101"):
        place.backend.delete_known_alarms(["a"] * 101)
    assert [alarm.name for alarm in place.backend.local_alarms()] == ["a"]


def test_names_that_are_not_there_do_not_matter_where_actions_are_switched(place: Any) -> None:
    place.put_alarm()
    place.backend.enable_actions(["a", "nobody"], is_enabled=False)
    assert place.backend.find_alarm("a").actions_enabled is False


@pytest.mark.parametrize(
    ("wanted", "names"),
    [
        (AlarmFilter(), ["loud", "lower", "quiet"]),
        (AlarmFilter(names=["quiet", "nobody"]), ["quiet"]),
        (AlarmFilter(name_prefix="lo"), ["loud", "lower"]),
        (AlarmFilter(state="ALARM"), ["loud"]),
        (AlarmFilter(state="INSUFFICIENT_DATA", name_prefix="l"), ["lower"]),
        (AlarmFilter(action_prefix="arn:aws:sns"), ["loud", "lower"]),
        (AlarmFilter(action_prefix=TOPIC, state="OK"), []),
        (AlarmFilter(action_prefix="arn:aws:lambda"), []),
    ],
)
def test_alarms_are_found_by_every_condition_together(
    place: Any, wanted: AlarmFilter, names: list[str]
) -> None:
    place.put_alarm(AlarmName="quiet")
    place.put_alarm(AlarmName="loud", AlarmActions=[TOPIC])
    place.put_alarm(AlarmName="lower", OKActions=[TOPIC])
    place.backend.set_alarm_state("loud", "r", "", "ALARM")
    assert [alarm.name for alarm in fitting(place.backend.local_alarms(), wanted)] == names


def test_one_alarm_that_fails_does_not_keep_the_others(place: Any, caplog: pytest.LogCaptureFixture) -> None:
    broken = place.put_alarm(AlarmName="0-broken")
    broken.spec = replace(broken.spec, rule=None)
    place.put_alarm()
    assert states(place, [9]) == ["ALARM"]
    assert "alarm 0-broken was not evaluated" in caplog.text


def test_history_tells_what_was_configured_and_both_states(place: Any) -> None:
    place.put_alarm(AlarmActions=[TOPIC])
    states(place, [9])
    created, changed, acted = [item.described() for item in place.backend.history.items]
    assert {item["AlarmName"] for item in (created, changed, acted)} == {"a"}
    kinds = [item["HistoryItemType"] for item in (created, changed, acted)]
    assert kinds == ["ConfigurationUpdate", "StateUpdate", "Action"]
    configured = json.loads(created["HistoryData"])
    assert (configured["version"], configured["type"]) == ("1.0", "Create")
    assert configured["createdAlarm"]["alarmName"] == "a"
    states_told = json.loads(changed["HistoryData"])
    assert states_told["oldState"] == {
        "stateValue": "INSUFFICIENT_DATA",
        "stateReason": "Unchecked: Initial alarm creation",
    }
    assert states_told["newState"]["stateReasonData"]["recentDatapoints"] == [9.0]
    assert json.loads(acted["HistoryData"])["notificationResource"] == TOPIC


def test_history_is_bounded(place: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alarms, "HISTORY_KEPT", 3)
    place.backend.history = History()
    for number in range(5):
        place.put_alarm(AlarmName=str(number))
    assert place.history() == [f'Alarm "{number}" created' for number in (2, 3, 4)]


def test_other_services_of_moto_put_alarms_too(place: Any) -> None:
    found = place.backend.put_metric_alarm(
        name="scaling",
        namespace="n",
        metric_name="m",
        comparison_operator="GreaterThanThreshold",
        evaluation_periods=3,
        period=60,
        threshold=5.0,
        statistic="Average",
        description="for a policy",
        dimensions=[{"Name": "d", "Value": "1"}],
        alarm_actions=[POLICY],
        unit=None,
        rule=None,
    )
    assert (found.name, found.alarm_actions) == ("scaling", [POLICY])
    assert found.described()["AlarmDescription"] == "for a policy"
