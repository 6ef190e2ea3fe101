"""Messages of topics to HTTP addresses: sent in the background, each for a bounded time.

moto sends them before it answers Publish, and waits for ever: a few subscribers that do not answer would take
every thread. On AWS nobody who publishes waits for a subscriber, or hears of one that is not there.
https://docs.aws.amazon.com/sns/latest/dg/sns-message-delivery-retries.html
"""

import logging
import queue
import threading
from types import SimpleNamespace
from typing import Any

import requests
from moto.sns import models

logger = logging.getLogger(__name__)

ANSWER_S = 15.0
"""Real seconds that a subscriber has for its answer, as on AWS."""
WORKERS = 8
MAX_WAITING = 1_000
"""Messages that wait for a thread; beyond, they are dropped."""

Message = tuple[str, dict[str, Any]]
"""An address, and what `requests.post` is told beside it."""


class Courier:
    """Send messages, a few at a time; threads start with the first of them, and hold up no exit."""

    def __init__(self) -> None:
        self._waiting: queue.Queue[Message] = queue.Queue(maxsize=MAX_WAITING)
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []

    def post(self, url: str, **options: Any) -> None:
        """Take a message; returns at once."""
        try:
            self._waiting.put_nowait((url, options))
        except queue.Full:
            logger.warning("a message to %s is dropped: %s others wait", url, MAX_WAITING)
            return
        with self._lock:
            if len(self._threads) < WORKERS:
                thread = threading.Thread(target=self._run, name="topic-message", daemon=True)
                self._threads.append(thread)
                thread.start()

    def _run(self) -> None:
        while True:
            url, options = self._waiting.get()
            try:
                # the answer's body is of no interest, and may have no end
                requests.post(url, timeout=ANSWER_S, stream=True, **options).close()
            except Exception as error:  # noqa: BLE001 - the thread's boundary: the next one may be reached
                logger.warning("a message did not reach %s: %s", url, error)


def install() -> None:
    """Put this in the place of `requests` in moto's SNS, which uses it for this alone."""
    setattr(models, "requests", SimpleNamespace(post=Courier().post))  # noqa: B010 - a module's import
