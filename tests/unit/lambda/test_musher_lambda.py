"""The Lambda handler: the success shape, and one honest status code for each way to fail."""

import http.client
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from endpoint_client import RETRIED_CODES
from model_answers import BUSY_CODES, MAX_ANSWER_BYTES, container_status

from tests.function_connections import Answer, Network, model_error, refusal

URL = "https://example.com/dog.jpg"
LOGITS = "[[0.5, -1.25, 3.0]]"
SECRET = "Endpoint musher-1234 of account 123456789012 not found."
ROOT = Path(__file__).parents[3]


class Context:
    """The part of the Lambda context that the handler uses."""

    aws_request_id = "request-1"

    def __init__(self, remaining_s: float = 5.0) -> None:
        self._remaining_s = remaining_s

    def get_remaining_time_in_millis(self) -> int:
        """Return what the function has left; with less than 10 s it makes one attempt."""
        return int(self._remaining_s * 1000)

    def __str__(self) -> str:
        return "LambdaContext([aws_request_id=1])"


@pytest.fixture
def network() -> Network:
    return Network()


def call(network: Network, event: Any) -> dict[str, Any]:
    """Run the handler; check what every direct answer has in common."""
    result = network.function().handle(event, Context())
    assert list(result) == ["statusCode", "headers", "type-result", "COntent-Type-In", "body"]
    assert result["headers"] == {"Content-Type": "text/plain", "Access-Control-Allow-Origin": "*"}
    assert result["type-result"] == "<class 'str'>"
    assert result["COntent-Type-In"] == ""
    json.dumps(result)
    return result


def failure(network: Network, event: Any) -> tuple[int, str, str]:
    """Run the handler on what must fail; return status, code and message."""
    result = call(network, event)
    error = json.loads(result["body"])["error"]
    assert sorted(error) == ["code", "message"]
    assert "123456789012" not in result["body"]
    return result["statusCode"], error["code"], error["message"]


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """Return the log's entries."""
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_success_is_the_endpoints_text_as_a_json_string(network: Network) -> None:
    network.outcomes = [Answer(200, LOGITS.encode())]
    result = call(network, {"url": URL})
    assert (result["statusCode"], result["body"]) == (200, LOGITS)
    (request,) = network.requests
    assert (request["method"], request["path"]) == ("POST", "/endpoints/musher-1234/invocations")
    assert json.loads(request["body"]) == {"url": URL}
    assert request["headers"]["content-type"] == request["headers"]["accept"] == "application/json"


@pytest.mark.parametrize("status", [400, 415, 424])
def test_the_containers_refusal_of_the_image_is_400_with_its_message(network: Network, status: int) -> None:
    network.outcomes = [model_error(status, '{"error": "The image is truncated."}')]
    assert failure(network, {"url": URL}) == (400, "BadRequest", "The image is truncated.")


@pytest.mark.parametrize(
    "text", ["<html>Traceback</html>", "[]", '{"error": {"a": 1}}', "null", "", '{"a":' * 50_000, "7"]
)
def test_a_refusal_in_another_form_has_a_message_of_ours(network: Network, text: str) -> None:
    network.outcomes = [model_error(400, text)]
    assert failure(network, {"url": URL}) == (400, "BadRequest", "The model refused the image.")


def test_a_long_message_of_the_container_is_cut(network: Network) -> None:
    network.outcomes = [model_error(400, json.dumps({"error": "x" * 5000}))]
    assert failure(network, {"url": URL})[2] == "x" * 300


def test_a_large_image_is_413(network: Network) -> None:
    network.outcomes = [model_error(413, '{"error": "The image has 60000000 bytes."}')]
    assert failure(network, {"url": URL}) == (413, "TooLarge", "The image has 60000000 bytes.")


@pytest.mark.parametrize("status", [500, 502, 401, 404])
def test_a_failing_model_is_502_without_its_message(network: Network, status: int) -> None:
    network.outcomes = [model_error(status, '{"error": "Traceback: /opt/ml/model"}', message=SECRET)]
    assert failure(network, {"url": URL}) == (502, "ModelError", "The model failed on this image.")


def test_a_busy_source_of_the_image_is_429_with_the_containers_message(network: Network) -> None:
    network.outcomes = [model_error(429, '{"error": "photos.example:443 answered 503: try again later"}')]
    said = "photos.example:443 answered 503: try again later"
    assert failure(network, {"url": URL}) == (429, "Throttled", said)


@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_container_is_429(network: Network, status: int) -> None:
    network.outcomes = [model_error(status, "")]
    assert failure(network, {"url": URL}) == (429, "Throttled", "The model is busy; try again later.")


@pytest.mark.parametrize("code", sorted(BUSY_CODES))
def test_a_throttled_endpoint_is_429(network: Network, code: str) -> None:
    network.outcomes = [refusal(code, status=429, message=SECRET)]
    assert failure(network, {"url": URL})[:2] == (429, "Throttled")


