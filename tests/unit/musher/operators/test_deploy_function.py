"""DeployFunctionOperator: created or updated, and ready before it is used."""

from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException

from musher.operators.functions import DeployFunctionOperator
from musher.settings import Settings
from musher.triggers.waits import WaitTrigger
from tests.unit.musher.operators.fakes import FakeClock, FakeHook, FakeLogs, FakeTask

NAME = "musher-0123abcd"
ARN = "arn:aws:lambda:us-east-1:123456789012:function:" + NAME
TAGS = {"musher:project": "musher", "musher:run": "0123abcd"}
REQUEST = {
    "FunctionName": NAME,
    "Runtime": "python3.14",
    "Code": {"S3Bucket": "b", "S3Key": "musher/lambda/ff/function.zip"},
    "Environment": {"Variables": {"ENDPOINT_NAME": NAME}},
    "Tags": TAGS,
}


class FakeLambda:
    """One function in memory; after every change it is ready at the second look."""

    def __init__(self) -> None:
        self.exists = False
        self.states: list[dict[str, str]] = []
        self.end = {"State": "Active", "LastUpdateStatus": "Successful"}
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.tags = dict(TAGS)
        self.versions: list[Any] = []
        """What each published version was made of."""
        self.aliases: dict[str, str] = {}
        self.conn = self

    def _change(self, call: str, request: dict[str, Any]) -> None:
        assert not self.states, f"{call} while the last change was under way"
        self.calls.append((call, request))
        self.exists = True
        self.states = [{"State": "Active", "LastUpdateStatus": "InProgress"}, self.end]

    def create_function(self, **request: Any) -> None:
        self._change("create", request)

    def update_function_code(self, **request: Any) -> None:
        self._change("code", request)

    def update_function_configuration(self, **request: Any) -> None:
        self._change("configuration", request)

    def get_function_configuration(self, **_: str) -> dict[str, str]:
        state = self.states.pop(0) if self.states else self.end
        return {**state, "FunctionArn": ARN}

    def publish_version(self, **_: str) -> dict[str, str]:
        made_of = self.calls[-1][1].get("Environment")
        if made_of not in self.versions:
            self.versions.append(made_of)
        return {"Version": str(self.versions.index(made_of) + 1)}

    def find_alias(self, name: str, *, alias: str) -> dict[str, str] | None:
        return self._alias(alias) if alias in self.aliases else None

    def _alias(self, name: str) -> dict[str, str]:
        return {"AliasArn": f"{ARN}:{name}", "FunctionVersion": self.aliases[name]}

    def create_alias(self, *, Name: str, FunctionVersion: str, **_: Any) -> dict[str, str]:  # noqa: N803
        assert Name not in self.aliases
        self.aliases[Name] = FunctionVersion
        return self._alias(Name)

    def update_alias(self, *, Name: str, FunctionVersion: str, **rest: Any) -> dict[str, str]:  # noqa: N803
        assert rest["RoutingConfig"] == {"AdditionalVersionWeights": {}}
        self.aliases[Name] = FunctionVersion
        return self._alias(Name)

    def tag_resource(self, *, Resource: str, Tags: dict[str, str]) -> None:  # noqa: N803
        assert Resource == ARN
        self.tags |= Tags

    def list_tags(self, *, Resource: str) -> dict[str, Any]:  # noqa: N803
        return {"Tags": self.tags}

    def find_function(self, name: str) -> dict[str, str] | None:
        return self.end if self.exists else None


@pytest.fixture
def aws(fake_clock: FakeClock) -> FakeLambda:
    return FakeLambda()


@pytest.fixture
def operator(aws: FakeLambda, monkeypatch: pytest.MonkeyPatch) -> DeployFunctionOperator:
    hook = FakeHook(aws, "lambda")
    monkeypatch.setattr(WaitTrigger, "hook", hook)
    made = DeployFunctionOperator(task_id="run_function", config=REQUEST, alias="live")
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
    }
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


def change(operator: DeployFunctionOperator, *, run: str, endpoint: str) -> Any:
    """Deploy the function as another run does, before another endpoint."""
    variables = {"Variables": {"ENDPOINT_NAME": endpoint}}
    operator.config = {**REQUEST, "Environment": variables, "Tags": {**TAGS, "musher:run": run}}
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


def test_a_run_that_changes_nothing_has_nothing_to_put_back(
    operator: DeployFunctionOperator, aws: FakeLambda
) -> None:
    change(operator, run="0123abcd", endpoint="one")
    assert change(operator, run="89abcdef", endpoint="one") == ("1", "1")
    assert change(operator, run="0123abcd", endpoint="one") == ("1", None)
