"""Waiting for a build: its phases are logged, each way to end is told apart, and the wait has an end."""

import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.waiter import NormalizedOperationMethod, Waiter, WaiterModel

from musher.errors import ImageError
from musher.hooks.builds import build_failure, wait_for_build
from musher.hooks.waits import WAITERS

ENDED_BADLY = ("FAILED", "FAULT", "TIMED_OUT", "STOPPED")


class FakeCodeBuild:
    """A client whose one build has a status after the other."""

    def __init__(self, *statuses: str) -> None:
        self.statuses: Iterator[str] = iter(statuses)
        self.last = ""

    def batch_get_builds(self, *, ids: list[str]) -> dict[str, Any]:
        self.last = next(self.statuses, self.last)
        return {"builds": [{"id": ids[0], "buildStatus": self.last, "currentPhase": f"IN_{self.last}"}]}


class FakeHook:
    """A hook with the waiters of the file and a client without a network."""

    def __init__(self, client: FakeCodeBuild) -> None:
        self.conn = client

    def get_waiter(self, name: str) -> Any:
        data = json.loads((WAITERS / "codebuild.json").read_text())
        return Waiter(
            name, WaiterModel(data).get_waiter(name), NormalizedOperationMethod(self.conn.batch_get_builds)
        )


def wait(client: FakeCodeBuild) -> dict[str, Any]:
    """Wait for the client's build."""
    return wait_for_build(FakeHook(client), build_id="p:1", delay_s=0.0)  # type: ignore[arg-type]  # a fake


@pytest.mark.parametrize("status", ["SUCCEEDED", *ENDED_BADLY])
def test_every_end_of_a_build_ends_the_wait(status: str) -> None:
    assert wait(FakeCodeBuild("IN_PROGRESS", "IN_PROGRESS", status, status))["buildStatus"] == status


def test_phases_are_logged_once_each(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        wait(FakeCodeBuild("IN_PROGRESS", "IN_PROGRESS", "SUCCEEDED", "SUCCEEDED"))
    assert [record.getMessage() for record in caplog.records] == ["p:1: IN_IN_PROGRESS", "p:1: SUCCEEDED"]


def test_the_wait_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: Any, **__: Any) -> bool:
        raise TimeoutError("ids ['p:1'] did not get there within 3600 s")

    monkeypatch.setattr("musher.hooks.builds.wait_until", never)
    with pytest.raises(ImageError, match=r"3600 s\. Stop build p:1 in CodeBuild, then clear this task"):
        wait(FakeCodeBuild("IN_PROGRESS"))


def test_the_waiters_time_covers_the_projects_own_limits() -> None:
    data = json.loads((WAITERS / "codebuild.json").read_text())["waiters"]["BuildComplete"]
    minutes_in_the_queue_and_of_the_build = 15 + 30
    assert data["delay"] * data["maxAttempts"] > 60 * minutes_in_the_queue_and_of_the_build


@pytest.mark.parametrize("status", ENDED_BADLY)
def test_a_bad_end_is_told_with_its_name(status: str) -> None:
    assert f"ended as {status}" in str(build_failure({"id": "p:1", "buildStatus": status}, uri="u"))
