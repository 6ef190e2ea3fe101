"""A command in one instance: by a clock that the test moves, and an agent that it plays."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from localaws.clock import ManualClock
from localaws.ec2.agent import LostAgentError, Ran, Script
from localaws.ssm.runner import Runner, Turns
from localaws.ssm.spec import Order, read_order, read_share

RAN = Ran(code=0, stdout=b"done", stderr=b"")


@dataclass
class FakeDelivery:
    """Answers what it is told; an agent that says nothing moves the clock until the command is over."""

    clock: ManualClock
    answer: Ran | None = None
    is_lost: bool = False
    scripts: list[Script] = field(default_factory=list)

    def run(self, script: Script, *, is_over: Callable[[], bool]) -> Ran | None:
        self.scripts.append(script)
        if self.is_lost:
            self.clock.advance(3600)
            raise LostAgentError
        while self.answer is None and not is_over():
            self.clock.advance(10)
        return self.answer


@dataclass
class FakeNode:
    """An instance."""

    clock: ManualClock
    delivery: FakeDelivery | None
    id: str = "i-1"
    is_gone: bool = False

    def take_agent(self) -> Any:
        self.clock.advance(5)
        return self.delivery


def order(**change: Any) -> Order:
    request = {"DocumentName": "AWS-RunShellScript", "Parameters": {"commands": ["true"]}}
    return read_order(request | change)


def run(node: FakeNode, *, turns: Turns | None = None, before: Any = None, **change: Any) -> list[Any]:
    """Run a command to its end; return its status, details, code, and what was put elsewhere."""
    put: list[Ran] = []
    runner = Runner(
        command_id="c-1",
        order=order(**change),
        node=node,
        turns=turns or Turns(at_a_time=1, errors=0),
        clock=node.clock,
        put=put.append,
    )
    if before is not None:
        before(runner)
    runner.start()
    runner.join(timeout_s=20)
    record = runner.record
    return [*record.state.as_members().values(), record.code, len(put)]


def make_node(**delivery: Any) -> FakeNode:
    clock = ManualClock()
    return FakeNode(clock=clock, delivery=FakeDelivery(clock=clock, **delivery))


def test_a_command_that_ends_well() -> None:
    node = make_node(answer=RAN)
    assert run(node) == ["Success", "Success", 0, 1]
    assert node.delivery is not None
    (script,) = node.delivery.scripts
    assert script.text == "true\n"
    assert str(script.folder).startswith("/var/lib/amazon/ssm/i-1/document/orchestration/c-1/")


def test_a_command_that_fails() -> None:
    assert run(make_node(answer=Ran(code=2, stdout=b"", stderr=b""))) == ["Failed", "Failed", 2, 1]


def test_a_command_that_takes_too_long() -> None:
    parameters = {"commands": ["true"], "executionTimeout": ["60"]}
    assert run(make_node(), Parameters=parameters) == ["TimedOut", "ExecutionTimedOut", 137, 0]


def test_a_command_whose_agent_is_lost_is_waited_for() -> None:
    assert run(make_node(is_lost=True)) == ["TimedOut", "ExecutionTimedOut", -1, 0]


def test_a_command_that_nobody_takes() -> None:
    clock = ManualClock()
    node = FakeNode(clock=clock, delivery=None)
    assert run(node, TimeoutSeconds=30) == ["TimedOut", "DeliveryTimedOut", -1, 0]


def test_a_command_for_an_instance_that_is_gone() -> None:
    node = FakeNode(clock=ManualClock(), delivery=None, is_gone=True)
    assert run(node) == ["Failed", "Undeliverable", -1, 0]


def test_a_command_that_is_cancelled_before_it_begins() -> None:
    assert run(make_node(answer=RAN), before=Runner.cancel) == ["Cancelled", "Cancelled", -1, 0]


def test_a_command_after_too_many_errors() -> None:
    turns = Turns(at_a_time=1, errors=0)
    assert turns.take()
    turns.give_back(is_error=True)
    assert run(make_node(answer=RAN), turns=turns) == ["Cancelled", "Terminated", -1, 0]


def test_turns_are_so_many_at_a_time() -> None:
    turns = Turns(at_a_time=2, errors=1)
    assert [turns.take(), turns.take(), turns.take()] == [True, True, False]
    turns.give_back(is_error=True)
    assert turns.take()
    assert not turns.is_ended


@pytest.mark.parametrize(("text", "expected"), [("7", 7), ("50%", 5), ("9%", 0), ("100%", 10)])
def test_shares_are_of_the_targets(text: str, expected: int) -> None:
    assert read_share(text, of=10) == expected
