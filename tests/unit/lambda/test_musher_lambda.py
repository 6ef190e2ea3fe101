"""The Lambda handler: the success shape, and one honest status code for each way to fail."""

import io
import json
from collections.abc import Iterator
from typing import Any

import boto3
import musher_lambda
import pytest
from botocore.awsrequest import AWSResponse, HeadersDict
from botocore.config import Config
from botocore.exceptions import (
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    ReadTimeoutError,
    ResponseStreamingError,
)
from botocore.response import StreamingBody
from botocore.stub import Stubber

URL = "https://example.com/dog.jpg"
LOGITS = "[[0.5, -1.25, 3.0]]"
SECRET = "Endpoint musher-1234 of account 123456789012 not found."


class Context:
    """The part of the Lambda context that the handler uses."""

    def get_remaining_time_in_millis(self) -> int:
        """Return what a function with a limit of 30 s has left at its start."""
        return 30_000

    def __str__(self) -> str:
        return "LambdaContext([aws_request_id=1])"


class FailingClient:
    """A runtime client each of whose calls raises the given error."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def invoke_endpoint(self, **_: Any) -> dict[str, Any]:
        """Raise."""
        raise self.error


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENDPOINT_NAME", "musher-1234")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME", "MUSHER_SHOW_CONTEXT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(musher_lambda, "_clients", {})


@pytest.fixture
def stub() -> Iterator[Stubber]:
    """Put a real boto3 client in place, whose HTTP answers the test sets."""
    client = boto3.client("sagemaker-runtime", config=Config(retries={"total_max_attempts": 1}))
    musher_lambda._clients["sagemaker-runtime"] = client
    with Stubber(client) as stubber:
        yield stubber


def call(event: Any) -> dict[str, Any]:
    """Run the handler; check what every answer has in common."""
    result = musher_lambda.handler(event, Context())
    assert list(result) == ["statusCode", "headers", "type-result", "COntent-Type-In", "body"]
    assert result["headers"] == {"Content-Type": "text/plain", "Access-Control-Allow-Origin": "*"}
    assert result["type-result"] == "<class 'str'>"
    assert result["COntent-Type-In"] == ""
    json.dumps(result)
    return result


def failure(event: Any) -> tuple[int, str, str]:
    """Run the handler on what must fail; return status, type and message."""
    result = call(event)
    error = json.loads(result["body"])["error"]
    assert sorted(error) == ["message", "type"]
    assert "123456789012" not in result["body"]
    return result["statusCode"], error["type"], error["message"]


def add_answer(stub: Stubber, body: bytes) -> None:
    """Let the endpoint answer once, and expect the request that the contract names."""
    stub.add_response(
        "invoke_endpoint",
        {"Body": StreamingBody(io.BytesIO(body), len(body)), "ContentType": "application/json"},
        {
            "EndpointName": "musher-1234",
            "ContentType": "application/json",
            "Accept": "application/json",
            "Body": json.dumps({"url": URL}).encode(),
        },
    )


def add_model_error(stub: Stubber, *, status: int, text: str, message: str = "Received error") -> None:
    """Let the container fail once with this status and body, as SageMaker reports it (HTTP 424)."""
    fields = {"OriginalStatusCode": status, "OriginalMessage": text}
    stub.add_client_error("invoke_endpoint", "ModelError", message, 424, modeled_fields=fields)


def test_success_is_the_endpoints_text_as_a_json_string(stub: Stubber) -> None:
    add_answer(stub, LOGITS.encode())
    result = call({"url": URL})
    assert result["statusCode"] == 200
    assert result["body"] == LOGITS
    stub.assert_no_pending_responses()


@pytest.mark.parametrize("event", [None, "text", 7, [], {}, {"url": None}, {"url": 3}, {"url": ""}])
def test_an_event_without_a_url_is_400(event: Any) -> None:
    assert failure(event)[:2] == (400, "BadRequest")


@pytest.mark.parametrize(
    "url", ["ftp://example.com/a.jpg", "file:///etc/passwd", "example.com/a.jpg", "http://", "http://[::1"]
)
def test_a_url_that_is_not_http_is_400(url: str) -> None:
    assert failure({"url": url}) == (
        400,
        "BadRequest",
        "The URL must start with http:// or https:// and name a host.",
    )


def test_a_url_that_is_too_long_is_400_with_the_limit() -> None:
    status, _, message = failure({"url": "https://example.com/" + "a" * 8192})
    assert (status, message) == (400, "The URL has 8212 characters; at most 8192 are taken.")


def test_a_longest_url_is_taken(stub: Stubber) -> None:
    stub.add_client_error("invoke_endpoint", "ThrottlingException")
    url = "https://example.com/"
    assert failure({"url": url + "a" * (8192 - len(url))})[0] == 429


@pytest.mark.parametrize("status", [400, 415, 424])
def test_the_containers_refusal_of_the_image_is_400_with_its_message(stub: Stubber, status: int) -> None:
    add_model_error(stub, status=status, text='{"error": "The image is truncated."}')
    assert failure({"url": URL}) == (400, "BadRequest", "The image is truncated.")


@pytest.mark.parametrize(
    "text", ["<html>Traceback</html>", "[]", '{"error": {"a": 1}}', "null", "", '{"a":' * 50_000, "7"]
)
def test_a_refusal_in_another_form_has_a_message_of_ours(stub: Stubber, text: str) -> None:
    add_model_error(stub, status=400, text=text)
    assert failure({"url": URL}) == (400, "BadRequest", "The model refused the image.")


def test_a_long_message_of_the_container_is_cut(stub: Stubber) -> None:
    add_model_error(stub, status=400, text=json.dumps({"error": "x" * 5000}))
    assert failure({"url": URL})[2] == "x" * 300


def test_a_large_image_is_413(stub: Stubber) -> None:
    add_model_error(stub, status=413, text='{"error": "The image has 60000000 bytes."}')
    assert failure({"url": URL}) == (413, "TooLarge", "The image has 60000000 bytes.")


@pytest.mark.parametrize("status", [500, 502, 401, 404])
def test_a_failing_model_is_502_without_its_message(stub: Stubber, status: int) -> None:
    add_model_error(stub, status=status, text='{"error": "Traceback: /opt/ml/model"}', message=SECRET)
    assert failure({"url": URL}) == (502, "ModelError", "The model failed on this image.")


@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_container_is_429(stub: Stubber, status: int) -> None:
    add_model_error(stub, status=status, text="")
    assert failure({"url": URL}) == (429, "Throttled", "The model is busy; try again later.")


@pytest.mark.parametrize("code", sorted(musher_lambda.BUSY_CODES))
def test_a_throttled_endpoint_is_429(stub: Stubber, code: str) -> None:
    stub.add_client_error("invoke_endpoint", code, SECRET, 429)
    assert failure({"url": URL})[:2] == (429, "Throttled")


@pytest.mark.parametrize("code", ["ValidationError", "AccessDeniedException", "InternalFailure", "Unknown"])
def test_another_error_of_aws_is_502_and_tells_nothing_of_the_account(stub: Stubber, code: str) -> None:
    stub.add_client_error("invoke_endpoint", code, SECRET, 400)
    assert failure({"url": URL}) == (502, "ModelError", "The model cannot be called.")


@pytest.mark.parametrize("code", [["ThrottlingException"], {}, 429, None])
def test_a_code_that_is_no_text_is_502(code: Any) -> None:
    error = ClientError({"Error": {"Code": code, "Message": SECRET}}, "InvokeEndpoint")
    musher_lambda._clients["sagemaker-runtime"] = FailingClient(error)
    assert failure({"url": URL}) == (502, "ModelError", "The model cannot be called.")


@pytest.mark.parametrize("status", [408, 504])
def test_a_timeout_of_the_container_is_504(stub: Stubber, status: int) -> None:
    add_model_error(stub, status=status, text="")
    assert failure({"url": URL}) == (504, "Timeout", "The model did not answer in time.")


def test_a_timeout_of_sagemaker_itself_is_504(stub: Stubber) -> None:
    add_model_error(stub, status=0, text="", message="Your invocation timed out while waiting for a response")
    assert failure({"url": URL})[:2] == (504, "Timeout")


@pytest.mark.parametrize("error_type", [ReadTimeoutError, ConnectTimeoutError])
def test_a_timeout_of_the_connection_is_504(error_type: type[Exception]) -> None:
    musher_lambda._clients["sagemaker-runtime"] = FailingClient(error_type(endpoint_url="http://secret"))
    assert failure({"url": URL}) == (504, "Timeout", "The model did not answer in time.")


@pytest.mark.parametrize(
    "error",
    [
        EndpointConnectionError(endpoint_url="http://10.0.0.1"),
        NoCredentialsError(),
        ResponseStreamingError(error="10.0.0.1 reset"),
    ],
)
def test_an_endpoint_that_cannot_be_reached_is_502(error: Exception) -> None:
    musher_lambda._clients["sagemaker-runtime"] = FailingClient(error)
    assert failure({"url": URL}) == (502, "ModelError", "The model cannot be reached.")


@pytest.mark.parametrize(
    "body", [b"", b"body", b"\xff\xfe", b"[[1]", b"[" * 50_000, b"[" * 50_000 + b"]" * 50_000]
)
def test_an_answer_that_is_no_json_is_502(stub: Stubber, body: bytes) -> None:
    add_answer(stub, body)
    assert failure({"url": URL}) == (502, "ModelError", "The model's answer is not JSON.")


@pytest.mark.parametrize(
    "body", ["{}", "[]", "[1, 2]", "[[]]", '"[[1]]"', "null", "[[1], [2]]", "[[1, 2], [3]]"]
)
def test_an_answer_that_is_not_one_row_is_502(stub: Stubber, body: str) -> None:
    add_answer(stub, body.encode())
    assert failure({"url": URL}) == (502, "ModelError", "The model's answer is not one row of logits.")


@pytest.mark.parametrize(
    "value",
    [
        *("null", '"a"', '"1.5"', "true", "false", "NaN", "Infinity", "-Infinity", "1e999", "[1]", "{}"),
        pytest.param("9" * 400, id="more than a float holds"),
        pytest.param("9" * 5_000, id="more digits than Python reads"),
    ],
)
def test_an_answer_of_other_things_than_finite_numbers_is_502(stub: Stubber, value: str) -> None:
    add_answer(stub, f"[[0.5, {value}]]".encode())
    status, kind, message = failure({"url": URL})
    assert (status, kind) == (502, "ModelError")
    assert message in (
        "The model's answer holds logits that are no finite numbers.",
        "The model's answer is not JSON.",
    )


@pytest.mark.parametrize("text", ["[[1]]", "[[0.5, -1e-30, 0, 7]]", " [ [ 1.0 ] ] "])
def test_one_row_of_numbers_is_logits(stub: Stubber, text: str) -> None:
    add_answer(stub, text.encode())
    assert call({"url": URL})["body"] == text


def test_the_longest_answer_is_taken_and_a_longer_one_is_502(stub: Stubber) -> None:
    """Lambda itself fails on an answer over 6 MB, of which a line's end takes two for one of the body."""
    longest = "[[1]]" + "\n" * (musher_lambda.MAX_ANSWER_BYTES - 5)
    add_answer(stub, longest.encode())
    result = call({"url": URL})
    assert result["body"] == longest
    assert len(json.dumps(result)) < 6_000_000
    add_answer(stub, longest.encode() + b" ")
    assert failure({"url": URL}) == (502, "ModelError", "The model's answer is too long.")