@pytest.mark.parametrize(
    "code", ["ValidationError", "AccessDeniedException", "InternalFailure", "Unknown", "", "RequestTimeout"]
)
def test_another_error_of_aws_is_502_and_tells_nothing_of_the_account(network: Network, code: str) -> None:
    network.outcomes = [refusal(code, message=SECRET)]
    assert failure(network, {"url": URL}) == (502, "ModelError", "The model cannot be called.")


@pytest.mark.parametrize("code", [["ThrottlingException"], {}, 429, None])
def test_a_code_that_is_no_text_is_502(network: Network, code: Any) -> None:
    network.outcomes = [Answer(400, json.dumps({"code": code, "message": SECRET}).encode())]
    assert failure(network, {"url": URL}) == (502, "ModelError", "The model cannot be called.")


@pytest.mark.parametrize("status", [408, 504])
def test_a_timeout_of_the_container_is_504(network: Network, status: int) -> None:
    network.outcomes = [model_error(status, "")]
    assert failure(network, {"url": URL}) == (504, "Timeout", "The model did not answer in time.")


def test_a_timeout_of_sagemaker_itself_is_504(network: Network) -> None:
    words = "Your invocation timed out while waiting for a response"
    network.outcomes = [model_error(0, "", message=words)]
    assert failure(network, {"url": URL})[:2] == (504, "Timeout")


def test_a_timeout_of_the_connection_is_504(network: Network) -> None:
    network.outcomes = [TimeoutError("timed out")]
    assert failure(network, {"url": URL}) == (504, "Timeout", "The model did not answer in time.")


@pytest.mark.parametrize(
    "error",
    [
        ConnectionRefusedError("10.0.0.1"),
        OSError("Name or service not known: secret.example"),
        http.client.BadStatusLine("nonsense"),
        http.client.IncompleteRead(b"x"),
    ],
)
def test_an_endpoint_that_cannot_be_reached_is_502(network: Network, error: Exception) -> None:
    network.outcomes = [error]
    assert failure(network, {"url": URL}) == (502, "ModelError", "The model cannot be reached.")


def test_a_function_without_credentials_is_502(network: Network) -> None:
    function = network.function(AWS_ACCESS_KEY_ID="", AWS_SECRET_ACCESS_KEY="")
    result = function.handle({"url": URL}, Context())
    assert result["statusCode"] == 502
    assert "The model cannot be reached." in result["body"]
    assert network.requests == []


@pytest.mark.parametrize(
    "body", [b"", b"body", b"\xff\xfe", b"[[1]", b"[" * 50_000, b"[" * 50_000 + b"]" * 50_000]
)
def test_an_answer_that_is_no_json_is_502(network: Network, body: bytes) -> None:
    network.outcomes = [Answer(200, body)]
    assert failure(network, {"url": URL}) == (502, "ModelError", "The model's answer is not JSON.")


@pytest.mark.parametrize(
    "body", ["{}", "[]", "[1, 2]", "[[]]", '"[[1]]"', "null", "[[1], [2]]", "[[1, 2], [3]]"]
)
def test_an_answer_that_is_not_one_row_is_502(network: Network, body: str) -> None:
    network.outcomes = [Answer(200, body.encode())]
    message = "The model's answer is not one row of logits."
    assert failure(network, {"url": URL}) == (502, "ModelError", message)


@pytest.mark.parametrize(
    "value",
    [
        *("null", '"a"', '"1.5"', "true", "false", "NaN", "Infinity", "-Infinity", "1e999", "[1]", "{}"),
        pytest.param("9" * 400, id="more than a float holds"),
        pytest.param("9" * 5_000, id="more digits than Python reads"),
    ],
)
def test_an_answer_of_other_things_than_finite_numbers_is_502(network: Network, value: str) -> None:
    network.outcomes = [Answer(200, f"[[0.5, {value}]]".encode())]
    status, code, message = failure(network, {"url": URL})
    assert (status, code) == (502, "ModelError")
    assert message in (
        "The model's answer holds logits that are no finite numbers.",
        "The model's answer is not JSON.",
    )


@pytest.mark.parametrize("text", ["[[1]]", "[[0.5, -1e-30, 0, 7]]", " [ [ 1.0 ] ] "])
def test_one_row_of_numbers_is_logits(network: Network, text: str) -> None:
    network.outcomes = [Answer(200, text.encode())]
    assert call(network, {"url": URL})["body"] == text


