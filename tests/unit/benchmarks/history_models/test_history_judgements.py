"""What the models once took for violations and was none; how a search is counted and bounded."""

import importlib
import time
from pathlib import Path

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import rule

from benchmarks.history_models import machine
from benchmarks.history_models.environments import COMES_UP
from benchmarks.history_models.functions import MANY_TURNS, FunctionHistory
from benchmarks.history_models.machine import History, run_histories
from benchmarks.history_models.scaling import ScalingHistory


def test_a_cooldown_that_begins_among_the_alarms_of_one_minute_replaces_the_one_before() -> None:
    history = ScalingHistory()
    try:
        history.begin(5, 0, 0, 0)
        history.load(60.0, 1)
        history.step_by(True, 1, 300)
        history.load(60.0, 1)
        history.load(60.0, 1)
        assert history.capacity.desired == 5
        history.nothing_is_violated()
    finally:
        history.teardown()


def test_a_policy_brings_what_is_below_its_bounds_into_them_whatever_cools_down() -> None:
    history = ScalingHistory()
    try:
        history.begin(8, 900, 900, 1)
        history.load(60.0, 2)
        history.register(4, 8, {})
        history.change_by_hand(1)
        history.idle(5.0, 1)
        assert history.capacity.desired == 4
        history.nothing_is_violated()
    finally:
        history.teardown()


def test_an_event_is_not_provisioned_because_something_else_is_as_it_comes() -> None:
    history = FunctionHistory()
    try:
        history.begin(2, None, 1)
        history.put_alias("dogs", "next", "1", 0.5)
        history.put_alias("cats", "live", "2", 0.0)
        history.invoke("dogs", "next", 1)
        history.start(COMES_UP, 6, MANY_TURNS)
        history.nothing_is_violated()
        assert [ticket.is_provisioned for ticket in history.running] == [False]
    finally:
        history.teardown()


class CountingHistory(History):
    """Steps that add up; a sum that is large is a violation."""

    total = 0
    pace_s = 0.0
    """Real seconds of a step."""

    @rule(number=st.integers(0, 1000))
    def add(self, number: int) -> None:
        """Add."""
        time.sleep(self.pace_s)
        self.reach(str(number))
        self.total += number
        self.must(self.total < 9_000, "much")


def test_a_search_for_a_shorter_history_ends_in_time_and_counts_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(machine, "SHORTENING_S", 0.2)
    monkeypatch.setattr(CountingHistory, "pace_s", 0.002)
    found = run_histories(CountingHistory, first_seed=1, histories=200)
    assert "AssertionError: much" in found.program
    assert "state.add(number=" in found.program
    assert found.seconds < 10
    assert found.histories < 200
    assert "WARNING" not in capsys.readouterr().out


def test_only_whole_histories_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(CountingHistory, "must", lambda self, holds, what: None)
    found = run_histories(CountingHistory, first_seed=1, histories=20)
    assert (found.program, found.histories) == ("", 20)


def test_a_seed_is_the_same_histories_whatever_is_imported(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(CountingHistory, "must", lambda self, holds, what: None)
    first = run_histories(CountingHistory, first_seed=1, histories=20)
    (tmp_path / "numbers_of_histories.py").write_text(f"NUMBERS = {list(range(100, 900))}")
    monkeypatch.syspath_prepend(tmp_path)
    importlib.import_module("numbers_of_histories")
    second = run_histories(CountingHistory, first_seed=1, histories=20)
    assert first.reached == second.reached
