"""DeployFunctionOperator: created or updated, and ready before it is used."""

from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException

from musher.operators.functions import DeployFunctionOperator
from musher.settings import Settings
from musher.triggers.waits import WaitTrigger
from tests.unit.musher.operators.fake_function import ARN, NAME, REQUEST, TAGS, FakeLambda, asked
from tests.unit.musher.operators.fakes import FakeClock, FakeHook, FakeLogs, FakeTask


@pytest.fixture
def aws(fake_clock: FakeClock) -> FakeLambda:
    return FakeLambda()


@pytest.fixture
def operator(aws: FakeLambda, monkeypatch: pytest.MonkeyPatch) -> DeployFunctionOperator:
    hook = FakeHook(aws, "lambda")
    monkeypatch.setattr(WaitTrigger, "hook", hook)
    made = DeployFunctionOperator(task_id="run_function", config=asked(REQUEST), alias="live")
    made.__dict__ |= {"hook": hook, "settings": Settings(account_id="123456789012")}
    return made


def test_a_missing_function_is_created(operator: DeployFunctionOperator, aws: FakeLambda) -> None:
    result = operator.execute(FakeTask().context())
    assert result.pop("seconds") >= 0
    assert result == {
        "function_name": NAME,
        "function_arn": f"{ARN}:live",
        "alias": "live",
        "version": "1",
        "previous_version": None,
        "reserved": 5,
        "provisioned": 0,
    }
    assert aws.steps == ["reserve 5", "alias 1"]
    assert aws.calls == [("create", REQUEST)]


@pytest.mark.parametrize("exists", [False, True])
def test_each_try_sets_how_long_the_log_is_kept(
    operator: DeployFunctionOperator, aws: FakeLambda, log_groups: FakeLogs, exists: bool
) -> None:
    aws.exists = exists
    operator.execute(FakeTask().context())
    group = f"/aws/lambda/{NAME}"
    assert log_groups.days == {group: operator.settings.log_days}
    assert log_groups.tags == {group: TAGS}


def test_an_existing_function_is_updated_one_change_at_a_time(
    operator: DeployFunctionOperator, aws: FakeLambda
) -> None:
    aws.exists = True
    operator.execute(FakeTask().context())
    assert aws.calls == [
        ("code", {"FunctionName": NAME, "S3Bucket": "b", "S3Key": "musher/lambda/ff/function.zip"}),
        (
            "configuration",
            {"FunctionName": NAME, "Runtime": "python3.14", "Environment": REQUEST["Environment"]},
        ),
    ]


def test_a_failed_function_says_why(operator: DeployFunctionOperator, aws: FakeLambda) -> None:
    aws.end = {"State": "Failed", "LastUpdateStatus": "Failed", "StateReason": "The role cannot be assumed."}
    with pytest.raises(AirflowFailException, match=f"Function {NAME} is Failed.*The role cannot be assumed"):
        operator.execute(FakeTask().context())


def test_a_function_is_looked_at_every_two_seconds_within_its_bound(
    operator: DeployFunctionOperator, aws: FakeLambda, fake_clock: FakeClock
) -> None:
    aws.end = {"State": "Pending", "LastUpdateStatus": "InProgress"}
    with pytest.raises(AirflowFailException, match=r"is Pending, .*did not get there in time"):
        operator.execute(FakeTask().context())
    assert set(fake_clock.slept) == {2.0}
    assert 290 < sum(fake_clock.slept) <= 300


def change(operator: DeployFunctionOperator, *, run: str, endpoint: str, **concurrency: Any) -> Any:
    """Deploy the function as another run does, before another endpoint."""
    variables = {"Variables": {"ENDPOINT_NAME": endpoint}}
    request = {**REQUEST, "Environment": variables, "Tags": {**TAGS, "musher:run": run}}
    operator.config = asked(request, **concurrency)
    result = operator.execute(FakeTask().context())
    return result["version"], result["previous_version"]


