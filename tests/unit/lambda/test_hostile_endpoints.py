"""An endpoint that wants a wrong answer, a function that hangs, or a second question to the model."""

import http.client
import json
import re
import ssl
from collections.abc import Sequence

import pytest
from aws_credentials import RoleCredentials
from endpoint_client import RESERVE_S, EndpointClient, Reply
from timed_connections import ConnectTimeoutError

from tests.function_connections import Clock
from tests.function_wires import END, Piece, Wire, Wires, at_once, drip, http_answer

LOGITS = b"[[1, 2.5]]"
GOOD = http_answer(LOGITS)
OTHER = http_answer(b"[[9, 9]]")
CHUNKED = (
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n[[1\r\n7;x=y\r\n, 2.5]]\r\n0\r\nA: b\r\n\r\n"
)
UNTIL_THE_END = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n" + LOGITS
FRAMINGS = {"length": GOOD, "chunked": CHUNKED, "until the end": UNTIL_THE_END}
LITTLE_S, MUCH_S = 5.0, 30.0
"""Seconds of an event: for one attempt, and for two."""


class Context:
    """What of Lambda's context is used."""

    aws_request_id = "1"

    def __init__(self, remaining_s: float) -> None:
        self._remaining_ms = int(remaining_s * 1000)

    def get_remaining_time_in_millis(self) -> int:
        """Return what is left."""
        return self._remaining_ms


def invoke(client: EndpointClient, *, remaining_s: float = LITTLE_S, trace_id: str = "") -> Reply:
    return client.invoke(b"{}", content_type="application/json", remaining_s=remaining_s, trace_id=trace_id)


def answered(wires: Wires, *, remaining_s: float = LITTLE_S) -> tuple[int, str]:
    """Return the function's status and body for one event."""
    result = wires.function().handle({"url": "https://example.com/dog.jpg"}, Context(remaining_s))
    return result["statusCode"], result["body"]


# ---------------------------------------------------------------- slow ones


@pytest.mark.parametrize(
    "pieces",
    [
        pytest.param([], id="silence"),
        pytest.param(drip(GOOD[:20] + b"X" * 400, each_s=0.4), id="a header"),
        pytest.param(drip(b"HTTP/1.1 100 Continue\r\n\r\n" * 90, each_s=2.0, size=25), id="continues"),
        pytest.param([(0.0, GOOD[:-9]), *drip(b"[1, 2.5]]", each_s=7.0)], id="a body"),
        pytest.param([(0.0, CHUNKED[:-8]), *drip(b"X: y\r\n" * 99, each_s=1.0)], id="trailers"),
        pytest.param([(0.0, CHUNKED[:47]), *drip(b"0" * 400, each_s=1.0)], id="the size of a chunk"),
        pytest.param([(29.0, GOOD[:9]), (29.0, GOOD[9:])], id="a beginning and then nothing"),
    ],
)
@pytest.mark.parametrize("remaining_s", [1.0, MUCH_S])
def test_a_slow_answer_ends_with_the_event_s_time_and_is_asked_for_once(
    pieces: Sequence[Piece], remaining_s: float, clock: Clock
) -> None:
    wires = Wires(Wire(clock, pieces), Wire(clock, at_once(GOOD)))
    status, body = answered(wires, remaining_s=remaining_s)
    assert (status, json.loads(body)["error"]["code"]) == (504, "Timeout")
    assert clock.now() == pytest.approx(1000.0 + remaining_s - RESERVE_S)
    assert len(wires.questions) == 1
    assert wires.opened[0].is_closed


def test_all_hops_have_one_budget(clock: Clock) -> None:
    """Each of them is slow, and none is too slow for itself."""
    wire = Wire(clock, [(1.0, GOOD[:9]), (1.0, GOOD[9:-3]), (1.0, GOOD[-3:])], sends=[(1.0, 99), (1.0, 9999)])
    with pytest.raises(TimeoutError):
        invoke(Wires(wire).client(), remaining_s=4.0)
    assert clock.now() == 1003.5


@pytest.mark.parametrize("remaining_s", [2.0, 9.9, 10.0, 70.0])
def test_a_connection_has_three_seconds_or_what_is_left(remaining_s: float, clock: Clock) -> None:
    wires = Wires(ConnectionRefusedError(), Wire(clock, at_once(GOOD)))
    try:
        invoke(wires.client(), remaining_s=remaining_s)
    except ConnectionRefusedError:
        assert remaining_s < 10.0
    begins = [1000.0, 1000.5]  # the pause is half a second
    expected = [begin + min(3.0, 1000.0 + remaining_s - RESERVE_S - begin) for begin in begins]
    assert wires.deadlines == expected[: len(wires.deadlines)]
    assert len(wires.deadlines) == (1 if remaining_s < 10.0 else 2)


