"""DeployFunctionOperator: a new version has shares of the calls first, whatever ends the process."""

from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException

from musher.hooks import connection
from musher.names import function_alarms
from musher.operators.functions import DeployFunctionOperator
from musher.settings import Settings
from musher.triggers.alarms import AlarmTrigger
from musher.triggers.waits import WaitTrigger
from tests.unit.musher.operators.fake_function import (
    NAME,
    REQUEST,
    TAGS,
    FakeLambda,
    FakeScaler,
    FakeWatch,
    asked,
)
from tests.unit.musher.operators.fakes import FakeClock, FakeHook, FakeTask, refuse

BAKE_S = 600
CANARY = {"shares_percent": [20], "bake_s": BAKE_S, "max_error_percent": 5.0, "max_p99_ms": 900.0}
LINEAR = {**CANARY, "shares_percent": [30, 60, 90]}
WATCHED = "alarm: Percentage of the calls of version 2 by alias live that fail."


class LostError(Exception):
    """A worker that is gone."""


@pytest.fixture
def aws(fake_clock: FakeClock) -> FakeLambda:
    return FakeLambda()


@pytest.fixture
def watch(aws: FakeLambda, monkeypatch: pytest.MonkeyPatch) -> FakeWatch:
    made = FakeWatch(aws.steps)
    monkeypatch.setattr(connection, "cloudwatch_hook", lambda settings: made)
    monkeypatch.setattr(AlarmTrigger, "hook", FakeHook(made, "cloudwatch"), raising=False)
    return made


@pytest.fixture
def scaler(aws: FakeLambda, monkeypatch: pytest.MonkeyPatch) -> FakeScaler:
    made = FakeScaler(aws.steps)
    monkeypatch.setattr(connection, "autoscaling_hook", lambda settings: made)
    return made


@pytest.fixture
def operator(
    aws: FakeLambda, watch: FakeWatch, scaler: FakeScaler, monkeypatch: pytest.MonkeyPatch
) -> DeployFunctionOperator:
    """An operator with a function whose alias stands for version 1."""
    hook = FakeHook(aws, "lambda")
    monkeypatch.setattr(WaitTrigger, "hook", hook)
    made = DeployFunctionOperator(task_id="run_function", config=asked(REQUEST), alias="live")
    made.__dict__ |= {"hook": hook, "settings": Settings(account_id="123456789012")}
    release(made, run="0123abcd", endpoint="one", provisioned=1)
    aws.steps.clear()
    return made


def release(
    operator: DeployFunctionOperator, *, run: str = "89abcdef", endpoint: str = "two", **asks: Any
) -> Any:
    """Deploy the function as one run does, before an endpoint."""
    variables = {"Variables": {"ENDPOINT_NAME": endpoint}}
    request = {**REQUEST, "Environment": variables, "Tags": {**TAGS, "musher:run": run}}
    operator.config = asked(request, **{"provisioned": 1, "shift": CANARY, **asks})
    return operator.execute(FakeTask().context())


def lose_worker(aws: Any, method: str, monkeypatch: pytest.MonkeyPatch, *, before: bool) -> None:
    """End the process once, as a call of AWS begins or when it has been made."""
    call = getattr(aws, method)

    def lost(**arguments: Any) -> Any:
        monkeypatch.setattr(aws, method, call)
        if not before:
            call(**arguments)
        raise LostError

    monkeypatch.setattr(aws, method, lost)


def test_a_canary_has_its_share_for_the_time_asked_and_then_all(
    operator: DeployFunctionOperator, aws: FakeLambda, watch: FakeWatch, fake_clock: FakeClock
) -> None:
    fake_clock.slept.clear()
    result = release(operator)
    assert (result["version"], result["previous_version"]) == ("2", "1")
    assert aws.steps == [
        "provision 1 of 2",
        "2 is warm",
        WATCHED,
        "alias 1, 2 has 0.2",
        "alias 2",
        "no alarm",
        "provision 0 of 1",
    ]
    assert BAKE_S <= sum(fake_clock.slept) < BAKE_S + 60
    assert max(fake_clock.slept) == 10.0


def test_both_versions_are_warm_while_they_share_the_calls(
    operator: DeployFunctionOperator, aws: FakeLambda, fake_clock: FakeClock
) -> None:
    warm: set[tuple[Any, ...]] = set()

    def look() -> None:
        if aws.weights:
            warm.add((aws.reserved, *(c["Status"] for c in aws.configs.values())))

    fake_clock.on_sleep = look
    release(operator, reserved=1, provisioned=1)
    assert warm == {(2, "READY", "READY")}, "so much is reserved that both have room"
    assert (aws.reserved, set(aws.configs)) == (1, {"2"})


def test_steps_follow_each_other(operator: DeployFunctionOperator, aws: FakeLambda) -> None:
    release(operator, shift=LINEAR)
    assert [step for step in aws.steps if step.startswith("alias")] == [
        "alias 1, 2 has 0.3",
        "alias 1, 2 has 0.6",
        "alias 1, 2 has 0.9",
        "alias 2",
    ]


