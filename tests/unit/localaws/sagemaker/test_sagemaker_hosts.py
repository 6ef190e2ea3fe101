"""The hosts of a job, with children that are made up."""

import signal
import threading
from collections import deque
from pathlib import Path
from typing import Any, cast

import pytest

from localaws.clock import ManualClock
from localaws.sagemaker.hosts import PORTS, End, HostGroup, HostProcess, free_port, stream_name


class FakeChild:
    """A child with an exit code that the test sets."""

    def __init__(self, code: int | None) -> None:
        self.code = code
        self.tail = deque(["last words"])
        self.signals: list[int] = []

    def poll(self) -> int | None:
        """Return the code."""
        return self.code

    def terminate(self) -> None:
        """End by SIGTERM."""
        self.signals.append(signal.SIGTERM)
        self.code = -signal.SIGTERM

    def join_output(self) -> None:
        """Have no output to wait for."""


class FakeSupervisor:
    """Start the children that the test has prepared."""

    def __init__(self, children: list[FakeChild]) -> None:
        self.waiting = list(children)
        self.reaped: list[FakeChild] = []

    def start(self, **_: Any) -> FakeChild:
        """Return the next child."""
        return self.waiting.pop(0)

    def reap(self, child: FakeChild) -> None:
        """Note it."""
        self.reaped.append(child)


def group_of(*codes: int | None, clock: ManualClock | None = None) -> tuple[HostGroup, list[FakeChild]]:
    """Return a started group of children with these exit codes."""
    children = [FakeChild(code) for code in codes]
    supervisor = cast(Any, FakeSupervisor(children))
    group = HostGroup(job_name="job", supervisor=supervisor, clock=clock or ManualClock())
    group.start(
        [
            HostProcess(name=f"algo-{n}", argv=[], env={}, cwd=Path(), on_line=print)
            for n in range(1, len(codes) + 1)
        ]
    )
    return group, children


def test_all_hosts_must_succeed() -> None:
    group, _ = group_of(0, 0)
    assert group.wait(stop=threading.Event(), deadline=10).end is End.COMPLETED


def test_the_first_failure_ends_the_others() -> None:
    group, children = group_of(None, 3)
    result = group.wait(stop=threading.Event(), deadline=10)
    assert (result.end, result.host, result.exit_code) == (End.FAILED, "algo-2", 3)
    assert list(result.tail) == ["last words"]
    assert children[0].signals == [15]


def test_a_stop_wins_over_a_failure_that_it_caused() -> None:
    group, _ = group_of(-15)
    stop = threading.Event()
    stop.set()
    assert group.wait(stop=stop, deadline=10).end is End.STOPPED


def test_the_deadline_is_one_of_the_injected_clock() -> None:
    clock = ManualClock()
    clock.advance(11)
    group, _ = group_of(None, 0, clock=clock)
    assert group.wait(stop=threading.Event(), deadline=10).end is End.OUT_OF_TIME


def test_instances_can_be_taken_away_from_hosts_that_run() -> None:
    group, _ = group_of(None, 0)
    asked = iter((False, True))
    result = group.wait(stop=threading.Event(), deadline=10, is_interrupted=lambda: next(asked))
    assert result.end is End.INTERRUPTED


def test_streams_are_named_by_job_host_and_epoch_seconds() -> None:
    now = ManualClock().now()
    assert stream_name(job_name="job", host="algo-1", now=now) == "job/algo-1-1767225600"


@pytest.mark.parametrize("_", range(3))
def test_ports_come_from_outside_the_range_of_outgoing_connections(_: int) -> None:
    assert free_port() in PORTS