@pytest.mark.parametrize(("value", "shown"), [("1", True), ("0", False), ("", False), ("yes", False)])
def test_the_context_is_shown_where_it_is_asked_for_and_nowhere_else(
    stub: Stubber, monkeypatch: pytest.MonkeyPatch, value: str, shown: bool
) -> None:
    """It names the function, its account and its log stream."""
    monkeypatch.setenv("MUSHER_SHOW_CONTEXT", value)
    add_answer(stub, LOGITS.encode())
    expected = "LambdaContext([aws_request_id=1])" if shown else ""
    assert musher_lambda.handler({"url": URL}, Context())["COntent-Type-In"] == expected


@pytest.mark.parametrize(
    ("status", "body"),
    [
        pytest.param(424, b'{"a":' * 50_000, id="nested 50,000 deep"),
        pytest.param(424, b"[" * 50_000 + b"]" * 50_000, id="lists 50,000 deep"),
        pytest.param(424, b'{"message": "\xff\xfe"}', id="no UTF-8"),
        pytest.param(424, b"[1, 2]", id="a list"),
        pytest.param(424, b'"text"', id="a text"),
        pytest.param(424, b'{"OriginalStatusCode": "many", "OriginalMessage": 7}', id="a status in words"),
        pytest.param(424, b'{"OriginalStatusCode": [4], "OriginalMessage": {}}', id="a status in a list"),
        pytest.param(424, b'{"OriginalStatusCode": 1e999, "OriginalMessage": "[]"}', id="an endless status"),
        pytest.param(500, b"<html>" + b"\0" * 100, id="HTML"),
        pytest.param(299, b"", id="an odd success"),
        pytest.param(302, b"", id="a redirect"),
        pytest.param(424, b"", id="nothing"),
    ],
)
def test_whatever_the_endpoint_answers_ends_in_a_sentence(status: int, body: bytes) -> None:
    """Read by botocore's own parsers, which fail in their own ways."""
    client = boto3.client("sagemaker-runtime", config=Config(retries={"total_max_attempts": 1}))
    headers = {"x-amzn-errortype": "ModelError", "content-type": "application/json"}

    class Raw:
        """What urllib3 would give."""

        def stream(self, **_: Any) -> Iterator[bytes]:
            yield body

        def read(self, *_: Any, **__: Any) -> bytes:
            return body

        def close(self) -> None:
            """Close nothing."""

    def send(**_: Any) -> AWSResponse:
        return AWSResponse("https://endpoint", status, HeadersDict(headers), Raw())

    client.meta.events.register("before-send.sagemaker-runtime.InvokeEndpoint", send)
    musher_lambda._clients["sagemaker-runtime"] = client
    code, kind, message = failure({"url": URL})
    assert (code, kind) in [(502, "ModelError"), (400, "BadRequest")]
    assert message.endswith(".")