def test_an_event_without_time_asks_nothing(clock: Clock) -> None:
    kept = Wire(clock, at_once(GOOD), at_once(GOOD))
    client = Wires(kept).client()
    invoke(client)
    with pytest.raises(TimeoutError):
        invoke(client, remaining_s=RESERVE_S)
    assert (len(kept.questions), kept.is_closed) == (1, True)


# ---------------------------------------------------------------- pieces and cuts


@pytest.mark.parametrize("framing", FRAMINGS)
@pytest.mark.parametrize("size", [1, 2, 3, 1000])
def test_an_answer_in_small_pieces_is_the_same_answer(framing: str, size: int, clock: Clock) -> None:
    pieces = [*drip(FRAMINGS[framing], each_s=0.01, size=size), (0.0, END)]
    assert answered(Wires(Wire(clock, pieces))) == (200, LOGITS.decode())


@pytest.mark.parametrize("framing", FRAMINGS)
@pytest.mark.parametrize("last", [END, ConnectionResetError(), ssl.SSLEOFError()])
def test_no_part_of_an_answer_is_taken_for_one(framing: str, last: bytes | Exception, clock: Clock) -> None:
    """Cut after each of its bytes: 502, or all of the logits where only trailers are missing."""
    whole = FRAMINGS[framing]
    for length in range(len(whole)):
        status, body = answered(Wires(Wire(clock, at_once(whole[:length], last))))
        is_complete = framing == "chunked" and last == END and b"]]\r\n0" in whole[:length]
        assert (status, body) == (200, LOGITS.decode()) if is_complete else status == 502, whole[:length]


@pytest.mark.parametrize("length", [1, 20, 40, len(GOOD) - 1])
def test_an_answer_that_is_cut_off_is_asked_for_once_more(length: int, clock: Clock) -> None:
    """In its header too, which http.client would take for a whole one."""
    wires = Wires(Wire(clock, at_once(GOOD[:length], END)), Wire(clock, at_once(GOOD)))
    assert invoke(wires.client(), remaining_s=MUCH_S).body == LOGITS
    assert (len(wires.questions), wires.opened[0].is_closed) == (2, True)


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(CHUNKED.replace(b"\r\n3\r\n", b"\r\n-3\r\n"), id="a negative chunk"),
        pytest.param(CHUNKED.replace(b"\r\n3\r\n", b"\r\nffffffff\r\n"), id="a huge chunk"),
        pytest.param(CHUNKED.replace(b"\r\n3\r\n", b"\r\n" + b"3" * 70_000 + b"\r\n"), id="an endless size"),
        pytest.param(CHUNKED.replace(b"\r\n3\r\n", b"\r\nthree\r\n"), id="a chunk in words"),
        pytest.param(http_answer(LOGITS, headers={"Content-Length": "99999999999"}), id="a huge length"),
        pytest.param(http_answer(LOGITS, headers={"Content-Length": "7"}), id="a short length"),
        pytest.param(http_answer(LOGITS, headers={f"X{n}": "y" for n in range(101)}), id="many headers"),
        pytest.param(http_answer(LOGITS, headers={"X": "y" * 70_000}), id="a long header"),
        pytest.param(http_answer(LOGITS, status="999999 OK"), id="an odd status"),
        pytest.param(http_answer(LOGITS, status="204 None"), id="a status without a body"),
        pytest.param(b"\0" * 1000 + b"\r\n", id="zeros"),
        pytest.param(LOGITS + b"\n", id="no HTTP at all"),
    ],
)
def test_an_answer_against_the_rules_is_502(answer: bytes, clock: Clock) -> None:
    wires = Wires(Wire(clock, at_once(answer, END)))
    assert answered(wires)[0] == 502
    assert wires.opened[0].is_closed


# ---------------------------------------------------------------- what lies in a connection