def test_the_longest_answer_is_taken_and_a_longer_one_is_502(network: Network) -> None:
    """Lambda itself fails on an answer over 6 MB, of which a line's end takes two for one of the body."""
    longest = "[[1]]" + "\n" * (MAX_ANSWER_BYTES - 5)
    network.outcomes = [Answer(200, longest.encode()), Answer(200, longest.encode() + b" " * 5000)]
    result = call(network, {"url": URL})
    assert result["body"] == longest
    assert len(json.dumps(result)) < 6_000_000
    assert failure(network, {"url": URL}) == (502, "ModelError", "The model's answer is too long.")


@pytest.mark.parametrize(("value", "shown"), [("1", True), ("0", False), ("", False), ("yes", False)])
def test_the_context_is_shown_where_it_is_asked_for_and_nowhere_else(
    network: Network, value: str, shown: bool
) -> None:
    """It names the function, its account and its log stream."""
    network.outcomes = [Answer(200, LOGITS.encode())]
    expected = "LambdaContext([aws_request_id=1])" if shown else ""
    function = network.function(MUSHER_SHOW_CONTEXT=value)
    assert function.handle({"url": URL}, Context())["COntent-Type-In"] == expected


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
@pytest.mark.parametrize("word", ["ModelError", ""])
def test_whatever_the_endpoint_answers_ends_in_a_sentence(
    network: Network, status: int, body: bytes, word: str
) -> None:
    network.outcomes = [Answer(status, body, error=word)]
    found, code, message = failure(network, {"url": URL})
    assert (found, code) in [(502, "ModelError"), (400, "BadRequest")]
    assert message.endswith(".")


@pytest.mark.parametrize("value", [None, "many", [], float("inf"), "", "4 00"])
def test_a_status_that_is_no_number_counts_as_none(value: Any) -> None:
    assert container_status(value) == 0


def test_a_status_in_digits_counts() -> None:
    assert container_status("415") == 415


def test_a_function_without_endpoint_name_is_502(network: Network) -> None:
    result = network.function(ENDPOINT_NAME="").handle({"url": URL}, Context())
    assert result["statusCode"] == 502
    assert "This function is not configured: no endpoint is named." in result["body"]


def test_each_event_is_one_line_with_its_id_and_the_first_one_started_cold(
    network: Network, capsys: pytest.CaptureFixture[str]
) -> None:
    network.outcomes = [Answer(200, LOGITS.encode()), Answer(200, LOGITS.encode())]
    function = network.function()
    for _ in range(2):
        function.handle({"url": f"{URL}?signature=secret"}, Context())
    first, second = lines(capsys)
    assert (first["cold_start"], second["cold_start"]) == (True, False)

    assert (first["level"], first["status"], first["source"]) == ("INFO", 200, "url")
    assert first["request_id"] == "request-1"
    assert 0 <= first["seconds"] < 5
    assert "secret" not in json.dumps([first, second])


def test_nobody_waits_for_the_start_of_what_is_provisioned(capsys: pytest.CaptureFixture[str]) -> None:
    function = Network([Answer(200, b"[[1]]")]).function(
        AWS_LAMBDA_INITIALIZATION_TYPE="provisioned-concurrency"
    )
    function.handle({"url": "https://example.com/dog.jpg"}, Context())
    assert json.loads(capsys.readouterr().out)["cold_start"] is False


def test_what_aws_says_is_in_the_log_and_a_failure_of_the_model_is_an_error_there(
    network: Network, capsys: pytest.CaptureFixture[str]
) -> None:
    network.outcomes = [refusal("ValidationError", message=SECRET)]
    failure(network, {"url": URL})
    told, answered = lines(capsys)
    assert (told["level"], told["code"]) == ("WARNING", "ValidationError")
    assert SECRET in told["told"]
    assert (answered["level"], answered["status"], answered["code"]) == ("ERROR", 502, "ModelError")


def test_no_image_is_in_the_log(network: Network, capsys: pytest.CaptureFixture[str]) -> None:
    network.outcomes = [Answer(200, LOGITS.encode())]
    assert call(network, {"image_b64": "/9j/4AAQSkZJRg=="})["statusCode"] == 200
    (line,) = lines(capsys)
    assert (line["source"], line["sent_bytes"]) == ("image", 10)
    assert "4AAQ" not in json.dumps(line)


def test_a_line_of_the_log_cannot_be_forged(network: Network, capsys: pytest.CaptureFixture[str]) -> None:
    failure(network, {"url": 'ftp://x/\n{"level": "forged"}'})
    assert [line["level"] for line in lines(capsys)] == ["INFO"]


def test_neither_boto3_nor_botocore_is_imported() -> None:
    code = (
        "import sys, musher_lambda\n"
        "print([name for name in sys.modules if name.split('.')[0] in ('boto3', 'botocore', 'urllib3')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT / "lambda",
        env={"AWS_REGION": "us-east-1"},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout == "[]\n"


def test_what_is_repeated_says_that_it_may_succeed_later() -> None:
    assert BUSY_CODES | {"RequestTimeout", "RequestTimeoutException"} >= RETRIED_CODES
