"""List and remove notebook instances: what reaping and retiring need."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from musher.errors import NotebookError, TeardownError
from musher.hooks import endpoints, waits
from musher.hooks.notebooks import find_own, list_notebooks, put_lifecycle_config, remove_notebook
from musher.payloads.notebooks import build_lifecycle_config
from tests.unit.musher.operators.fake_notebooks import FakeNotebooks
from tests.unit.musher.operators.fakes import FakeHook

NAME = "musher-notebook"


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> FakeNotebooks:
    """SageMaker, and time that passes at once."""
    now = [0.0]
    monkeypatch.setattr(waits.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(waits.time, "sleep", lambda seconds: now.__setitem__(0, now[0] + seconds))
    return FakeNotebooks()


@pytest.fixture
def hook(aws: FakeNotebooks) -> FakeHook:
    """The hook on it."""
    return FakeHook(aws, "sagemaker")


def remove(hook: FakeHook) -> bool:
    """Remove the instance as the reaper does."""
    return remove_notebook(hook, name=NAME, project="musher", delay_s=10)  # type: ignore[arg-type]  # a fake


@pytest.mark.parametrize("status", ["InService", "Stopped", "Failed"])
def test_an_instance_is_removed_from_each_state(aws: FakeNotebooks, hook: FakeHook, status: str) -> None:
    aws.put(NAME, status)
    assert remove(hook)
    assert aws.notebooks == {}
    assert aws.calls == [*(["stop"] if status == "InService" else []), "delete"]


def test_one_that_starts_is_removed_once_it_has_started(aws: FakeNotebooks, hook: FakeHook) -> None:
    aws.put(NAME, "Pending")
    aws.be(NAME, "Pending", "InService")
    assert remove(hook)
    assert aws.calls == ["stop", "delete"]


def test_its_lifecycle_configuration_goes_with_it(aws: FakeNotebooks, hook: FakeHook) -> None:
    request = build_lifecycle_config(name=NAME, script="true", tags={"musher:project": "musher"})
    put_lifecycle_config(hook, request=request, project="musher")  # type: ignore[arg-type]  # a fake
    aws.put(NAME, "Stopped")
    assert remove(hook)
    assert aws.configs == {}


def test_nothing_is_there_to_remove(hook: FakeHook) -> None:
    assert not remove(hook)


def test_somebody_elses_is_refused(aws: FakeNotebooks, hook: FakeHook) -> None:
    aws.put(NAME, "Stopped", tags=[])
    with pytest.raises(NotebookError, match="is not this project's"):
        remove(hook)
    assert aws.calls == []


def test_one_that_goes_between_its_description_and_its_tags_is_gone(
    aws: FakeNotebooks, hook: FakeHook, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As for a try that comes while the deletion that the one before has asked for is under way."""

    def lose(*_: object, **__: object) -> None:
        answer: Any = {"Error": {"Code": "ValidationException", "Message": "RecordNotFound"}}
        raise ClientError(answer, "ListTags")

    aws.put(NAME, "Deleting")
    monkeypatch.setattr(endpoints, "tags_of", lose)
    assert find_own(hook, name=NAME, project="musher") is None  # type: ignore[arg-type]  # a fake


def test_what_does_not_end_in_time_is_told_with_its_state(aws: FakeNotebooks, hook: FakeHook) -> None:
    aws.put(NAME, "Updating")
    with pytest.raises(TeardownError, match=r"did not get there within 2400 s: it is Updating, and costs"):
        remove(hook)


def test_a_list_names_those_that_begin_with_the_project(aws: FakeNotebooks, hook: FakeHook) -> None:
    for name in (NAME, "not-musher-notebook", "musher-other"):
        aws.put(name, "Stopped")
    found = list_notebooks(hook, prefix="musher-")  # type: ignore[arg-type]  # a fake
    assert [notebook["NotebookInstanceName"] for notebook in found] == [NAME, "musher-other"]
