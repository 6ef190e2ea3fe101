"""Builds: the wait's data, and each way to end without an image told apart."""

import json

import pytest

from musher.hooks.builds import build_failure
from musher.hooks.waits import WAITERS


def test_the_waiters_time_covers_the_projects_own_limits() -> None:
    data = json.loads((WAITERS / "codebuild.json").read_text())["waiters"]["BuildComplete"]
    minutes_in_the_queue_and_of_the_build = 15 + 30
    assert data["delay"] * data["maxAttempts"] > 60 * minutes_in_the_queue_and_of_the_build


@pytest.mark.parametrize(
    ("status", "message"),
    [
        ("FAILED", "ended as FAILED"),
        ("TIMED_OUT", "ended as TIMED_OUT"),
        ("IN_PROGRESS", "has not ended in time"),
        ("SUCCEEDED", "succeeded, but u is not in the registry"),
    ],
)
def test_each_end_without_an_image_is_told_apart(status: str, message: str) -> None:
    assert message in str(build_failure({"id": "p:1", "buildStatus": status}, uri="u"))
