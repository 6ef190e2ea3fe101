"""The steps of a notebook instance, and who may ask for them."""

from typing import Any

import pytest
from moto.sagemaker.exceptions import AWSValidationException

from localaws.clock import ManualClock
from localaws.sagemaker.notebooks import instance as module
from localaws.sagemaker.notebooks import states
from localaws.sagemaker.notebooks.instance import LocalNotebookInstance, Place, summarise
from localaws.sagemaker.notebooks.states import ASKED, DELETING, STEPS, may_step
from localaws.wire.compiler import find_model

REQUEST = {
    "NotebookInstanceName": "box",
    "InstanceType": "ml.t3.medium",
    "RoleArn": "arn:aws:iam::123456789012:role/any",
    "LifecycleConfigName": "config",
    "Tags": [{"Key": "a", "Value": "1"}],
}


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Return the details of the events that are published."""
    found: list[dict[str, Any]] = []
    monkeypatch.setattr(module.state_changes, "publish", lambda detail, **_: found.append(detail))
    return found


def make(clock: ManualClock | None = None, **more: Any) -> LocalNotebookInstance:
    """Return an instance that is pending."""
    now = (clock or ManualClock()).now
    place = Place(account_id="123456789012", region_name="us-east-1", now=now)
    return LocalNotebookInstance(place=place, request=REQUEST | more)


def test_every_state_is_one_of_awss() -> None:
    model = find_model("sagemaker")
    assert model is not None
    shape: Any = model.shape_for("NotebookInstanceStatus")
    assert set(STEPS) == set(shape.enum) - {"PendingMaintenance", "InMaintenance"}
    assert {follower for followers in STEPS.values() for follower in followers} <= set(STEPS)


def test_a_request_leads_where_the_table_allows_it() -> None:
    for wanted, allowed in ASKED.items():
        assert all(may_step(state, wanted) for state in allowed)
        assert {state for state in STEPS if may_step(state, wanted)} == set(allowed)


def test_every_state_but_the_last_leads_to_an_end() -> None:
    reached = {DELETING}
    for _ in STEPS:
        reached |= {state for state, followers in STEPS.items() if followers & reached}
    assert reached == set(STEPS)


def test_a_step_that_cannot_be_changes_nothing(told: list[dict[str, Any]]) -> None:
    found = make()
    assert not found.step(states.STOPPED)
    assert found.status == states.PENDING
    assert told == []


def test_each_step_is_told_with_its_time_and_reason(told: list[dict[str, Any]]) -> None:
    clock = ManualClock()
    found = make(clock)
    clock.advance(60)
    found.fail("because" * 1000)
    assert (found.last_modified_time - found.creation_time).total_seconds() == 60
    (detail,) = told
    assert detail["NotebookInstanceStatus"] == "Failed"
    assert len(detail["FailureReason"]) == 1024
    assert detail["Tags"] == {"a": "1"}
    found.ask(states.PENDING)
    assert found.to_dict()["FailureReason"] is None


def test_a_request_in_a_wrong_state_is_refused_in_awss_words(told: list[dict[str, Any]]) -> None:
    found = make()
    with pytest.raises(AWSValidationException) as caught:
        found.ask(states.STOPPING)
    assert str(caught.value.message) == (
        "Status (Pending) not in ([InService]). Unable to transition to (Stopping) for Notebook Instance "
        f"({found.arn})."
    )


def test_defaults_are_awss_and_what_is_given_wins() -> None:
    description = make().to_dict()
    assert description["VolumeSizeInGB"] == 5
    assert description["PlatformIdentifier"] == "notebook-al2023-v1"
    assert description["InstanceMetadataServiceConfiguration"] == {
        "MinimumInstanceMetadataServiceVersion": "2"
    }
    given = make(PlatformIdentifier="notebook-al2-v3", VolumeSizeInGB=7, IpAddressType="dualstack")
    assert given.to_dict()["PlatformIdentifier"] == "notebook-al2-v3"
    assert given.to_dict()["VolumeSizeInGB"] == 7
    assert given.to_dict()["IpAddressType"] == "dualstack"


def test_an_update_changes_what_it_names_and_takes_away_what_it_says(told: list[dict[str, Any]]) -> None:
    found = make()
    found.change({"InstanceType": "ml.m5.xlarge", "RootAccess": None})
    assert (found.instance_type, found.root_access) == ("ml.m5.xlarge", "Enabled")
    found.change({"DisassociateLifecycleConfig": True})
    assert found.to_dict()["NotebookInstanceLifecycleConfigName"] is None
    assert "NotebookInstanceLifecycleConfigName" not in summarise(found)


def test_folders_of_two_instances_of_one_name_differ() -> None:
    assert make().folder_name != make().folder_name


def test_summaries_have_what_awss_have() -> None:
    model = find_model("sagemaker")
    assert model is not None
    members: Any = model.shape_for("NotebookInstanceSummary")
    assert set(summarise(make())) <= set(members.members)