@pytest.mark.parametrize("value", [None, "many", [], float("inf"), "", "4 00"])
def test_a_status_that_is_no_number_counts_as_none(value: Any) -> None:
    assert musher_lambda.container_status(value=value) == 0


def test_a_status_in_digits_counts() -> None:
    assert musher_lambda.container_status(value="415") == 415


def test_a_function_without_endpoint_name_is_502(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ENDPOINT_NAME")
    assert failure({"url": URL})[2] == "This function is not configured: no endpoint is named."


def test_one_client_serves_all_events_of_an_environment() -> None:
    first = musher_lambda.client(context=Context())
    assert musher_lambda.client(context=Context()) is first
    assert first.meta.config.read_timeout == 13.25
    assert first.meta.config.retries["total_max_attempts"] == 2


@pytest.mark.parametrize("limit_s", [2, 3, 9.9, 10, 30, 60, 120, 900])
def test_all_attempts_together_end_before_the_functions_limit(limit_s: float) -> None:
    config: Any = musher_lambda.client_config(remaining_ms=int(limit_s * 1000))
    attempts = config.retries["total_max_attempts"]
    longest_s = attempts * (config.connect_timeout + config.read_timeout) + (attempts - 1)
    assert longest_s < limit_s
    assert attempts == (2 if limit_s >= 10 else 1)
    assert 0.1 <= config.read_timeout <= 60
