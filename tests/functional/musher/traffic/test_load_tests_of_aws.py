"""Load tests of AWS's own addresses, signed: a function that answers, fails and is throttled."""

import io
import json
import zipfile
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pytest

from musher.traffic.__main__ import main

LoadTest = Callable[..., dict[str, Any]]

FUNCTION = "load-tested"
CODE = """
import time

def handler(event, context):
    time.sleep(event.get("sleep_s", 0))
    if event.get("fail"):
        raise ValueError("as asked")
    return "ok"
"""
TRUST = json.dumps(
    {
        "Statement": {
            "Effect": "Allow",
            "Principal": {"Service": "lambda.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
    }
)


@pytest.fixture(scope="module")
def function(localaws: Any) -> Generator[str, None, None]:
    """A function of one environment at most."""
    role = localaws.client("iam").create_role(RoleName=FUNCTION, AssumeRolePolicyDocument=TRUST)["Role"][
        "Arn"
    ]
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as files:
        files.writestr("app.py", CODE)
    functions = localaws.client("lambda")
    functions.create_function(
        FunctionName=FUNCTION,
        Runtime="python3.11",
        Handler="app.handler",
        Role=role,
        Timeout=30,
        Code={"ZipFile": archive.getvalue()},
    )
    functions.get_waiter("function_active_v2").wait(FunctionName=FUNCTION)
    functions.put_function_concurrency(FunctionName=FUNCTION, ReservedConcurrentExecutions=1)
    yield FUNCTION
    functions.delete_function(FunctionName=FUNCTION)


@pytest.fixture
def load_test(
    localaws: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., dict[str, Any]]:
    """Run a load test of the AWS that the environment names, and return its result file."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", localaws.url)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "b")

    def run(event: dict[str, Any], words: str) -> dict[str, Any]:
        body, output = tmp_path / "body.json", tmp_path / "result.json"
        body.write_text(json.dumps(event))
        assert main(["--output", str(output), *words.split(), "--body", str(body)]) == 0
        result: dict[str, Any] = json.loads(output.read_text())
        return result

    return run


def test_a_function_answers(localaws: Any, function: str, load_test: LoadTest) -> None:
    result = load_test({}, f"--rate 1 --duration-s 3 lambda {function}")
    assert result["sent"] == 3
    assert result["succeeded"] >= 1
    assert set(result["errors"]) <= {"http_429"}, "a cold start may take longer than the next request waits"
    assert result["target"]["url"].startswith(localaws.url)


def test_a_function_that_raises_is_no_success(function: str, load_test: LoadTest) -> None:
    result = load_test({"fail": True}, f"--rate 1 --duration-s 1 lambda {function}")
    assert result["errors"] == {"function_error": 1}


def test_requests_over_the_reserved_concurrency_are_throttled(function: str, load_test: LoadTest) -> None:
    result = load_test({"sleep_s": 10}, f"--rate 10 --duration-s 1 lambda {function}")
    assert result["sent"] == 10
    assert result["errors"] == {"http_429": 9}
    assert result["latency"]["max_ms"] >= 10_000


def test_an_endpoint_that_is_not_there_refuses_each_request(
    load_test: LoadTest, caplog: pytest.LogCaptureFixture
) -> None:
    """What AWS says of it is logged once."""
    result = load_test({}, "--rate 5 --duration-s 1 sagemaker nobody")
    assert result["errors"] == {"http_400": 5}
    [words] = [line for line in caplog.messages if line.startswith("http_")]
    assert words.startswith("http_400: ")
    assert "Endpoint nobody of account 123456789012 not found." in words
