"""Threads that take turns line by line, in an order that the history draws.

Real threads run localaws' real code, but one at a time: at each line of the files that are looked at, a
choice says who goes on. A race is found, and found again, however the machine schedules threads.
"""

import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType
from typing import Any

STUCK_S = 60.0
"""Real seconds for all threads together."""
MANY_WAITS = 10_000


class Worker:
    """One piece of work on a thread of its own."""

    def __init__(self, work: Callable[[], None]) -> None:
        self.work = work
        self.turn = threading.Semaphore(0)
        self.error: BaseException | None = None
        self.is_over = False


class Interleaving:
    """Run pieces of work at once; `folder` is where the lines lie at which another may go on."""

    def __init__(self, folder: Path, *, choices: Sequence[int]) -> None:
        self._folder = str(folder)
        self._choices = list(reversed(choices))
        self._workers: list[Worker] = []
        self._current: Worker | None = None
        self._over = threading.Event()

    def run(self, *works: Callable[[], None]) -> None:
        """Run all to their ends; raise the first error of one."""
        self._workers = [Worker(work) for work in works]
        threads = [threading.Thread(target=self._run, args=(worker,)) for worker in self._workers]
        for thread in threads:
            thread.start()
        self._give(self._workers[0])
        if not self._over.wait(STUCK_S):
            raise RuntimeError(f"threads did not come to their ends within {STUCK_S:g} s")
        for thread in threads:
            thread.join()
        self._current = None
        for worker in self._workers:
            if worker.error is not None:
                raise worker.error

    def _run(self, worker: Worker) -> None:
        worker.turn.acquire()
        sys.settrace(self._trace)
        try:
            worker.work()
        except BaseException as error:  # noqa: BLE001 - raised where all are awaited
            worker.error = error
        finally:
            sys.settrace(None)
            worker.is_over = True
            left = self._alive()
            if left:
                self._give(left[0])
            else:
                self._over.set()

    def _alive(self) -> list[Worker]:
        return [worker for worker in self._workers if not worker.is_over]

    def _give(self, worker: Worker) -> None:
        self._current = worker
        worker.turn.release()

    def _trace(self, frame: FrameType, event: str, argument: Any) -> Any:
        return self._look if frame.f_code.co_filename.startswith(self._folder) else None

    def _look(self, frame: FrameType, event: str, argument: Any) -> Any:
        if event == "line" and self._choices:
            alive = self._alive()
            self._switch(alive[self._choices.pop() % len(alive)])
        return self._look

    def _switch(self, chosen: Worker) -> None:
        current = self._current
        if current is not None and chosen is not current:
            self._give(chosen)
            current.turn.acquire()

    def pass_on(self) -> None:
        """Let another go on: the current one waits for something that another has."""
        alive, current = self._alive(), self._current
        if current is None or len(alive) < 2:
            raise RuntimeError("a lock is held by nobody who runs")
        self._switch(alive[(alive.index(current) + 1) % len(alive)])  # two may wait for the third


class TurnLock:
    """A lock that may be held several times by one thread; who waits for it lets another go on."""

    def __init__(self) -> None:
        self.interleaving: Interleaving | None = None
        """Where threads take turns now; outside there is one thread only."""
        self._owner, self._depth = 0, 0

    def __enter__(self) -> None:
        for _ in range(MANY_WAITS):
            if self._owner in (0, threading.get_ident()):
                self._owner, self._depth = threading.get_ident(), self._depth + 1
                return
            assert self.interleaving is not None
            self.interleaving.pass_on()
        raise RuntimeError("a lock is never given back")

    def __exit__(self, *error: object) -> None:
        self._depth -= 1
        if not self._depth:
            self._owner = 0
