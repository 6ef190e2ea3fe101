"""One connection, kept; attempts, time limits and what is repeated."""

import http.client
import itertools

import endpoint_client
import pytest
from endpoint_client import EndpointClient, Reply
from timed_connections import ConnectTimeoutError

from tests.function_connections import Answer, Clock, Network, model_error, refusal

OK = b"[[1]]"


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return the pauses that are made, which take no time."""
    made: list[float] = []
    monkeypatch.setattr(endpoint_client.time, "sleep", made.append)
    return made


def invoke(client: EndpointClient, *, remaining_s: float = 30.0, trace_id: str = "") -> Reply:
    return client.invoke(b"{}", content_type="application/json", remaining_s=remaining_s, trace_id=trace_id)


def answers(count: int) -> list[Answer | Exception]:
    return [Answer(200, OK) for _ in range(count)]


def test_all_events_go_over_one_connection() -> None:
    network = Network(answers(100))
    client = network.client()
    assert {invoke(client) for _ in range(100)} == {Reply(200, "", OK)}
    assert len(network.connections) == 1


def test_a_server_that_closes_is_called_over_a_new_connection() -> None:
    network = Network([Answer(200, OK, closes=True), *answers(1)])
    client = network.client()
    invoke(client)
    invoke(client)
    assert [connection.is_closed for connection in network.connections] == [True, False]


@pytest.mark.parametrize(
    "error", [http.client.RemoteDisconnected("closed"), BrokenPipeError(), ConnectionAbortedError()]
)
def test_a_kept_connection_that_was_closed_meanwhile_costs_no_attempt(
    error: Exception, pauses: list[float]
) -> None:
    network = Network([*answers(1), error, *answers(1)])
    client = network.client()
    invoke(client, remaining_s=5.0)
    assert invoke(client, remaining_s=5.0).body == OK
    assert (len(network.connections), pauses) == (2, [])


def test_a_new_connection_that_is_closed_is_an_attempt(pauses: list[float]) -> None:
    network = Network([ConnectionResetError(), *answers(1)])
    with pytest.raises(ConnectionResetError):
        invoke(network.client(), remaining_s=5.0)
    assert pauses == []


def test_one_that_was_frozen_for_long_is_not_used_again(monkeypatch: pytest.MonkeyPatch) -> None:
    network = Network(answers(3))
    client = network.client()
    now = 1000.0
    monkeypatch.setattr(endpoint_client.time, "monotonic", lambda: now)
    invoke(client)
    now += endpoint_client.MAX_IDLE_S - 1
    invoke(client)
    now += endpoint_client.MAX_IDLE_S + 1
    invoke(client)
    assert [len(connection.requests) for connection in network.connections] == [2, 1]


@pytest.mark.parametrize(
    "first",
    [
        refusal("ThrottlingException", status=400),
        refusal("InternalFailure", status=500),
        refusal("ServiceUnavailable", status=503),
        refusal("RequestTimeout"),
        ConnectTimeoutError(),
        ConnectionRefusedError(),
        http.client.BadStatusLine("x"),
    ],
    ids=["throttled", "internal", "unavailable", "late", "timeout", "refused", "nonsense"],
)
def test_what_may_succeed_soon_is_tried_once_more(first: Answer | Exception, pauses: list[float]) -> None:
    network = Network([first, *answers(1)])
    assert invoke(network.client()).body == OK
    assert len(pauses) == 1
    assert 0 <= pauses[0] <= 1


@pytest.mark.parametrize(
    "first",
    [model_error(500, ""), refusal("ValidationError"), refusal("ModelNotReadyException", status=429)],
    ids=["model", "validation", "not ready"],
)
def test_what_stays_so_is_not_repeated(first: Answer, pauses: list[float]) -> None:
    """As botocore: its standard mode does not repeat them."""
    network = Network([first, *answers(1)])
    assert invoke(network.client()).code
    assert (len(network.requests), pauses) == (1, [])


def test_two_attempts_are_made_and_no_third(pauses: list[float]) -> None:
    network = Network([refusal("SlowDown"), refusal("SlowDown"), *answers(1)])
    assert invoke(network.client()).code == "SlowDown"
    assert (len(network.requests), len(pauses)) == (2, 1)


def test_a_function_with_little_time_makes_one(pauses: list[float]) -> None:
    network = Network([refusal("SlowDown"), *answers(1)])
    assert invoke(network.client(), remaining_s=9.9).code == "SlowDown"
    assert pauses == []


@pytest.mark.parametrize(
    ("remaining_s", "attempt_s"), [(2, 1.5), (30, 29.5), (60, 59.5), (70, 65.0), (900, 65.0)]
)
def test_a_model_that_is_slow_is_asked_once_and_has_all_the_time(
    remaining_s: float, attempt_s: float, clock: Clock
) -> None:
    network = Network([TimeoutError(), *answers(1)], clock=clock, seconds=[attempt_s])
    with pytest.raises(TimeoutError):
        invoke(network.client(), remaining_s=remaining_s)
    assert len(network.requests) == 1
    assert network.deadlines == [pytest.approx(1000.0 + attempt_s)]


@pytest.mark.parametrize(("first_s", "attempts"), [(0.0, 2), (10.0, 2), (34.4, 2), (34.6, 1), (60.0, 1)])
@pytest.mark.parametrize("first", [refusal("InternalFailure", status=500), ConnectionResetError()])
def test_a_second_attempt_begins_where_it_can_last_as_long_as_the_first(
    first: Answer | Exception, first_s: float, attempts: int, clock: Clock
) -> None:
    """Of 70 s half a second is kept back, and half a second is the pause between them."""
    network = Network([first, *answers(1)], clock=clock, seconds=[first_s, first_s])
    try:
        assert invoke(network.client(), remaining_s=70.0).status in (200, 500)
    except ConnectionResetError:
        assert attempts == 1
    assert len(network.requests) == attempts
    assert clock.now() < 1000.0 + 70.0


def test_an_answer_that_drips_ends_with_the_attempt(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = itertools.count(1000.0, 0.5)
    monkeypatch.setattr(endpoint_client.time, "monotonic", lambda: next(clock))
    network = Network([Answer(200, b" " * 1000, piece_bytes=1)])
    with pytest.raises(TimeoutError, match="does not end"):
        invoke(network.client(), remaining_s=5.0)
    assert network.connections[0].is_closed


def test_an_answer_that_is_not_read_to_its_end_ends_the_connection() -> None:
    network = Network([Answer(200, b" " * 3_000_000), *answers(1)])
    client = network.client()
    assert len(invoke(client).body) == 2_900_001
    invoke(client)
    assert len(network.connections) == 2


def test_a_request_is_signed_anew_for_each_attempt_and_names_the_trace(pauses: list[float]) -> None:
    network = Network([refusal("SlowDown"), *answers(1)])
    invoke(network.client(), trace_id="Root=1-abc")
    for request in network.requests:
        headers = request["headers"]
        assert headers["authorization"].startswith("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/")
        assert "/us-east-1/sagemaker/aws4_request" in headers["authorization"]
        assert headers["x-amz-security-token"] == "token/of+a+role=="
        assert headers["host"] == "runtime.sagemaker.us-east-1.amazonaws.com"
        assert headers["x-amzn-trace-id"] == "Root=1-abc"
        assert "x-amzn-trace-id" not in headers["authorization"]


def test_another_address_has_its_port_and_path() -> None:
    network = Network(answers(1))
    invoke(network.client(AWS_ENDPOINT_URL="http://127.0.0.1:4566/aws/"))
    (request,) = network.requests
    assert request["path"] == "/aws/endpoints/musher-1234/invocations"
    assert request["headers"]["host"] == "127.0.0.1:4566"


@pytest.mark.parametrize(
    ("headers", "body", "word"),
    [
        ({"x-amzn-errortype": "ValidationException:http://internal.amazon.com/"}, b"", "ValidationException"),
        ({}, b'{"__type": "com.amazon.coral#ThrottlingException"}', "ThrottlingException"),
        ({}, b'{"code": "ModelError"}', "ModelError"),
        ({}, b"<html>", "Unknown"),
        ({}, b'{"code": 7}', "Unknown"),
    ],
)
def test_an_error_s_word_is_found_where_aws_writes_it(
    headers: dict[str, str], body: bytes, word: str
) -> None:
    answer = Answer(400, body)
    for name, value in headers.items():
        answer.headers[name] = value
    assert invoke(Network([answer]).client(), remaining_s=5.0).code == word