@pytest.mark.parametrize("shift", [None, {**CANARY, "shares_percent": []}])
def test_all_at_once_shares_nothing(
    operator: DeployFunctionOperator, aws: FakeLambda, shift: dict[str, Any] | None
) -> None:
    release(operator, shift=shift)
    assert [step for step in aws.steps if "al" in step] == ["alias 2"]


def test_a_first_version_and_one_that_is_live_already_share_nothing(
    operator: DeployFunctionOperator, aws: FakeLambda
) -> None:
    assert release(operator, endpoint="one")["version"] == "1"
    aws.aliases.clear()
    release(operator)
    assert [step for step in aws.steps if "al" in step] == ["alias 2"]


@pytest.mark.parametrize("ending", ["rings", "is removed"])
@pytest.mark.parametrize("alarm", ["errors", "duration", "canary"])
def test_a_version_whose_alarm_rings_or_is_gone_is_taken_back(
    operator: DeployFunctionOperator,
    aws: FakeLambda,
    watch: FakeWatch,
    fake_clock: FakeClock,
    ending: str,
    alarm: str,
) -> None:
    watch.ringing = f"{NAME}-{alarm}"

    def happen() -> None:
        if aws.weights and ending == "rings":
            watch.state = "ALARM"
        elif aws.weights:
            watch.alarms.pop(watch.ringing, None)

    fake_clock.on_sleep = happen
    said = "rang: Threshold Crossed" if ending == "rings" else "is gone"
    with pytest.raises(AirflowFailException, match=rf"-{alarm} {said}.*Version 2 .* version 1 answers all"):
        release(operator)
    assert sum(fake_clock.slept) < BAKE_S, "nobody waits for the end of the share"
    assert (aws.aliases, aws.weights) == ({"live": "1"}, {})
    assert (aws.reserved, set(aws.configs), watch.alarms) == (5, {"1"}, {})
    assert aws.steps.index("alias 1") < aws.steps.index("provision 0 of 2")


def test_an_alarm_that_rings_at_the_last_moment_counts(
    operator: DeployFunctionOperator, aws: FakeLambda, watch: FakeWatch
) -> None:
    operator.config = asked(REQUEST, provisioned=1, shift=CANARY)
    watch.alarms = {name: {"AlarmName": name} for name in function_alarms(NAME)}
    aws.weights, watch.state = {"2": 0.2}, "ALARM"
    carried = {"then": "next_share", "version": "2", "previous": "1", "started_at": 0.0, "percent": 20}
    event = {"outcome": "timeout", "message": "", "carried": carried}
    with pytest.raises(AirflowFailException, match="rang: Threshold Crossed"):
        operator.resume(FakeTask().context(), event)
    assert aws.weights == {}


@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize(
    "method",
    ["put_metric_alarm", "update_alias", "delete_alarms", "delete_provisioned_concurrency_config"],
)
def test_a_try_that_is_lost_anywhere_is_taken_up(
    operator: DeployFunctionOperator,
    aws: FakeLambda,
    watch: FakeWatch,
    monkeypatch: pytest.MonkeyPatch,
    method: str,
    before: bool,
) -> None:
    lose_worker(watch if "alarm" in method else aws, method, monkeypatch, before=before)
    with pytest.raises(LostError):
        release(operator)
    result = release(operator)
    assert (result["version"], result["previous_version"]) == ("2", "1")
    assert (aws.aliases, aws.weights, watch.alarms) == ({"live": "2"}, {}, {})
    assert (aws.reserved, set(aws.configs)) == (5, {"2"})
    assert aws.steps.count("alias 1, 2 has 0.2") == 1


