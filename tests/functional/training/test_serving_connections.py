"""Who gets a new connection: the process with the fewest; none that hangs or is gone, while another can."""

from __future__ import annotations

import json
import os
import resource
import socket
import time
from collections.abc import Iterator
from http.client import HTTPResponse

import pytest

from imgclf.serving import figures
from imgclf.serving.connections import Porter, take
from imgclf.serving.figures import Board
from imgclf.serving.seats import reserve


class Process:
    """One that serves, as the porter sees it: a board, and the end of a channel."""

    def __init__(self, porter: Porter, place: int, file: int) -> None:
        self.board = Board(count=2, place=place, file=file)
        self.channel = porter.connect(place)
        self.board.tell(images=0, fetches=0, is_faulty=False)
        self.connections: list[socket.socket] = []

    def take(self) -> int:
        """Take what was given; return how many connections that were."""
        new = list(take(self.channel))
        self.connections += [connection for connection in new if connection is not None]
        return len(new)

    def end(self) -> None:
        """Close all that it has."""
        for end in (self.channel, *self.connections):
            end.close()


class House:
    """A port, its porter, and two processes."""

    def __init__(self) -> None:
        self.file = os.memfd_create("board")
        os.ftruncate(self.file, Board.bytes_of(2))
        self.port = reserve("127.0.0.1", 0)
        self.address = self.port.getsockname()
        self.porter = Porter(self.port, Board(count=2, file=self.file))
        self.clients: list[socket.socket] = []
        self.processes = [Process(self.porter, place, self.file) for place in range(2)]

    def call(self, times: int) -> list[int]:
        """Let clients connect one after the other; return how many connections each process got."""
        for _ in range(times):
            self.clients.append(socket.create_connection(self.address, timeout=5))
            self.porter.give_out()
        return [process.take() for process in self.processes]


@pytest.fixture
def house() -> Iterator[House]:
    made = House()
    made.porter.open()
    yield made
    made.porter.close()
    for place in range(2):
        made.porter.disconnect(place)
    for process in made.processes:
        process.end()
    for client in made.clients:
        client.close()
    os.close(made.file)


def test_connections_are_shared_out_evenly(house: House) -> None:
    assert house.call(8) == [4, 4]
    assert house.call(1) == [1, 0]
    assert house.call(1) == [0, 1]


def test_whose_connections_end_gets_the_next_ones(house: House) -> None:
    house.call(8)
    house.processes[1].board.tell_ended(3)
    assert house.call(3) == [0, 3]
    assert house.call(2) == [1, 1]


def test_a_connection_arrives_whole(house: House) -> None:
    house.call(1)
    house.clients[0].sendall(b"hello")
    (connection,) = house.processes[0].connections
    connection.setblocking(True)
    assert connection.recv(5) == b"hello"
    assert not os.get_inheritable(connection.fileno())


def test_one_that_hangs_gets_connections_only_where_no_other_can(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    later = time.monotonic() + figures.STALLED_S + 1
    monkeypatch.setattr(figures.time, "monotonic", lambda: later)
    house.processes[1].board.tell(images=0, fetches=0, is_faulty=False)
    assert house.call(4) == [0, 4]
    house.porter.disconnect(1)
    assert house.call(2) == [2, 0]


def test_what_a_process_that_has_ended_cannot_take_goes_to_the_other(house: House) -> None:
    house.processes[0].end()
    for _ in range(3):
        house.clients.append(socket.create_connection(house.address, timeout=5))
        house.porter.give_out()
    assert house.processes[1].take() == 3


def test_a_replaced_process_gets_what_the_other_has_more(house: House) -> None:
    house.call(8)
    house.processes[1].end()
    house.processes[1] = Process(house.porter, 1, house.file)
    assert house.call(4) == [0, 4]


def test_connections_wait_while_nothing_serves(house: House) -> None:
    for place in range(2):
        house.processes[place].board.clear(place)
    assert house.porter.waits_for() == []
    client = socket.create_connection(house.address, timeout=5)  # the kernel accepts, and keeps it
    house.clients.append(client)
    house.processes[0].board.tell(images=0, fetches=0, is_faulty=False)
    assert house.porter.waits_for() == [house.port]
    house.porter.give_out()
    assert house.processes[0].take() == 1


def test_a_connection_that_no_process_can_take_waits_for_the_next_one(house: House) -> None:
    """All have ended, and the supervisor has not noticed yet."""
    for process in house.processes:
        process.end()
    for _ in range(2):
        house.clients.append(socket.create_connection(house.address, timeout=5))
        house.porter.give_out()
    assert house.porter.is_holding
    assert house.porter.waits_for() == []  # else the second one would wake the supervisor without end
    house.processes[0] = Process(house.porter, 0, house.file)
    house.porter.give_out()
    assert not house.porter.is_holding
    assert house.processes[0].take() == 2
    house.clients[0].sendall(b"hello")
    house.processes[0].connections[0].setblocking(True)
    assert house.processes[0].connections[0].recv(5) == b"hello"


def test_whoever_is_given_to_no_process_at_the_server_s_end_is_told_to_ask_again(house: House) -> None:
    for process in house.processes:
        process.end()
    for _ in range(3):
        house.clients.append(socket.create_connection(house.address, timeout=5))
        house.clients[-1].sendall(b"GET /ping HTTP/1.1\r\nHost: x\r\n\r\n")
        house.porter.give_out()
    house.porter.close()
    for client in house.clients:
        with HTTPResponse(client) as answer:
            answer.begin()
            assert (answer.status, answer.getheader("Retry-After")) == (503, "1")
            assert json.loads(answer.read()) == {"error": "the server is about to end"}


def test_before_anything_serves_clients_are_refused() -> None:
    made = House()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(made.address, timeout=5)
    made.porter.close()
    for place, process in enumerate(made.processes):
        process.end()
        made.porter.disconnect(place)
    os.close(made.file)


def test_a_channel_that_nobody_reads_loses_no_connection_while_the_other_has_room(house: House) -> None:
    """It takes some hundreds; then the other process has them all."""
    total = 600
    for _ in range(total):
        house.clients.append(socket.create_connection(house.address, timeout=5))
        house.porter.give_out()
        house.processes[1].take()
    assert len(house.processes[1].connections) >= total / 2
    house.processes[0].take()
    assert sum(len(process.connections) for process in house.processes) == total


def test_a_connection_that_no_open_file_is_left_for_is_told_of(house: House) -> None:
    """So that it is not counted for ever as one that the process holds."""
    house.clients.append(socket.create_connection(house.address, timeout=5))
    house.porter.give_out()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest_free = os.dup(0)
    os.close(lowest_free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest_free, hard))
    try:
        found = [list(take(process.channel)) for process in house.processes]
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert sorted(found) == [[], [None]]
