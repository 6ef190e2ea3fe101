"""roll_back ends a share of the calls, and goes back from a version that has them all."""

from types import SimpleNamespace
from typing import Any

import pytest

from musher.hooks.release_notes import ReleaseNote, write_note
from musher.payloads.concurrency import Concurrency
from musher.settings import Settings
from musher.stages import releases
from tests.unit.musher.fake_concurrency import ARN
from tests.unit.musher.hooks.test_release_of_functions import SLUG, FakeFunction, share
from tests.unit.musher.operators.fake_function import FakeScaler

FUNCTION = "musher-classify"


@pytest.fixture
def aws(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A live function that a run has brought from version 1 to 2, and CloudWatch, which is the same fake."""
    made: Any = FakeFunction()
    before = Concurrency(reserved=5, provisioned=3)
    write_note(made, arn=ARN, note=ReleaseNote(run=SLUG, previous="1", next="2", concurrency=before))
    made.describe_alarms = lambda AlarmNames: {"MetricAlarms": [{"AlarmName": AlarmNames[0]}]}  # noqa: N803
    made.delete_alarms = lambda AlarmNames: made.steps.append(f"no {AlarmNames[0]}")  # noqa: N803
    scaler = FakeScaler(made.steps)
    scaler.targets[f"function:{FUNCTION}:2"] = []
    for hook in ("lambda_hook", "cloudwatch_hook"):
        monkeypatch.setattr(releases, hook, lambda settings: made)
    monkeypatch.setattr(releases, "autoscaling_hook", lambda settings: scaler)
    monkeypatch.setattr(releases, "current_run", lambda: SimpleNamespace(settings=settings, params={}))
    return made


def roll_back(aws: Any, settings: Settings) -> Any:
    current, previous = releases.find_function_versions(aws, settings)
    target: Any = {"config_name": "any", "function_version": previous, "replaced_version": current}
    return releases.roll_back_function.function(target)


def test_a_share_of_the_calls_ends_and_the_alarm_with_it(aws: Any, settings: Settings) -> None:
    share(aws)
    assert releases.find_function_versions(aws, settings) == ("2", "1")
    assert roll_back(aws, settings) == "1"
    assert (aws.version, aws.weights) == ("1", {})
    assert aws.steps == [
        "2 scales no longer",
        "alias 1",
        "alias 1",
        "provision 0 of 2",
        f"no {FUNCTION}-errors",
    ]
    assert (aws.reserved, set(aws.configs)) == (5, {"1"})
    assert aws.tags["musher:confirmed"] == "1"


def test_a_retry_ends_what_a_lost_try_has_begun(
    aws: Any, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    share(aws)
    current, previous = releases.find_function_versions(aws, settings)
    target: Any = {"config_name": "any", "function_version": previous, "replaced_version": current}
    with monkeypatch.context() as patched:

        def lost(**_: Any) -> None:
            raise KeyboardInterrupt

        patched.setattr(aws, "delete_provisioned_concurrency_config", lost)
        with pytest.raises(KeyboardInterrupt):
            releases.roll_back_function.function(target)
    assert releases.roll_back_function.function(target) == "1"
    assert (aws.version, aws.weights, aws.reserved, set(aws.configs)) == ("1", {}, 5, {"1"})


def test_shares_that_somebody_gave_by_hand_end_too(aws: Any, settings: Settings) -> None:
    share(aws)
    aws.tags = {"musher:run": SLUG}
    assert roll_back(aws, settings) == "1"
    assert (aws.version, aws.weights) == ("1", {})


def test_a_version_that_has_all_calls_gives_its_concurrency_to_the_one_before(
    aws: Any, settings: Settings
) -> None:
    assert roll_back(aws, settings) == "1"
    assert (aws.version, aws.reserved) == ("1", 4)
    assert {name: c["RequestedProvisionedConcurrentExecutions"] for name, c in aws.configs.items()} == {
        "1": 2
    }