@pytest.mark.parametrize(
    "pieces",
    [
        pytest.param(at_once(GOOD + OTHER), id="two answers at once"),
        pytest.param(at_once(GOOD, OTHER), id="a second one afterwards"),
        pytest.param(at_once(GOOD + OTHER[:9]), id="an answer and a bit"),
        pytest.param(at_once(GOOD + b"\n"), id="one byte"),
        pytest.param(at_once(CHUNKED + OTHER), id="after the last chunk"),
        pytest.param(at_once(GOOD, END), id="the end"),
        pytest.param(at_once(GOOD, b"HTTP/1.1 408 Request Timeout\r\n\r\n", END), id="a server's farewell"),
        pytest.param(at_once(http_answer(b"", status="204 None") + OTHER), id="after an empty one"),
        pytest.param(at_once(http_answer(b"", status="103 Early Hints") + OTHER), id="after early hints"),
    ],
)
def test_what_nobody_asked_for_is_no_answer_to_the_next_event(pieces: Sequence[Piece], clock: Clock) -> None:
    wires = Wires(Wire(clock, pieces, at_once(OTHER)), Wire(clock, at_once(GOOD)))
    client = wires.client()
    invoke(client)
    assert invoke(client).body == LOGITS
    assert [len(wire.questions) for wire in wires.opened] == [1, 1]
    assert wires.opened[0].is_closed


@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_a_connection_in_which_nothing_lies_is_kept(framing: str, clock: Clock) -> None:
    wire = Wire(clock, *[at_once(FRAMINGS[framing])] * 20)
    client = Wires(wire).client()
    assert {invoke(client).body for _ in range(20)} == {LOGITS}
    assert not wire.is_closed


# ---------------------------------------------------------------- second questions

CLOSED = [
    *(http.client.RemoteDisconnected(), BrokenPipeError(), ConnectionAbortedError()),
    *(ssl.SSLEOFError(), ssl.SSLZeroReturnError()),
]


@pytest.mark.parametrize("error", CLOSED, ids=lambda error: type(error).__name__)
def test_a_connection_that_was_closed_meanwhile_is_replaced_at_no_cost(
    error: Exception, clock: Clock
) -> None:
    wires = Wires(Wire(clock, at_once(GOOD), at_once(error)), Wire(clock, at_once(GOOD)))
    client = wires.client()
    assert (invoke(client).body, invoke(client).body) == (LOGITS, LOGITS)
    assert clock.now() == 1000.0


@pytest.mark.parametrize(
    "pieces",
    [
        pytest.param([(1.1, ConnectionResetError())], id="after a second of work"),
        pytest.param([(1.1, END)], id="ended after a second of work"),
        pytest.param([(0.0, GOOD[:5]), (0.0, ConnectionResetError())], id="in its answer's header"),
        pytest.param([(0.0, GOOD[:-5]), (0.0, ssl.SSLEOFError())], id="in its answer's body"),
    ],
)
def test_a_model_that_broke_at_work_is_asked_again_by_an_attempt_only(
    pieces: Sequence[Piece], clock: Clock
) -> None:
    for remaining_s, questions in ((LITTLE_S, 1), (MUCH_S, 2)):
        wires = Wires(Wire(clock, at_once(GOOD), pieces), Wire(clock, at_once(GOOD)))
        client = wires.client()
        invoke(client)
        if questions == 1:
            with pytest.raises((OSError, http.client.HTTPException)):
                invoke(client, remaining_s=remaining_s)
        else:
            assert invoke(client, remaining_s=remaining_s).body == LOGITS
        assert len(wires.questions) == 1 + questions


def test_one_event_is_two_questions_at_most_and_one_that_nobody_heard(clock: Clock) -> None:
    broken = [Wire(clock, at_once(ConnectionResetError())) for _ in range(5)]
    wires = Wires(Wire(clock, at_once(GOOD), at_once(BrokenPipeError())), *broken)
    client = wires.client()
    invoke(client)
    with pytest.raises(ConnectionResetError):
        invoke(client, remaining_s=900.0)
    assert [len(wire.questions) for wire in wires.opened] == [2, 1, 1]
    assert all(wire.is_closed for wire in wires.opened)


@pytest.mark.parametrize(
    ("status", "questions", "expected"),
    [
        ("504 Gateway Timeout", 1, (504, "Timeout", "The model did not answer in time.")),
        ("429 Too Many Requests", 1, (429, "Throttled", "The model is busy; try again later.")),
        ("503 Service Unavailable", 2, (429, "Throttled", "The model is busy; try again later.")),
        ("502 Bad Gateway", 2, (502, "ModelError", "The model cannot be called.")),
        ("403 Forbidden", 1, (502, "ModelError", "The model cannot be called.")),
    ],
)
def test_a_gateway_s_status_without_a_word_of_aws_counts(
    status: str, questions: int, expected: tuple[int, str, str], clock: Clock
) -> None:
    answer = http_answer(b'{"message": "account 123456789012"}', status=status)
    wires = Wires(Wire(clock, at_once(answer), at_once(answer)))
    found, body = answered(wires, remaining_s=MUCH_S)
    error = json.loads(body)["error"]
    assert (found, error["code"], error["message"]) == expected
    assert len(wires.questions) == questions


