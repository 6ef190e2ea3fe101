"""Threads that take turns, the command's batches, and violations that localaws would have swallowed."""

import logging
from pathlib import Path

import pytest

from benchmarks.histories import BATCH, Batch, plan_batches, print_violation
from benchmarks.history_models.interleaving import Interleaving, TurnLock
from benchmarks.history_models.machine import Complaints, Found


class Account:
    """A balance that two threads change; `lock` is held meanwhile, or nothing is."""

    def __init__(self, lock: TurnLock | None) -> None:
        self.lock, self.balance = lock, 0

    def add(self) -> None:
        """Add one, in two steps."""
        if self.lock is None:
            self.add_in_steps()
        else:
            with self.lock:
                self.add_in_steps()

    def add_in_steps(self) -> None:
        """Read, then write."""
        seen = self.balance
        self.balance = seen + 1


def add_at_once(lock: TurnLock | None, choices: list[int], *, threads: int = 2) -> int:
    account = Account(lock)
    interleaving = Interleaving(Path(__file__).parent, choices=choices)
    if lock is not None:
        lock.interleaving = interleaving
    interleaving.run(*[account.add] * threads)
    return account.balance


def test_a_race_is_found_at_its_line_and_every_time() -> None:
    orders = [[0] * line + [1] * 20 for line in range(8)]
    first, second = ([add_at_once(None, choices) for choices in orders] for _ in range(2))
    assert first == second
    assert set(first) == {1, 2}


def test_a_lock_lets_the_others_go_on() -> None:
    orders = [[2] * line + [0, 0, 0, 1, 1, 1] for line in range(12)]
    for threads in (2, 3):
        assert {add_at_once(TurnLock(), choices, threads=threads) for choices in orders} == {threads}


def test_what_a_thread_raises_is_raised() -> None:
    def fail() -> None:
        raise ValueError("no dog")

    with pytest.raises(ValueError, match="no dog"):
        Interleaving(Path(__file__).parent, choices=[0, 1]).run(fail, lambda: None)


@pytest.mark.parametrize(("histories", "models"), [(1, ["a", "b"]), (1000, ["a", "b", "c"]), (250, ["a"])])
def test_batches_are_as_many_histories_as_were_asked_for(histories: int, models: list[str]) -> None:
    batches = plan_batches(models, histories=histories, first_seed=7)
    assert sum(batch.histories for batch in batches) == histories
    assert max(batch.histories for batch in batches) <= BATCH
    assert len({(batch.model, batch.seed) for batch in batches}) == len(batches)
    assert min(batch.seed for batch in batches) == 7


def test_a_violation_is_printed_with_the_command_that_finds_it_again(
    capsys: pytest.CaptureFixture[str],
) -> None:
    batches = [Batch(model="scaling", seed=seed, histories=50) for seed in (1, 2)]
    found = [
        Found(
            model="ScalingHistory", seed=seed, histories=9, steps=9, seconds=1.0, reached={}, program=program
        )
        for seed, program in ((1, ""), (2, "state = ScalingHistory()"))
    ]
    for batch, result in zip(batches, found, strict=True):
        print_violation(batch, result)
    assert capsys.readouterr().out == (
        "\npython -m benchmarks.histories --models scaling --seed 2 --histories 50 --processes 1\n"
        "state = ScalingHistory()\n\n"
    )


def test_a_failure_that_is_caught_and_logged_is_a_complaint() -> None:
    complaints, logger = Complaints(), logging.getLogger("localaws.tried")
    logger.addHandler(complaints)
    logger.propagate = False
    try:
        logger.error("a line without a traceback")
        try:
            raise ValueError("no dog")
        except ValueError:
            logger.exception("a step failed")
    finally:
        logger.removeHandler(complaints)
        logger.propagate = True
    assert complaints.found == ["a step failed: ValueError('no dog')"]
