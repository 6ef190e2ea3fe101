"""Decoding threads share an amount of memory: no more is ever held, and nobody waits for ever."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from imgclf.images.budget import MemoryBudget


def test_never_more_is_held_than_there_is() -> None:
    budget = MemoryBudget(10)
    held: list[int] = []
    most: list[int] = []

    def work(count: int) -> None:
        with budget.spend(count):
            held.append(count)
            most.append(sum(held))
            time.sleep(0.001)
            held.remove(count)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, [1, 3, 5, 7, 10] * 20))
    assert max(most) <= 10
    assert held == []


def test_small_images_are_decoded_side_by_side() -> None:
    budget, together = MemoryBudget(10), threading.Barrier(5, timeout=10)

    def work(_: int) -> int:
        with budget.spend(2):
            return together.wait()

    with ThreadPoolExecutor(5) as pool:
        assert sorted(pool.map(work, range(5))) == [0, 1, 2, 3, 4]


def test_more_than_there_is_in_all_takes_all_of_it() -> None:
    budget = MemoryBudget(10)
    with budget.spend(99):
        assert budget._left == 0
    assert budget._left == 10


def test_a_large_image_is_not_overtaken_for_ever_by_small_ones() -> None:
    budget, first = MemoryBudget(10), threading.Event()
    order: list[int] = []

    def small(number: int) -> None:
        with budget.spend(2):
            order.append(number)

    def large() -> None:
        first.set()
        with budget.spend(10):
            order.append(-1)

    with ThreadPoolExecutor(20) as pool, budget.spend(2):
        pool.submit(large)
        first.wait(10)
        time.sleep(0.05)
        for number in range(10):
            pool.submit(small, number)
        time.sleep(0.05)
        assert order == [], "a small image overtook the large one"
    assert order[0] == -1
    assert sorted(order[1:]) == list(range(10))


def test_what_an_error_ended_is_given_back() -> None:
    budget = MemoryBudget(10)
    for count in (10, 3, 99):
        with pytest.raises(ValueError, match="damaged"), budget.spend(count):
            raise ValueError("damaged")
        assert budget._left == 10
