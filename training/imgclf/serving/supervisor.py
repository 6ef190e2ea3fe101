"""Start, watch, replace and stop the processes that serve; this one has no model, and answers nothing.

Each is the same program once more, with a seat: a model, an engine and an event loop of its own. No state is
forked, so no thread or lock of a runtime can be lost. What they share is the board; this one accepts their
connections, and gives each to one of them.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from select import select
from typing import Any

from imgclf.serving.connections import Porter
from imgclf.serving.figures import Board
from imgclf.serving.seats import SEAT_VARIABLE, Seat

logger = logging.getLogger(__name__)

START_POLL_S, POLL_S = 0.05, 1.0
"""From one look at the processes to the next, while some start and later; signals cut it short."""
MAX_ENDS, ENDS_S = 5, 300.0
"""Processes that may end in so many seconds and are replaced: more is no accident, and ends the server."""
START_S = 480.0
"""For a process to serve, once another does; then it is killed, and replaced. A container has as long:
https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-inference-code.html"""
STOP_S = 28.0
"""From SIGTERM to SIGKILL: more than a process gives what is in progress; SageMaker kills after 30 s."""


def supervise(reserved: socket.socket, count: int, *, what: str, environ: Mapping[str, str]) -> int:
    """Serve on a reserved port by so many processes until SIGTERM or SIGINT; return the server's exit code.

    The first process starts alone, so that what is wrong with a model is said once.
    """
    board_file = os.memfd_create("board")
    os.ftruncate(board_file, Board.bytes_of(count))
    board = Board(count=count, file=board_file)
    host, port = reserved.getsockname()[:2]
    seats = [
        Seat(place=place, count=count, board=board_file, channel=-1, parent=os.getpid())
        for place in range(count)
    ]
    ready_line = f"serving {what} by {count} processes on http://{host}:{port}"
    return _Supervisor(seats, board, Porter(reserved, board), environ, ready_line).run()


class _Supervisor:
    """The processes, as the one that started them sees them."""

    def __init__(
        self, seats: list[Seat], board: Board, porter: Porter, environ: Mapping[str, str], ready_line: str
    ) -> None:
        self._seats, self._board, self._porter, self._environ = seats, board, porter, environ
        self._ready_line: str | None = ready_line
        """Until it is written."""
        self._workers: dict[int, subprocess.Popen[bytes]] = {}
        self._started: dict[int, float] = {}
        """Both by place."""
        self._ends: list[float] = []
        self._has_served = self._is_asked_to_stop = False
        self._deadline: float | None = None
        """When those that still run are killed, once all are asked to end."""
        self._code = 0

    def run(self) -> int:
        """Start all, replace those that end, and return when all have ended."""
        reader = self._hear_signals()
        self._start(0)
        while self._workers:
            is_starting = self._ready_line is not None and self._deadline is None
            is_soon = is_starting or self._porter.is_holding
            waiting = [reader, *self._porter.waits_for()]
            ready, _, _ = select(waiting, [], [], START_POLL_S if is_soon else POLL_S)
            if reader in ready:
                reader.recv(4096)
            if len(ready) > (reader in ready) or self._porter.is_holding:
                self._porter.give_out()
            if self._is_asked_to_stop and self._deadline is None:
                self._stop(0)
            self._reap()
            if self._deadline is None:
                self._go_on()
                self._end_late_ones()
            elif time.monotonic() > self._deadline:
                self._kill()
        logger.info("stopped")
        return self._code

    def _hear_signals(self) -> socket.socket:
        """Let signals end a wait, whenever they come; return what to wait for."""

        def ask(*_: Any) -> None:
            self._is_asked_to_stop = True

        reader, writer = socket.socketpair()
        for end in (reader, writer):
            end.setblocking(False)
        signal.set_wakeup_fd(writer.detach(), warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, ask)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        return reader

    def _start(self, place: int) -> None:
        """Start the process of one place."""
        self._started[place] = time.monotonic()
        with self._porter.connect(place) as channel:
            seat = replace(self._seats[place], channel=channel.fileno())
            self._workers[place] = subprocess.Popen(
                [sys.executable, *sys.orig_argv[1:]],
                env={**self._environ, SEAT_VARIABLE: seat.to_text()},
                pass_fds=(seat.board, seat.channel),
            )

    def _go_on(self) -> None:
        """Start the others once the first one serves; say so once all do."""
        if self._ready_line is None or not self._board.is_serving(0):
            return
        self._has_served = True
        try:
            self._porter.open()
        except OSError as error:  # another server has begun to listen since this one bound the port
            sys.stderr.write(f"error: cannot listen ({error}): set SAGEMAKER_BIND_TO_PORT\n")
            self._stop(1)
            return
        for place in range(len(self._seats)):
            if place not in self._workers:
                self._start(place)
        if all(self._board.is_serving(place) for place in self._workers):
            logger.info("%s", self._ready_line)
            self._ready_line = None

    def _end_late_ones(self) -> None:
        """Kill those that do not come to serve: no health check would ever tell of them."""
        now = time.monotonic()
        for place, worker in self._workers.items():
            is_late = now - self._started[place] > START_S and not self._board.is_serving(place)
            if is_late and self._has_served:
                logger.error("process %d does not serve after %.0f s", place + 1, START_S)
                self._started[place] = now
                worker.kill()

    def _reap(self) -> None:
        """Take leave of those that have ended, and replace them."""
        for place, worker in list(self._workers.items()):
            code = worker.poll()
            if code is None:
                continue
            del self._workers[place]
            self._porter.disconnect(place)
            self._board.clear(place)
            if self._deadline is None:
                self._replace(place, code)
            elif code not in (0, -signal.SIGTERM, -signal.SIGINT):  # by a signal: it did not serve yet
                logger.error("process %d ended with %d", place + 1, code)
                self._code = self._code or 1

    def _replace(self, place: int, code: int) -> None:
        """Start another process in the place of one that ended, unless that is no use."""
        if self._is_asked_to_stop:  # so was it
            return
        if not self._has_served:  # it has said why, but where a signal ended it
            if code <= 0:
                sys.stderr.write(f"error: the first process ended with {code} before it served\n")
            self._stop(code if code > 0 else 1)
            return
        logger.error("process %d ended with %d", place + 1, code)
        now = time.monotonic()
        self._ends = [*(end for end in self._ends if now - end < ENDS_S), now]
        if len(self._ends) > MAX_ENDS:
            sys.stderr.write(f"error: {len(self._ends)} processes ended within {ENDS_S:.0f} s: see the log\n")
            self._stop(1)
        else:
            self._start(place)

    def _stop(self, code: int) -> None:
        """Let all answer what is in progress and end; the server's exit code will be `code`."""
        self._code = code
        self._deadline = time.monotonic() + STOP_S
        self._porter.close()
        for worker in self._workers.values():
            worker.terminate()

    def _kill(self) -> None:
        """End those that did not heed."""
        for worker in self._workers.values():
            worker.kill()
