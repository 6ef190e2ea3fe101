"""Requests at once for stacks of one name."""

import threading
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest
from moto.cloudformation.exceptions import AlreadyExistsException

from localaws.cloudformation import backend


class Making:
    """Makes stacks as moto does, once a test lets it."""

    def __init__(self) -> None:
        self.begun, self.may_go_on = threading.Event(), threading.Event()
        self.made: list[str] = []

    def create(self, stacks: Any, name: str) -> Any:
        self.begun.set()
        assert self.may_go_on.wait(timeout=10)
        self.made.append(name)
        stacks.stacks[name] = SimpleNamespace(name=name, status="CREATE_COMPLETE")
        return stacks.stacks[name]


@pytest.fixture
def making(monkeypatch: pytest.MonkeyPatch) -> Making:
    """What stands in moto's place."""
    made = Making()
    monkeypatch.setattr(backend, "_create_stack", made.create)
    return made


def test_of_two_requests_for_one_name_the_second_is_told_that_there_is_such_a_stack(making: Making) -> None:
    stacks: Any = SimpleNamespace(stacks={}, deleted_stacks={})
    with ThreadPoolExecutor() as pool:
        first = pool.submit(backend.create_stack, stacks, "musher")
        assert making.begun.wait(timeout=10)
        with pytest.raises(AlreadyExistsException, match="Stack musher already exists"):
            backend.create_stack(stacks, "musher")
        making.may_go_on.set()
        backend.create_stack(stacks, "other")
        assert first.result(timeout=10).status == "CREATE_COMPLETE"
    assert sorted(making.made) == ["musher", "other"]


def test_a_name_whose_stack_was_refused_is_free_again(
    making: Making, monkeypatch: pytest.MonkeyPatch
) -> None:
    stacks: Any = SimpleNamespace(stacks={}, deleted_stacks={})

    def refuse(*_: Any) -> None:
        raise ValueError("no such type")

    with monkeypatch.context() as patch:
        patch.setattr(backend, "_create_stack", refuse)
        with pytest.raises(ValueError, match="no such type"):
            backend.create_stack(stacks, "musher")
    making.may_go_on.set()
    assert backend.create_stack(stacks, "musher").name == "musher"
