"""Our own runtime client: loading handlers, wording errors."""

import decimal
import json
import logging
import os
import sys
import time
from datetime import UTC, datetime
from http.client import HTTPMessage
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from localaws.children import function_bootstrap
from localaws.children import function_runtime as runtime
from localaws.children.function_runtime import HandlerError, LambdaContext


@pytest.fixture
def task_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder on the path, whose modules are forgotten afterwards."""
    monkeypatch.syspath_prepend(str(tmp_path))
    before = set(sys.modules)
    yield tmp_path  # type: ignore[misc]
    for name in set(sys.modules) - before:
        del sys.modules[name]


def test_a_handler_is_loaded_by_module_and_name(task_root: Path) -> None:
    (task_root / "pkg").mkdir()
    (task_root / "pkg" / "breeds_app.py").write_text("def handler(event, context):\n    return event\n")
    assert runtime.load_handler("pkg/breeds_app.handler")(1, None) == 1  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("nodot", "Runtime.MalformedHandlerName"),
        ("no_such_module.handler", "Runtime.ImportModuleError"),
        ("wrong_syntax.handler", "Runtime.UserCodeSyntaxError"),
        ("without_handler.handler", "Runtime.HandlerNotFound"),
    ],
)
def test_a_handler_that_cannot_be_loaded_says_why(task_root: Path, name: str, kind: str) -> None:
    (task_root / "wrong_syntax.py").write_text("def handler(:\n")
    (task_root / "without_handler.py").write_text("x = 1\n")
    with pytest.raises(HandlerError) as error:
        runtime.load_handler(name)
    assert error.value.kind == kind
    assert runtime.describe(error.value, request_id="r")["errorType"] == kind


def test_an_error_is_described_with_its_trace() -> None:
    try:
        {}["missing"]
    except KeyError as error:
        document = runtime.describe(error, request_id="r-1")
    assert (document["errorType"], document["errorMessage"]) == ("KeyError", "'missing'")
    assert document["requestId"] == "r-1"
    assert "test_children_function_runtime.py" in document["stackTrace"][0]


def test_answers_are_json_or_bytes() -> None:
    assert json.loads(runtime.encode({"a": "ä"})) == {"a": "ä"}
    assert runtime.encode(b"raw") == b"raw"
    with pytest.raises(HandlerError, match="Object of type set is not JSON serializable"):
        runtime.encode({1})


def test_an_error_is_one_event_in_the_log(capsys: pytest.CaptureFixture[str]) -> None:
    document = {
        "errorType": "ValueError",
        "errorMessage": "no",
        "stackTrace": ['  File "a", line 1\n    x\n'],
    }
    runtime.log_error(document)
    written = capsys.readouterr().out
    assert written.count("\n") == 1
    assert written.startswith("[ERROR] ValueError: no\rTraceback (most recent call last):\r\u00a0\u00a0File")


class Api:
    """The Runtime API of one event, as the client sees it."""

    def __init__(self, body: bytes, **headers: str) -> None:
        self._body = body
        self._headers = HTTPMessage()
        known = {
            "Lambda-Runtime-Aws-Request-Id": "r-1",
            "Lambda-Runtime-Deadline-Ms": str(int(time.time() * 1000) + 60_000),
            "Lambda-Runtime-Invoked-Function-Arn": "arn:dogs",
            "Lambda-Runtime-Trace-Id": "Root=1",
        }
        for name, value in (known | {key.replace("_", "-"): value for key, value in headers.items()}).items():
            self._headers[name] = value
        self.posted: list[tuple[str, bytes]] = []

    def next_invocation(self) -> tuple[HTTPMessage, bytes]:
        """Return the event."""
        return self._headers, self._body

    def post(self, path: str, body: bytes, *, headers: dict[str, str] | None = None) -> None:
        """Note an answer."""
        self.posted.append((path, body))


@pytest.fixture
def variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """Set what localaws sets for a function."""
    for name, value in (("NAME", "dogs"), ("MEMORY_SIZE", "256"), ("VERSION", "7")):
        monkeypatch.setenv(f"AWS_LAMBDA_FUNCTION_{name}", value)
    monkeypatch.setenv("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/dogs")
    monkeypatch.setenv("AWS_LAMBDA_LOG_STREAM_NAME", "2026/01/01/[7]abc")
    monkeypatch.setenv("_X_AMZN_TRACE_ID", "")


def serve(handler: Any, event: Any = None, **headers: str) -> tuple[str, Any]:
    """Let a handler take one event; return where its answer went, and what it was."""
    api = Api(json.dumps(event).encode(), **headers)
    runtime.handle(api, handler, request_ids=runtime.RequestIdFilter())  # type: ignore[arg-type]
    ((path, body),) = api.posted
    return path, json.loads(body)


@pytest.mark.usefixtures("variables")
@pytest.mark.parametrize("event", [None, 1, "text", [1, 2], {"a": {"b": "ä"}}, True, ""])
def test_an_event_goes_in_and_its_answer_out(event: Any) -> None:
    path, answer = serve(lambda given, context: {"given": given, "id": context.aws_request_id}, event)
    assert path == "invocation/r-1/response"
    assert answer == {"given": event, "id": "r-1"}


@pytest.mark.usefixtures("variables")
def test_a_context_tells_function_caller_and_time() -> None:
    seen: list[LambdaContext] = []
    client = json.dumps({"custom": {"a": "1"}, "env": {"locale": "de"}, "client": {"app_title": "Dogs"}})
    identity = json.dumps({"cognitoIdentityId": "i", "cognitoIdentityPoolId": "p"})
    serve(
        lambda event, context: seen.append(context),
        Lambda_Runtime_Client_Context=client,
        Lambda_Runtime_Cognito_Identity=identity,
    )
    (context,) = seen
    assert (context.function_name, context.function_version) == ("dogs", "7")
    assert (context.memory_limit_in_mb, context.invoked_function_arn) == ("256", "arn:dogs")
    assert context.log_group_name == "/aws/lambda/dogs"
    assert 0 < context.get_remaining_time_in_millis() <= 60_000
    assert context.client_context is not None
    assert context.client_context.custom == {"a": "1"}
    assert context.client_context.client == {"app_title": "Dogs"}
    assert context.identity.cognito_identity_pool_id == "p"
    assert "aws_request_id=r-1" in repr(context)
    assert repr(context.identity) == ("CognitoIdentity([cognito_identity_id=i,cognito_identity_pool_id=p])")


@pytest.mark.usefixtures("variables")
def test_no_time_is_left_after_the_deadline() -> None:
    _, left = serve(
        lambda event, context: [context.get_remaining_time_in_millis(), context.client_context],
        Lambda_Runtime_Deadline_Ms="1000",
    )
    assert left == [0, None]


@pytest.mark.usefixtures("variables")
def test_a_trace_is_the_current_events() -> None:
    _, answer = serve(lambda event, context: os.environ["_X_AMZN_TRACE_ID"], Lambda_Runtime_Trace_Id="Root=2")
    assert answer == "Root=2"


@pytest.mark.usefixtures("variables")
@pytest.mark.parametrize(
    ("answer", "kind", "message"),
    [
        (lambda: {1}, "Runtime.MarshalError", "Object of type set is not JSON serializable"),
        (lambda: datetime(2026, 1, 1, tzinfo=UTC), "Runtime.MarshalError", "Object of type datetime"),
        (lambda: {(1, 2): 3}, "Runtime.MarshalError", "keys must be str"),
        (lambda: 1 / 0, "ZeroDivisionError", "division by zero"),
        (lambda: {}["missing"], "KeyError", "'missing'"),
        (lambda: [][0], "IndexError", "list index out of range"),
        (lambda: "\ud800".encode(), "UnicodeEncodeError", "surrogates not allowed"),
    ],
)
def test_a_failure_goes_to_the_error_route_and_the_log(
    answer: Any, kind: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path, document = serve(lambda event, context: answer())
    assert path == "invocation/r-1/error"
    assert (document["errorType"], document["requestId"]) == (kind, "r-1")
    assert message in document["errorMessage"]
    assert capsys.readouterr().out.startswith(f"[ERROR] {kind}: ")
    assert not any("children/function_runtime.py" in frame for frame in document["stackTrace"])


@pytest.mark.usefixtures("variables")
@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt()])
def test_what_ends_a_process_is_no_answer(error: BaseException) -> None:
    """The process ends, and localaws tells Runtime.ExitError."""

    def handler(event: Any, context: Any) -> None:
        raise error

    with pytest.raises(type(error)):
        serve(handler)


ANSWERS = [
    {"a": [1, 2.5, None, True]},
    (1, 2),
    "ä€😀",
    decimal.Decimal("3"),
    decimal.Decimal("-0.125"),
    decimal.Decimal("1E+3"),
    {"price": decimal.Decimal("19.99")},
    float("inf"),
    decimal.Decimal("-Infinity"),
    {1: "one", None: "none"},
    10**30,
]


@pytest.mark.parametrize("answer", ANSWERS, ids=repr)
def test_an_answer_means_what_it_means_by_awss_own_client(answer: Any) -> None:
    marshaller = pytest.importorskip("awslambdaric.lambda_runtime_marshaller").LambdaMarshaller()
    theirs, _ = marshaller.marshal_response(answer)
    assert json.loads(runtime.encode(answer)) == json.loads(theirs)


def test_no_number_is_no_number_in_both_clients() -> None:
    assert runtime.encode([float("nan"), decimal.Decimal("NaN")]) == b"[NaN, NaN]"


@pytest.mark.parametrize(
    "name", ["nodot", "absent_module.handler", "sys.handler", "time/x.handler", "json.nothing"]
)
def test_a_handler_is_refused_in_the_words_of_awss_own_client(name: str) -> None:
    bootstrap = pytest.importorskip("awslambdaric.bootstrap")
    faults = pytest.importorskip("awslambdaric.lambda_runtime_exception")
    with pytest.raises(faults.FaultException) as theirs:
        bootstrap._get_handler(name)
    with pytest.raises(HandlerError) as ours:
        runtime.load_handler(name)
    assert (ours.value.kind, str(ours.value)) == (theirs.value.exception_type, theirs.value.msg)


def test_an_error_is_logged_as_by_awss_own_client(capsys: pytest.CaptureFixture[str]) -> None:
    bootstrap = pytest.importorskip("awslambdaric.bootstrap")
    document = {
        "errorType": "ValueError",
        "errorMessage": "no dog",
        "stackTrace": ['  File "a.py", line 1, in handler\n    raise ValueError\n', "  last\n"],
    }
    lines: list[str] = []
    bootstrap.log_error(document, SimpleNamespace(log_error=lines.extend))
    runtime.log_error(document)
    assert capsys.readouterr().out == "\r".join(lines) + "\n"


def test_a_json_error_is_one_object(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_LAMBDA_LOG_FORMAT", "JSON")
    runtime.log_error({"errorType": "E", "errorMessage": "no", "stackTrace": []})
    found = json.loads(capsys.readouterr().out)
    assert found.pop("timestamp").endswith("Z")
    assert found == {"level": "ERROR", "errorType": "E", "errorMessage": "no", "stackTrace": []}


def record(message: Any, *arguments: Any, **fields: Any) -> logging.LogRecord:
    """Return a record of a function's logger."""
    made = logging.LogRecord("dogs", logging.WARNING, "app.py", 3, message, arguments, None, "handler")
    vars(made).update({"aws_request_id": "r-1"} | fields)
    return made


