"""What a run did to a function is undone: version and concurrency together."""

from typing import Any

import pytest

from musher.errors import LambdaError
from musher.hooks.release_notes import ReleaseNote, read_note, write_note
from musher.hooks.releases import confirm_alias, put_alias_back
from musher.payloads.concurrency import Concurrency
from tests.unit.musher.fake_concurrency import ARN, FakeConcurrency
from tests.unit.musher.operators.fakes import FakeWaiter, refuse

SLUG = "89abcdef"


class FakeFunction(FakeConcurrency):
    """A function whose alias `live` stands for version 2, with 2 environments, and had 1 with 3."""

    def __init__(self) -> None:
        super().__init__()
        self.version, self.tags, self.is_there = "2", {"musher:run": SLUG}, True
        self.weights: dict[str, float] = {}
        self.watches = True
        self.conn = self
        self.reserved = 4
        self.put_provisioned_concurrency_config(Qualifier="2", ProvisionedConcurrentExecutions=2)
        self.configs["2"] |= {"Status": "READY", "AllocatedProvisionedConcurrentExecutions": 2}
        self.steps.clear()

    def find_function(self, name: str) -> dict[str, str] | None:
        return {"FunctionArn": ARN} if self.is_there else None

    def find_alias(self, name: str, *, alias: str) -> dict[str, Any]:
        routing = {"AdditionalVersionWeights": self.weights}
        return {"FunctionVersion": self.version, "RoutingConfig": routing}

    def update_alias(self, *, FunctionVersion: str, RoutingConfig: Any, **_: Any) -> dict[str, str]:  # noqa: N803
        self.version, self.weights = FunctionVersion, RoutingConfig["AdditionalVersionWeights"]
        self.steps.append(f"alias {FunctionVersion}")
        return {}

    def tag_resource(self, *, Resource: str, Tags: dict[str, str]) -> None:  # noqa: N803
        self.tags |= Tags

    def list_tags(self, *, Resource: str) -> dict[str, Any]:  # noqa: N803
        return {"Tags": self.tags}

    def delete_function(self, **_: str) -> None:
        self.is_there = False

    def get_waiter(self, name: str) -> Any:
        return FakeWaiter(self, "lambda", name)

    def end_watch(self) -> None:
        self.watches = False

    def end_scaling(self) -> None:
        self.steps.append("scales no longer")


@pytest.fixture
def aws() -> FakeFunction:
    made = FakeFunction()
    before = Concurrency(reserved=5, provisioned=3)
    write_note(made, arn=ARN, note=ReleaseNote(run=SLUG, previous="1", next="2", concurrency=before))  # type: ignore[arg-type]
    return made


def undo(aws: Any, *, slug: str = SLUG) -> list[str]:
    ends = {"end_watch": aws.end_watch, "end_scaling": aws.end_scaling}
    return put_alias_back(aws, name="f", slug=slug, delay_s=0.001, **ends)


def share(aws: FakeFunction) -> None:
    """Let the alias stand for version 1, still warm, and give version 2 half of the calls."""
    aws.version, aws.weights, aws.reserved = "1", {"2": 0.5}, 5
    aws.put_provisioned_concurrency_config(Qualifier="1", ProvisionedConcurrentExecutions=3)
    aws.configs["1"] |= {"Status": "READY", "AllocatedProvisionedConcurrentExecutions": 3, "looks": 2}
    aws.steps.clear()


@pytest.mark.parametrize("reserved", [None, 0, 5])
def test_a_note_is_read_as_it_was_written(aws: FakeFunction, reserved: int | None) -> None:
    had = Concurrency(reserved=reserved, provisioned=1)
    note = ReleaseNote(run=SLUG, previous="1", next="2", concurrency=had)
    write_note(aws, arn=ARN, note=note)  # type: ignore[arg-type]
    assert read_note(aws.tags) == note


def test_the_version_before_is_warm_when_users_come_back_to_it(aws: FakeFunction) -> None:
    assert undo(aws) == ["version 2 from f: 1 answers again"]
    assert not aws.watches
    assert aws.steps == [
        "scales no longer",
        "reserve 5",
        "provision 3 of 1",
        "1 is warm",
        "alias 1",
        "provision 0 of 2",
    ]
    aws.steps.clear()
    assert (undo(aws), aws.steps) == ([], []), "what is undone already goes on as it is"


def test_what_a_run_changed_before_it_failed_to_move_the_alias_is_undone(aws: FakeFunction) -> None:
    aws.version = "1"
    assert undo(aws) == ["concurrency of f, which it had before"]
    assert (aws.reserved, set(aws.configs)) == (5, {"1"})
    assert undo(aws) == []


@pytest.mark.parametrize("is_refused", [False, True])
def test_users_come_back_even_where_the_version_before_cannot_be_warmed(
    aws: FakeFunction, is_refused: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(**_: Any) -> None:
        raise refuse("InvalidParameterValueException", "PutProvisionedConcurrencyConfig")

    if is_refused:
        monkeypatch.setattr(aws, "put_provisioned_concurrency_config", refused)
    aws.fails = {"1"}
    with pytest.raises(LambdaError, match=r"provisioned=3\) with version 1, and has .*provisioned=0"):
        undo(aws)
    assert aws.version == "1"
    assert "2" not in aws.configs


def test_a_function_released_by_another_run_since_stays_as_it_is(aws: FakeFunction) -> None:
    assert undo(aws, slug="0123abcd") == []
    assert aws.watches
    aws.version = "3"
    assert undo(aws) == []
    assert aws.steps == []


def test_a_function_that_the_run_made_goes(aws: FakeFunction) -> None:
    aws.tags = {"musher:run": SLUG}
    assert undo(aws) == ["function f, which the run had made"]
    assert undo(aws) == []


@pytest.mark.parametrize("confirmed", [{}, {"musher:confirmed": "1"}])
def test_a_share_of_the_calls_ends_first_of_all(aws: FakeFunction, confirmed: dict[str, str]) -> None:
    """The version before is confirmed as a rule: that keeps nobody from going back to it."""
    share(aws)
    aws.tags |= confirmed
    assert undo(aws) == ["version 2 from f: 1 answers again"]
    assert aws.steps == ["scales no longer", "alias 1", "alias 1", "provision 0 of 2"]
    assert (aws.version, aws.weights, aws.watches) == ("1", {}, False)
    assert undo(aws) == []


def test_an_alarm_is_removed_whose_run_ended_before_it_gave_a_share(aws: FakeFunction) -> None:
    share(aws)
    aws.weights = {}
    del aws.configs["2"]
    assert undo(aws) == []
    assert not aws.watches


def test_a_version_that_is_confirmed_stays(aws: FakeFunction) -> None:
    aws.tags["musher:confirmed"] = "2"
    assert undo(aws) == []
    assert aws.steps == []


def test_neither_of_two_versions_that_share_the_calls_is_confirmed(aws: Any) -> None:
    share(aws)
    confirm_alias(aws, name="f")
    assert "musher:confirmed" not in aws.tags
    aws.weights = {}
    confirm_alias(aws, name="f")
    assert aws.tags["musher:confirmed"] == "1"
