"""What every child is told."""

import os

import pytest

from localaws.context import python_environment


@pytest.mark.parametrize(
    ("cores", "sharers", "threads"), [(8, 1, "8"), (8, 2, "4"), (8, 3, "2"), (2, 6, "1"), (8, None, "1")]
)
def test_cores_are_shared(
    cores: int, sharers: int | None, threads: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: range(cores))
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert python_environment({}, sharers=sharers)["OMP_NUM_THREADS"] == threads


def test_what_is_asked_for_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert python_environment({}, sharers=1)["OMP_NUM_THREADS"] == "3"
    assert python_environment({"OMP_NUM_THREADS": "5"}, sharers=1)["OMP_NUM_THREADS"] == "5"
