"""Our own runtime client: loading handlers, wording errors."""

import json
import sys
from pathlib import Path

import pytest

from localaws.children import function_runtime as runtime
from localaws.children.function_runtime import HandlerError


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
    assert written.startswith("[ERROR] ValueError: no\rTraceback (most recent call last):\r  File")
