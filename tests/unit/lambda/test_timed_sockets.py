"""A socket whose sends and receives share one time: nothing that comes slowly can stretch it."""

import http.client
from typing import Any

import pytest
from timed_sockets import TimedSocket

from tests.function_connections import Clock
from tests.function_wires import END, Wire, at_once, drip, http_answer

ANSWER = http_answer(b"[[1]]")


def ask(sock: TimedSocket) -> http.client.HTTPResponse:
    """Return what http.client makes of the answer."""
    sock.sendall(b"POST / HTTP/1.1\r\n\r\n")
    answer = http.client.HTTPResponse(sock, method="POST")
    try:
        answer.begin()
    except BaseException:
        answer.close()
        raise
    return answer


def test_what_is_sent_and_what_comes_have_one_time_together(clock: Clock) -> None:
    wire = Wire(clock, [(1.5, ANSWER)], sends=[(1.0, 5), (1.0, 5), (0.5, 100)])
    with pytest.raises(TimeoutError):
        ask(TimedSocket(wire, deadline=clock.now() + 3.9))
    assert clock.now() == 1003.9
    assert wire.sent == b"POST / HTTP/1.1\r\n\r\n"


def test_what_is_taken_in_small_parts_is_sent_whole_and_once(clock: Clock) -> None:
    wire = Wire(clock, sends=[(0.1, 1)] * 7)
    TimedSocket(wire, deadline=clock.now() + 5).sendall(b"0123456789")
    assert wire.sent == b"0123456789"


def test_who_takes_a_byte_now_and_then_is_given_up(clock: Clock) -> None:
    wire = Wire(clock, sends=[(0.5, 1)] * 100)
    with pytest.raises(TimeoutError):
        TimedSocket(wire, deadline=clock.now() + 5).sendall(bytes(100))
    assert (clock.now(), len(wire.sent)) == (1005.0, 10)


def test_nothing_is_sent_after_the_deadline(clock: Clock) -> None:
    wire = Wire(clock)
    for deadline in (clock.now(), clock.now() - 1):
        with pytest.raises(TimeoutError, match="is over"):
            TimedSocket(wire, deadline=deadline).sendall(b"x")
    assert wire.sent == b""


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(ANSWER[:30] + b"X" * 1000, id="a header"),
        pytest.param(b"HTTP/1.1 200 " + b"O" * 1000, id="a status line"),
        pytest.param(b"HTTP/1.1 100 Continue\r\n\r\n" * 100, id="one continue after the other"),
    ],
)
def test_an_answer_that_does_not_begin_ends_at_the_deadline(data: bytes, clock: Clock) -> None:
    wire = Wire(clock, drip(data, each_s=0.9))
    sock = TimedSocket(wire, deadline=clock.now() + 20)
    with pytest.raises(TimeoutError):
        ask(sock)
    assert clock.now() == 1020.0
    assert sock.has_begun
    sock.close()
    assert wire.is_closed


@pytest.mark.parametrize(("more", "has_leftover"), [(b"", False), (b"H", True), (ANSWER, True)])
def test_what_came_with_an_answer_and_is_no_part_of_it_is_told(
    more: bytes, has_leftover: bool, clock: Clock
) -> None:
    sock = TimedSocket(Wire(clock, at_once(ANSWER + more)), deadline=clock.now() + 5)
    answer = ask(sock)
    assert answer.read1(5) == b"[[1]]"
    answer.close()
    assert sock.has_leftover == sock.has_news() == has_leftover


def test_to_close_an_answer_waits_for_nothing(clock: Clock) -> None:
    wire = Wire(clock, [(0.0, ANSWER[:-3]), (100.0, b"1]]")])
    answer = ask(TimedSocket(wire, deadline=clock.now() + 500))
    answer.close()
    assert clock.now() == 1000.0


@pytest.mark.parametrize("unasked", [b"HTTP/1.1 408 Request Timeout\r\n\r\n", END])
def test_what_comes_unasked_is_news(unasked: bytes, clock: Clock) -> None:
    wire = Wire(clock, at_once(ANSWER, unasked))
    sock = TimedSocket(wire, deadline=clock.now() + 5)
    assert not sock.has_news()
    answer = ask(sock)
    assert answer.read1(5) == b"[[1]]"
    answer.close()
    assert (sock.has_leftover, sock.has_news()) == (False, True)


@pytest.mark.parametrize("pending", [0, 7])
def test_what_tls_has_read_already_is_news_too(pending: int, clock: Clock) -> None:
    """Its socket has nothing more to give then, and poll says so."""
    wire: Any = Wire(clock)
    wire.pending = lambda: pending
    assert TimedSocket(wire).has_news() == bool(pending)


def test_each_question_has_its_own_moment_and_marks(clock: Clock) -> None:
    sock = TimedSocket(Wire(clock, at_once(ANSWER[:9], END)), deadline=clock.now() + 5)
    with pytest.raises(http.client.BadStatusLine):
        ask(sock)
    assert (sock.has_begun, sock.has_ended) == (True, True)
    clock.advance(60)
    sock.begin(clock.now() + 7)
    assert (sock.has_begun, sock.has_ended) == (False, False)
    assert (sock.asked_at, sock.deadline) == (1060.0, 1067.0)