def test_the_alias_moves_to_each_new_version_and_what_it_stood_for_is_named(
    operator: DeployFunctionOperator, aws: FakeLambda
) -> None:
    assert change(operator, run="0123abcd", endpoint="one") == ("1", None)
    assert change(operator, run="89abcdef", endpoint="two") == ("2", "1")
    assert aws.aliases == {"live": "2"}


def test_a_retry_names_what_the_alias_stood_for_before_its_run(
    operator: DeployFunctionOperator, aws: FakeLambda
) -> None:
    change(operator, run="0123abcd", endpoint="one")
    for _ in range(2):
        assert change(operator, run="89abcdef", endpoint="two") == ("2", "1")


def test_a_run_that_changes_nothing_puts_nothing_else_back(
    operator: DeployFunctionOperator, aws: FakeLambda
) -> None:
    change(operator, run="0123abcd", endpoint="one")
    assert change(operator, run="0123abcd", endpoint="one") == ("1", None)
    assert change(operator, run="89abcdef", endpoint="one") == ("1", "1")
    assert aws.steps == ["reserve 5", "alias 1"]


def test_users_go_over_to_a_version_that_is_warm_and_then_the_old_one_gives_up_its_environments(
    operator: DeployFunctionOperator, aws: FakeLambda
) -> None:
    change(operator, run="0123abcd", endpoint="one", reserved=3, provisioned=2)
    assert aws.steps == ["reserve 3", "provision 2 of 1", "1 is warm", "alias 1"]
    aws.steps.clear()
    change(operator, run="89abcdef", endpoint="two", reserved=3, provisioned=2)
    assert aws.steps == [
        "reserve 4",
        "provision 2 of 2",
        "2 is warm",
        "alias 2",
        "provision 0 of 1",
        "reserve 3",
    ]
    assert (aws.tags["musher:previous-reserved"], aws.tags["musher:previous-provisioned"]) == ("3", "2")


def test_concurrency_of_the_same_version_shrinks_and_ends(
    operator: DeployFunctionOperator, aws: FakeLambda
) -> None:
    change(operator, run="0123abcd", endpoint="one", reserved=8, provisioned=4)
    for reserved, provisioned in ((3, 2), (None, 2), (None, 0)):
        change(operator, run="0123abcd", endpoint="one", reserved=reserved, provisioned=provisioned)
        assert aws.reserved == reserved
        left = {name: c["RequestedProvisionedConcurrentExecutions"] for name, c in aws.configs.items()}
        assert left == ({"1": provisioned} if provisioned else {})


def test_environments_that_do_not_start_leave_the_alias_and_say_why(
    operator: DeployFunctionOperator, aws: FakeLambda
) -> None:
    change(operator, run="0123abcd", endpoint="one", provisioned=2)
    aws.fails = {"2"}
    with pytest.raises(
        AirflowFailException,
        match=r"is 2, .* 2 environments of version 2 .*FUNCTION_ERROR_INIT_FAILURE, the",
    ):
        change(operator, run="89abcdef", endpoint="two", provisioned=2)
    assert aws.aliases == {"live": "1"}
    assert set(aws.configs) == {"1"}


def test_environments_that_never_start_are_waited_for_within_a_bound(
    operator: DeployFunctionOperator, aws: FakeLambda, fake_clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(aws, "get_provisioned_concurrency_config", lambda **_: aws.configs["1"])
    with pytest.raises(AirflowFailException, match=r"version 1 .*did not get there in time"):
        change(operator, run="0123abcd", endpoint="one", provisioned=2)
    assert 880 < sum(fake_clock.slept) <= 902
    assert aws.configs == {}


def test_concurrency_that_is_not_what_was_asked_for_is_no_success(
    operator: DeployFunctionOperator, aws: FakeLambda, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(aws, "put_function_concurrency", lambda **_: None)
    with pytest.raises(AirflowFailException, match=r"reserved=5, provisioned=0.* and has .*reserved=None"):
        change(operator, run="0123abcd", endpoint="one")
