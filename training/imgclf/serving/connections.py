"""Give each new connection to the process that has the fewest, over a Unix socket to each of them.

The kernel's own ways to share a port do not balance: where each process listens, connections are spread by a
hash, and of eight one may get six; where all accept from one socket, nearly all go to the same process while
there is little to do. A client that keeps its connection keeps the process it was given.

Nothing here or in what it imports loads numpy or a runtime: the process that only supervises has neither.
"""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Iterator

from imgclf.serving.figures import Board

logger = logging.getLogger(__name__)

BACKLOG = 2048
"""Connections that wait to be accepted."""
MAX_AT_ONCE = 64
"""Connections that are given away between two looks at the processes."""
MARK = b"c"
"""What accompanies a connection: a message without a byte would be an end."""
MAX_READ_BYTES = 2**20
"""Of a request that is refused: what is not read when a connection is closed takes its answer back."""
REFUSED = b'{"error": "the server is about to end"}\n'
REFUSAL = (
    b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\nretry-after: 1\r\n"
    b"connection: close\r\ncontent-length: %d\r\n\r\n%b" % (len(REFUSED), REFUSED)
)
"""The answer to whoever has connected, and is given to no process any more."""


class Porter:
    """Accepts connections, and hands them to the processes; answers those alone that nobody will."""

    def __init__(self, listener: socket.socket, board: Board) -> None:
        listener.setblocking(False)
        self._listener, self._board = listener, board
        self._channels: dict[int, socket.socket] = {}
        self._given: dict[int, int] = {}
        """Both by place; connections are counted from a process's start."""
        self._is_open = False
        self._held: socket.socket | None = None
        """A connection that no process could take: no other is accepted before it is given."""

    @property
    def is_holding(self) -> bool:
        """Return whether a connection is to be given away without a new one's coming."""
        return self._held is not None

    def open(self) -> None:
        """Listen, unless it does: before anything serves, clients are to be refused. Raises OSError."""
        if not self._is_open:
            self._listener.listen(BACKLOG)
            self._is_open = True

    def close(self) -> None:
        """Accept no more; tell those that have connected and were given to nobody."""
        while self._is_open and (connection := self._held or self._accept()) is not None:
            self._held = None
            refuse(connection)
        self._listener.close()
        self._is_open = False

    def connect(self, place: int) -> socket.socket:
        """Return the end of a new channel that the process of one place is to have."""
        self.disconnect(place)
        own, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        own.setblocking(False)
        self._channels[place], self._given[place] = own, 0
        return other

    def disconnect(self, place: int) -> None:
        """Forget a process; what it has not taken yet is closed."""
        if (channel := self._channels.pop(place, None)) is not None:
            channel.close()

    def waits_for(self) -> list[socket.socket]:
        """Return what to wait for: nothing while no process could take a connection, which then waits."""
        return [self._listener] if self._is_open and not self._held and self._serving() else []

    def give_out(self) -> None:
        """Give away what has come; what nobody takes now is held, and given the next time."""
        for _ in range(MAX_AT_ONCE):
            connection, self._held = self._held or self._accept(), None
            if connection is None:
                return
            if not self._give(connection):
                self._held = connection
                return
            connection.close()

    def _accept(self) -> socket.socket | None:
        """Return the next connection that waits, if there is one."""
        try:
            return self._listener.accept()[0]
        except BlockingIOError:
            return None
        except OSError as error:  # its client has gone, or there are too many open files
            logger.warning("a connection could not be accepted: %s", error)
            return None

    def _give(self, connection: socket.socket) -> bool:
        """Give a connection to a process; return whether one has taken it."""
        for place in sorted(self._serving(), key=self._rank):
            try:
                socket.send_fds(self._channels[place], [MARK], [connection.fileno()])
            except OSError:  # it takes none any more, or has ended
                continue
            self._given[place] += 1
            return True
        return False

    def _rank(self, place: int) -> tuple[bool, int, int]:
        """Return what a process is chosen by, the least first: whether it hangs, and what it has."""
        given = self._given[place]
        return self._board.is_stalled(place), given - self._board.count_ended(place), given

    def _serving(self) -> list[int]:
        return [place for place in self._channels if self._board.is_serving(place)]


def refuse(connection: socket.socket) -> None:
    """Answer a client that it is to ask again, elsewhere or later; never wait for it."""
    with connection:
        connection.setblocking(False)
        try:
            connection.sendall(REFUSAL)
            connection.shutdown(socket.SHUT_WR)
            left = MAX_READ_BYTES
            while left > 0 and (read := connection.recv(2**16)):
                left -= len(read)
        except OSError:  # it has sent no more, does not read, or has gone
            return


def take(channel: socket.socket) -> Iterator[socket.socket | None]:
    """Yield the connections that the process on the other side has given; nothing where it has ended.

    None stands for one that was given and is lost, as this process has too many open files.
    """
    channel.setblocking(False)
    while True:
        try:
            mark, files, _, _ = socket.recv_fds(channel, len(MARK), 1)
        except BlockingIOError:
            return
        if not mark:  # its end is this process's own, too
            return
        yield _adopt(files[0]) if files else None


def _adopt(file: int) -> socket.socket:
    """Return the connection of an open file."""
    os.set_inheritable(file, False)
    connection = socket.socket(fileno=file)
    connection.setblocking(False)
    return connection