def failure() -> Any:
    """Return what sys.exc_info() gives in an except clause."""
    try:
        raise ValueError("no dog")
    except ValueError:
        return sys.exc_info()


@pytest.mark.parametrize(
    "made",
    [
        record("plain"),
        record("%s of %d", "one", 2),
        record({"breed": "beagle", "score": 0.5}),
        record("with extra", breed="beagle", count=3),
        record("failed", exc_info=failure()),
    ],
    ids=["text", "arguments", "document", "extra", "exception"],
)
def test_a_json_record_has_the_members_of_awss_own_client(made: logging.LogRecord) -> None:
    utils = pytest.importorskip("awslambdaric.lambda_runtime_log_utils")
    ours = json.loads(runtime.JsonFormatter().format(made))
    theirs = json.loads(utils.JsonFormatter().format(made))
    assert ours == theirs


@pytest.mark.parametrize(
    ("level", "expected"),
    [(None, 20), ("TRACE", 10), ("DEBUG", 10), ("WARN", 30), ("ERROR", 40), ("FATAL", 50)],
)
def test_a_level_of_the_configuration_is_the_loggers(
    monkeypatch: pytest.MonkeyPatch, level: str | None, expected: int
) -> None:
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", [])
    monkeypatch.setattr(logging.Formatter, "converter", time.localtime)
    monkeypatch.setenv("AWS_LAMBDA_LOG_FORMAT", "JSON")
    if level:
        monkeypatch.setenv("AWS_LAMBDA_LOG_LEVEL", level)
    before = root.level
    try:
        runtime.set_up_logging()
        assert root.level == expected
    finally:
        root.setLevel(before)


@pytest.mark.parametrize(("client", "expected"), [("python", ["ours"]), ("awslambdaric", ["aws"])])
def test_the_bootstrap_runs_the_client_that_is_named(
    monkeypatch: pytest.MonkeyPatch, client: str, expected: list[str]
) -> None:
    calls: list[str] = []
    ours = SimpleNamespace(run_handler=lambda name: calls.append("ours"))
    aws = SimpleNamespace(main=lambda argv: calls.append("aws"))
    monkeypatch.setitem(sys.modules, "localaws_runtime", ours)
    monkeypatch.setitem(sys.modules, "awslambdaric.__main__", aws)
    monkeypatch.setattr(sys, "argv", ["bootstrap", client, "app.handler"])
    monkeypatch.setattr(function_bootstrap, "site", SimpleNamespace(setquit=int, sethelper=int))
    function_bootstrap.main()
    assert calls == expected