def test_a_busy_container_s_message_comes_from_one_question(clock: Clock) -> None:
    fields = {"OriginalStatusCode": 429, "OriginalMessage": '{"error": "photos.example is busy."}'}
    headers = {"x-amzn-errortype": "ModelError"}
    answer = http_answer(json.dumps(fields).encode(), status="424 Failed", headers=headers)
    wires = Wires(Wire(clock, at_once(answer)))
    status, body = answered(wires, remaining_s=MUCH_S)
    assert (status, json.loads(body)["error"]["message"]) == (429, "photos.example is busy.")
    assert len(wires.questions) == 1


# ---------------------------------------------------------------- credentials and headers


class Service:
    """A service that gives other credentials each time, which hold for very long, or is late."""

    def __init__(self, clock: Clock, *, seconds: float = 0.0, ends: str = "2999-01-01T00:00:00Z") -> None:
        self._clock, self._seconds, self._ends = clock, seconds, ends
        self.deadlines: list[float] = []

    def __call__(self, _url: str, _headers: object, deadline: float) -> bytes:
        """Answer a GET."""
        self.deadlines.append(deadline)
        self._clock.advance(min(self._seconds, deadline - self._clock.now()))
        if self._clock.now() >= deadline:
            raise TimeoutError
        key = f"KEY{len(self.deadlines)}"
        found = {"AccessKeyId": key, "SecretAccessKey": "s", "Token": "t", "Expiration": self._ends}
        return json.dumps(found).encode()


def credentials_of(service: Service) -> RoleCredentials:
    return RoleCredentials({"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1:9/"}, get=service)


def test_credentials_that_end_in_mid_call_are_others_at_the_second_attempt(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = 1_764_412_345.0  # 2025-11-29T10:32:25Z
    monkeypatch.setattr("endpoint_client.time.time", lambda: started + clock.now() - 1000.0)
    service = Service(clock, ends="2025-11-29T10:37:30Z")  # five minutes, in which they are renewed, and 5 s
    refused = http_answer(b"{}", status="500 Failed", headers={"x-amzn-errortype": "InternalFailure"})
    wires = Wires(Wire(clock, [(6.0, refused)], at_once(GOOD)))
    assert invoke(wires.client(credentials_of(service)), remaining_s=MUCH_S).body == LOGITS
    keys = [re.findall(rb"Credential=(\w+)/", question) for question in wires.questions]
    assert keys == [[b"KEY1"], [b"KEY2"]]


def test_a_service_of_credentials_that_is_slow_takes_of_the_same_budget(clock: Clock) -> None:
    service = Service(clock, seconds=1.9)
    wires = Wires(Wire(clock, [(3.0, GOOD)]))
    with pytest.raises(TimeoutError):
        invoke(wires.client(credentials_of(service)), remaining_s=5.0)
    assert (service.deadlines, clock.now()) == ([1002.0], 1004.5)


def test_a_service_of_credentials_that_hangs_ends_with_the_event(clock: Clock) -> None:
    wires = Wires(Wire(clock, at_once(GOOD)))
    client = wires.client(credentials_of(Service(clock, seconds=60.0)))
    with pytest.raises(Exception, match="the service gives no credentials: TimeoutError"):
        invoke(client, remaining_s=1.5)
    assert (clock.now(), wires.opened) == (1001.0, [])


@pytest.mark.parametrize("trace_id", ["Root=1\r\nX-Forged: 1", "Root=\u0141", "Root=1\n", "\x00", ""])
def test_a_trace_that_no_header_can_hold_is_left_out(trace_id: str, clock: Clock) -> None:
    """The caller of the function writes it; it must neither forge a header nor fail the event."""
    wires = Wires(Wire(clock, at_once(GOOD)))
    assert invoke(wires.client(), trace_id=trace_id).body == LOGITS
    (question,) = wires.questions
    assert b"x-amzn-trace-id" not in question.lower()
    assert b"forged" not in question.lower()


def test_a_connection_that_is_late_was_no_question(clock: Clock) -> None:
    wires = Wires(ConnectTimeoutError(), Wire(clock, at_once(GOOD)))
    assert invoke(wires.client(), remaining_s=MUCH_S).body == LOGITS
    assert len(wires.questions) == 1
