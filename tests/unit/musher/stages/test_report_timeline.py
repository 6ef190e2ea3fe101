"""What the report asks AWS about an endpoint: a look that fails is a gap, and none holds the report up."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ConnectTimeoutError

from musher.stages import report_timeline
from musher.stages.report_timeline import Looks, find_endpoint_of, read_happenings
from musher.stages.run import Run
from tests.unit.musher.happening_records import STARTED, happen
from tests.unit.musher.operators.fakes import refuse
from tests.unit.musher.stages.test_report_stage import NOTHING

HIGH = "TargetTracking-endpoint/musher-live/variant/AllTraffic-AlarmHigh-1"
FUNCTION: Any = {"function_name": "musher-classify", "alias": "live", "version": "3"}
STEPS = happen()["steps"]


class FakeAws:
    """The services that are asked, in one; `refused` are the calls that fail."""

    def __init__(self) -> None:
        self.conn = self
        self.refused: dict[str, Exception] = {}
        self.calls: list[str] = []
        self.more: dict[str, str] = {}

    def __getattribute__(self, name: str) -> Any:
        found = object.__getattribute__(self, name)
        if not name.startswith(("describe", "get")):
            return found
        self.calls.append(name)
        return self.fail_with(self.refused[name]) if name in self.refused else found

    def fail_with(self, error: Exception) -> Callable[..., Any]:
        def fail(**_: Any) -> Any:
            raise error

        return fail

    def describe_endpoint(self, *, EndpointName: str) -> Any:  # noqa: N803
        return {"EndpointStatus": "InService", "EndpointConfigName": f"{EndpointName}-2"}

    def describe_alarms(self, *, AlarmNames: list[str]) -> Any:  # noqa: N803
        found = [name for name in AlarmNames if name != "musher-live-latency"]
        return {"MetricAlarms": [{"AlarmName": name, "StateValue": "OK"} for name in found]}

    def describe_alarm_history(self, *, AlarmName: str, StartDate: datetime, **_: Any) -> Any:  # noqa: N803
        assert StartDate == STARTED
        moments = (STARTED + timedelta(seconds=90), STARTED + timedelta(seconds=30))
        items = [{"Timestamp": moment, "HistorySummary": AlarmName} for moment in moments]
        return {"AlarmHistoryItems": items} | self.more

    def describe_scaling_policies(self, *, ResourceId: str, **_: Any) -> Any:  # noqa: N803
        assert ResourceId == "endpoint/musher-live/variant/AllTraffic"
        return {"ScalingPolicies": [{"Alarms": [{"AlarmName": HIGH}]}, {}]}

    def describe_scaling_activities(self, **_: Any) -> Any:
        begun = [STARTED + timedelta(seconds=seconds) for seconds in (200, 100, -5)]
        item = {"Description": "Setting", "Cause": "alarm", "StatusCode": "Successful"}
        return {"ScalingActivities": [item | {"StartTime": moment} for moment in begun]} | self.more

    def get_function_configuration(self, *, FunctionName: str, Qualifier: str) -> Any:  # noqa: N803
        return {"LastModified": "2026-01-01T12:02:00.000+0000"}

    def get_alias(self, *, FunctionName: str, Name: str) -> Any:  # noqa: N803
        return {"FunctionVersion": "3"}


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> FakeAws:
    """All services that are looked at."""
    made = FakeAws()
    monkeypatch.setattr(report_timeline, "glance_hook", lambda settings, service: made)
    return made


@pytest.fixture
def read(aws: FakeAws, form_run: Callable[..., Run]) -> Callable[..., Any]:
    """Return a function that reads what happened to the live endpoint."""

    def call(*, steps: Any = STEPS, function: Any = FUNCTION) -> Any:
        return read_happenings(form_run(), endpoint_name="musher-live", steps=steps, function=function)

    return call


def test_alarms_activities_and_version_since_the_update_s_start_are_read(read: Any, aws: FakeAws) -> None:
    found = read()
    assert found["gaps"] == []
    assert (found["endpoint"], found["since"], found["steps"]) == ("musher-live", STEPS[0]["at"], STEPS)
    assert [alarm["name"] for alarm in found["alarms"]] == ["musher-live-errors", HIGH]
    changes = [change["at"] for change in found["alarms"][0]["changes"]]
    assert changes == sorted(changes)
    assert [activity["at"][14:19] for activity in found["activities"]] == ["01:40", "03:20"]
    assert found["function"] == {
        "name": "musher-classify",
        "version": "3",
        "at": "2026-01-01T12:02:00.000+00:00",
        "is_live": True,
    }
    assert found["now"] == {"status": "InService", "config_name": "musher-live-2"}
    assert len(aws.calls) == 8


def test_each_look_that_fails_leaves_a_gap_and_the_others_go_on(read: Any, aws: FakeAws) -> None:
    aws.refused = {
        "describe_alarm_history": refuse("AccessDenied", "DescribeAlarmHistory"),
        "describe_scaling_activities": ConnectTimeoutError(endpoint_url="https://autoscaling"),
    }
    found = read()
    assert (found["alarms"], found["activities"]) == ([], [])
    assert found["function"]["version"] == "3"
    assert len(found["gaps"]) == 3
    assert "Changes of alarm musher-live-errors: An error occurred (AccessDenied)" in found["gaps"][0]
    assert "Scaling activities: Connect timeout" in found["gaps"][2]


def test_nothing_at_all_can_be_read_and_the_report_is_written(read: Any, aws: FakeAws) -> None:
    denied = refuse("AccessDenied", "x")
    aws.refused = dict.fromkeys(
        ("describe_scaling_policies", "describe_alarms", "describe_scaling_activities", "get_alias"), denied
    )
    found = read(steps=[])
    assert len(found["gaps"]) == 4
    assert (found["steps"], found["alarms"], found["function"]) == ([], [], None)


def test_an_endpoint_that_is_gone_is_no_gap(read: Any, aws: FakeAws) -> None:
    aws.refused = {"describe_endpoint": refuse("ValidationException", "DescribeEndpoint")}
    found = read()
    assert (found["now"], found["gaps"]) == ({"status": "gone", "config_name": None}, [])


def test_what_is_more_than_a_page_is_said_to_be_cut(read: Any, aws: FakeAws) -> None:
    aws.more = {"NextToken": "more"}
    assert read()["gaps"] == [
        "Changes of alarm musher-live-errors: the newest 2 are shown.",
        f"Changes of alarm {HIGH}: the newest 2 are shown.",
    ]


def test_after_a_minute_nothing_more_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    moments = iter([59.0, 61.0])
    monkeypatch.setattr(report_timeline, "time", SimpleNamespace(monotonic=lambda: next(moments)))
    looks = Looks(deadline=60.0)
    assert looks.look("Alarms", lambda: "seen") == "seen"
    assert looks.look("Activities", lambda: pytest.fail("too late")) is None
    assert looks.gaps == ["Activities: not looked at, as the looks before took over 60 s."]


def test_a_failure_of_the_code_itself_is_no_gap() -> None:
    with pytest.raises(ZeroDivisionError):
        Looks(deadline=datetime.now(UTC).timestamp() * 10).look("Alarms", lambda: 1 / 0)


@pytest.mark.parametrize(
    ("results", "has_failed", "params", "name"),
    [
        ({"endpoint": {"name": "e"}}, False, {}, "musher-live"),
        ({}, True, {}, "musher-live"),
        ({"load": {"target": "other"}}, False, {"target_kind": "endpoint"}, "other"),
        ({"load": {"target": "f:live"}}, False, {"target_kind": "function"}, None),
        ({}, False, {}, None),
    ],
)
def test_the_endpoint_is_the_one_that_the_run_deployed_to_or_loaded(
    results: Any, has_failed: bool, params: Any, name: str | None, form_run: Callable[..., Run]
) -> None:
    run = form_run(**params)
    assert find_endpoint_of(run, {**NOTHING, **results}, has_failed=has_failed) == name
