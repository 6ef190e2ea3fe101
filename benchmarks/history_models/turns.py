"""A thread of localaws that goes on only when the history says so: where it would wait, it hands over.

The two never run at the same time, so that a history comes out the same however the machine schedules them.
"""

import queue
import threading
from collections import deque
from collections.abc import Callable
from typing import Any

STUCK_S = 60.0
"""Real seconds in which a thread comes to its next wait; it never sleeps."""


class Turns:
    """Take turns with one thread."""

    def __init__(self) -> None:
        self._go, self._back = threading.Semaphore(0), threading.Semaphore(0)
        self.is_over = False
        """Whether the thread has ended."""

    def hand_over(self) -> None:
        """Let the history go on, and wait for the next turn; called by the thread."""
        self._back.release()
        self._go.acquire()

    def finish(self) -> None:
        """Let the history go on for good; the thread's last call."""
        self.is_over = True
        self._back.release()

    def await_thread(self) -> None:
        """Wait until the thread hands over or ends. Raises RuntimeError where it does neither."""
        if not self._back.acquire(timeout=STUCK_S):
            raise RuntimeError(f"a thread did not come to its next wait within {STUCK_S:g} s")

    def take(self) -> None:
        """Let the thread go on to its next wait, or its end."""
        if not self.is_over:
            self._go.release()
            self.await_thread()


class TurnEvent:
    """An event whose wait is a turn."""

    def __init__(self, turns: Turns) -> None:
        self._turns = turns
        self._is_set = False

    def set(self) -> None:
        """Set it."""
        self._is_set = True

    def is_set(self) -> bool:
        """Return whether it is set."""
        return self._is_set

    def wait(self, timeout: float | None = None) -> bool:
        """Hand over; return whether it is set by then."""
        if not self._is_set:
            self._turns.hand_over()
        return self._is_set


class TurnQueue:
    """A queue whose reader waits for a turn before it looks."""

    def __init__(self, turns: Turns) -> None:
        self._turns = turns
        self._items: deque[Callable[[], None]] = deque()

    def put(self, item: Callable[[], None]) -> None:
        """Append."""
        self._items.append(item)

    def get(self, timeout: float | None = None) -> Any:
        """Hand over; return the first item then. Raises queue.Empty."""
        self._turns.hand_over()
        if not self._items:
            raise queue.Empty
        return self._items.popleft()
