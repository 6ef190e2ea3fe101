"""How many processes serve, and what each of them is given by the one that starts it.

Nothing here or in what it imports loads numpy or a runtime: the process that only supervises has neither.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import socket
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from imgclf.errors import ConfigError
from imgclf.process import leave
from imgclf.serving.figures import Board

VARIABLE, SEAT_VARIABLE = "MUSHER_SERVE_PROCESSES", "MUSHER_SERVE_SEAT"
MAX_PROCESSES = 8
"""They share a server's limits: an eighth still has room for the largest body and for 32 instances."""
PR_SET_PDEATHSIG = 1
"""<linux/prctl.h>"""


def count_processes(environ: Mapping[str, str]) -> int:
    """Return the processes that MUSHER_SERVE_PROCESSES asks for: by default one.

    Raises ConfigError for more than there are processors, or than MAX_PROCESSES.
    """
    most = min(MAX_PROCESSES, len(os.sched_getaffinity(0)))
    wanted = environ.get(VARIABLE) or "1"
    if not wanted.isdecimal() or not 1 <= int(wanted) <= most:
        raise ConfigError(f"{VARIABLE} {wanted!r} is not possible: set 1 to {most}, or nothing")
    return int(wanted)


def reserve(host: str, port: int) -> socket.socket:
    """Bind a port, and do not listen yet; raise OSError where it is taken."""
    reserved = socket.socket()
    reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    reserved.bind((host, port))
    return reserved


@dataclass(frozen=True, kw_only=True)
class Seat:
    """A process's place among those that serve, and what they share."""

    place: int
    count: int
    board: int
    channel: int
    """Open files: of the memory that all share, and of the socket that brings connections."""
    parent: int
    """The id of the process that supervises."""

    def to_text(self) -> str:
        """Return the variable that hands it over."""
        return json.dumps(asdict(self))

    @classmethod
    def take(cls, environ: Mapping[str, str]) -> Seat | None:
        """Return this process's seat, None where none supervises it; else that one's end is its own, too."""
        text = environ.get(SEAT_VARIABLE)
        if not text:
            return None
        seat = cls(**json.loads(text))
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != seat.parent:  # it died before this process could hear of it
            leave(1)
        return seat

    def open_channel(self) -> socket.socket:
        """Return what brings this process's connections."""
        return socket.socket(fileno=self.channel)

    def open_board(self) -> Board:
        """Return what the processes tell each other."""
        return Board(count=self.count, place=self.place, file=self.board)