def test_a_retry_goes_on_with_the_share_that_it_finds(
    operator: DeployFunctionOperator, aws: FakeLambda, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []

    def lose_at_second(**arguments: Any) -> Any:
        calls.append(arguments)
        if len(calls) == 2:
            raise LostError
        return FakeLambda.update_alias(aws, **arguments)

    monkeypatch.setattr(aws, "update_alias", lose_at_second)
    with pytest.raises(LostError):
        release(operator, shift=LINEAR)
    assert aws.weights == {"2": 0.3}
    release(operator, shift=LINEAR)
    shares = [step for step in aws.steps if step.startswith("alias")]
    assert shares == ["alias 1, 2 has 0.3", "alias 1, 2 has 0.6", "alias 1, 2 has 0.9", "alias 2"]


@pytest.mark.parametrize("method", ["delete_provisioned_concurrency_config", "delete_alarms"])
def test_a_try_that_is_lost_while_it_takes_back_does_not_begin_anew(
    operator: DeployFunctionOperator,
    aws: FakeLambda,
    watch: FakeWatch,
    fake_clock: FakeClock,
    monkeypatch: pytest.MonkeyPatch,
    method: str,
) -> None:
    def ring() -> None:
        watch.state = "ALARM" if aws.weights else watch.state

    fake_clock.on_sleep = ring
    lose_worker(watch if "alarm" in method else aws, method, monkeypatch, before=True)
    with pytest.raises(LostError):
        release(operator)
    assert aws.weights == {}
    with pytest.raises(AirflowFailException, match="rang: Threshold Crossed"):
        release(operator)
    assert (aws.aliases, aws.weights, set(aws.configs), watch.alarms) == ({"live": "1"}, {}, {"1"}, {})
    assert aws.steps.count("alias 1, 2 has 0.2") == 1


def test_what_another_run_has_left_behind_is_replaced(
    operator: DeployFunctionOperator, aws: FakeLambda, watch: FakeWatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    lose_worker(watch, "delete_alarms", monkeypatch, before=True)
    with pytest.raises(LostError):
        release(operator)
    aws.aliases, aws.weights, watch.state = {"live": "1"}, {"2": 0.2}, "ALARM"
    aws.steps.clear()
    assert release(operator, run="76543210", endpoint="three")["version"] == "3"
    assert aws.steps[aws.steps.index("no alarm") :] == [
        "no alarm",
        "alarm: Percentage of the calls of version 3 by alias live that fail.",
        "alias 1, 3 has 0.2",
        "alias 3",
        "no alarm",
        "provision 0 of 1",
        "provision 0 of 2",
    ]


def test_an_alias_that_somebody_else_has_changed_stays_as_it_is(
    operator: DeployFunctionOperator, aws: FakeLambda, fake_clock: FakeClock
) -> None:
    def roll_back() -> None:
        aws.weights = {}

    fake_clock.on_sleep = lambda: roll_back() if aws.weights else None
    with pytest.raises(AirflowFailException, match=r"no longer gives 20 % of its calls to version 2"):
        release(operator)
    assert (aws.aliases, aws.weights) == ({"live": "1"}, {})


def test_the_error_says_what_could_not_be_put_back(
    operator: DeployFunctionOperator,
    aws: FakeLambda,
    watch: FakeWatch,
    fake_clock: FakeClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refused(**_: Any) -> None:
        raise refuse("InvalidParameterValueException", "PutProvisionedConcurrencyConfig")

    def ring() -> None:
        if aws.weights:
            watch.state = "ALARM"
            aws.configs.pop("1", None)
            monkeypatch.setattr(aws, "put_provisioned_concurrency_config", refused)

    fake_clock.on_sleep = ring
    with pytest.raises(
        AirflowFailException, match=r"rang: .*again\. Function .* was to have .*provisioned=1"
    ):
        release(operator)
    assert (aws.weights, watch.alarms) == ({}, {})


SCALING = {"least": 1, "most": 4, "target_percent": 70.0, "schedule": ["cron(0 8 ? * MON-FRI *) 2 4"]}


def test_the_version_that_goes_live_scales_and_the_one_before_no_longer(
    operator: DeployFunctionOperator, aws: FakeLambda, scaler: FakeScaler
) -> None:
    release(operator, scaling=SCALING)
    assert aws.steps[-3:] == ["no alarm", "provision 0 of 1", "scale 2 from 1 to 4"]
    aws.steps.clear()
    release(operator, run="76543210", endpoint="three", scaling=SCALING)
    assert aws.steps[-4:] == [
        "no alarm",
        "2 scales no longer",
        "provision 0 of 2",
        "scale 3 from 1 to 4",
    ]
    assert set(scaler.targets) == {f"function:{NAME}:3"}
    policy, action = scaler.targets[f"function:{NAME}:3"]
    assert policy["TargetTrackingScalingPolicyConfiguration"]["TargetValue"] == 0.7
    assert action["ScalableTargetAction"] == {"MinCapacity": 2, "MaxCapacity": 4}


@pytest.mark.parametrize(("has", "begins"), [(1, 1), (3, 3), (9, 4)])
def test_a_new_version_begins_with_as_many_environments_as_users_have(
    operator: DeployFunctionOperator, aws: FakeLambda, has: int, begins: int
) -> None:
    aws.reserved = None
    aws.configs["1"]["RequestedProvisionedConcurrentExecutions"] = has
    result = release(operator, reserved=None, scaling=SCALING)
    assert f"provision {begins} of 2" in aws.steps
    assert result["provisioned"] == begins
    assert set(aws.configs) == {"2"}


def test_a_run_that_asks_for_no_scaling_ends_it(
    operator: DeployFunctionOperator, aws: FakeLambda, scaler: FakeScaler
) -> None:
    release(operator, scaling=SCALING)
    release(operator, run="76543210", endpoint="two")
    assert scaler.targets == {}
    assert aws.configs["2"]["RequestedProvisionedConcurrentExecutions"] == 1


def test_a_version_that_is_taken_back_leaves_nothing_that_scales(
    operator: DeployFunctionOperator,
    aws: FakeLambda,
    watch: FakeWatch,
    scaler: FakeScaler,
    fake_clock: FakeClock,
) -> None:
    scaler.targets[f"function:{NAME}:1"] = []

    def ring() -> None:
        watch.state = "ALARM" if aws.weights else watch.state

    fake_clock.on_sleep = ring
    with pytest.raises(AirflowFailException, match="rang: Threshold Crossed"):
        release(operator, scaling=SCALING)
    assert scaler.targets == {}
    assert set(aws.configs) == {"1"}
