"""One connection, kept; attempts, time limits and what is repeated."""

import http.client
import itertools

import endpoint_client
import pytest
from endpoint_client import EndpointClient, Reply, read_timeout

from tests.function_connections import Answer, Network, model_error, refusal

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
        TimeoutError(),
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


@pytest.mark.parametrize("limit_s", [2, 3, 9.9, 10, 30, 60, 120, 900])
def test_all_attempts_together_end_before_the_functions_limit(
    limit_s: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each takes as long as it may, and so does the pause between them."""
    now = 1000.0
    monkeypatch.setattr(endpoint_client.time, "monotonic", lambda: now)
    attempts = 2 if limit_s >= 10 else 1
    deadline = now + limit_s - endpoint_client.RESERVE_S
    for left in reversed(range(attempts)):
        wait_s = read_timeout(deadline, left)
        assert 0.1 <= wait_s <= 60
        now += endpoint_client.CONNECT_TIMEOUT_S + wait_s + (endpoint_client.LONGEST_PAUSE_S if left else 0)
    assert now < 1000.0 + limit_s


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
    ("url", "kind", "host", "port"),
    [
        ("https://runtime.sagemaker.us-east-1.amazonaws.com", "HTTPSConnection", None, 443),
        ("http://127.0.0.1:4566", "HTTPConnection", "127.0.0.1", 4566),
        ("https://[::1]:8443/x", "HTTPSConnection", "::1", 8443),
    ],
)
def test_a_connection_is_of_the_address_s_kind(url: str, kind: str, host: str | None, port: int) -> None:
    connection = endpoint_client.open_connection(url)
    assert type(connection).__name__ == kind
    assert connection.host == (host or "runtime.sagemaker.us-east-1.amazonaws.com")
    assert (connection.port, connection.timeout) == (port, 1.0)


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
