"""An instance stops itself once it is unused, never while a kernel is busy, and where Jupyter is silent."""

from __future__ import annotations

import importlib.util
import io
import json
import sys
import urllib.error
import urllib.request
from email.message import Message
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

PROGRAM = Path(__file__).parents[3] / "training" / "notebook" / "autostop.py"
NOW = 1_800_000_000.0
"""2027-01-15T08:00:00Z"""


def at(minutes_ago: float) -> str:
    """Return a time as Jupyter writes it."""
    from datetime import UTC, datetime

    moment = datetime.fromtimestamp(NOW - minutes_ago * 60, UTC)
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


class Instance:
    """A notebook instance: what its Jupyter answers, and what is asked of SageMaker."""

    def __init__(self, program: ModuleType, folder: Path) -> None:
        self.program, self.note = program, folder / "last_use"
        self.answers: dict[str, Any] = {"kernels": [], "terminals": []}
        self.silent = False
        self.stopped: list[str] = []
        self.refusal: Exception | None = None

    def urlopen(self, url: str, **options: Any) -> io.BytesIO:
        """Be Jupyter."""
        assert url.startswith("https://localhost:8443/api/")
        assert options["timeout"] <= 30
        if self.silent:
            raise urllib.error.URLError("connection refused")
        answer = self.answers[url.rpartition("/")[2]]
        if answer is None:
            raise urllib.error.HTTPError(url, 404, "no", Message(), None)
        return io.BytesIO(answer if isinstance(answer, bytes) else json.dumps(answer).encode())

    def client(self, service: str, *, region_name: str) -> Any:
        """Be boto3."""
        assert (service, region_name) == ("sagemaker", "eu-west-1")

        def stop(*, NotebookInstanceName: str) -> None:  # noqa: N803
            if self.refusal:
                raise self.refusal
            self.stopped.append(NotebookInstanceName)

        return SimpleNamespace(stop_notebook_instance=stop)

    def look(self, *, idle_minutes: str = "60") -> int:
        """Run the program once."""
        code: int = self.program.main(["--idle-minutes", idle_minutes])
        return code

    def started(self, minutes_ago: float) -> None:
        """Note the start as on_start.sh does."""
        self.note.write_text(f"{NOW - minutes_ago * 60:.0f}\n")


@pytest.fixture
def instance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Instance:
    """An instance that has just started, and that nobody uses."""
    spec = importlib.util.spec_from_file_location("autostop", PROGRAM)
    assert spec is not None
    assert spec.loader is not None
    program = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(program)
    made = Instance(program, tmp_path)
    metadata = tmp_path / "resource-metadata.json"
    arn = "arn:aws:sagemaker:eu-west-1:123456789012:notebook-instance/musher-notebook"
    metadata.write_text(json.dumps({"ResourceArn": arn, "ResourceName": "musher-notebook"}))
    monkeypatch.setattr(program, "METADATA", metadata)
    monkeypatch.setattr(program, "LAST_USE", made.note)
    monkeypatch.setattr(program.time, "time", lambda: NOW)
    monkeypatch.setattr(urllib.request, "urlopen", made.urlopen)
    monkeypatch.setitem(sys.modules, "boto3", SimpleNamespace(client=made.client))
    made.started(0)
    return made


def kernel(minutes_ago: float, state: str = "idle") -> dict[str, Any]:
    """Return a kernel as Jupyter lists it."""
    return {"id": "k", "name": "musher", "execution_state": state, "last_activity": at(minutes_ago)}


def test_an_instance_that_nobody_ever_used_stops_after_its_minutes(instance: Instance) -> None:
    instance.started(59)
    assert instance.look() == 0
    assert instance.stopped == []
    instance.started(61)
    assert instance.look() == 0
    assert instance.stopped == ["musher-notebook"]


def test_a_kernel_that_was_used_lately_keeps_it(instance: Instance) -> None:
    instance.started(600)
    instance.answers["kernels"] = [kernel(500), kernel(5)]
    instance.look()
    assert instance.stopped == []


def test_a_terminal_that_was_used_lately_keeps_it(instance: Instance) -> None:
    instance.started(600)
    instance.answers["terminals"] = [{"name": "1", "last_activity": at(5)}]
    instance.look()
    assert instance.stopped == []


def test_open_and_unused_kernels_and_terminals_do_not_keep_it(instance: Instance) -> None:
    instance.started(600)
    instance.answers = {"kernels": [kernel(61)], "terminals": [{"name": "1", "last_activity": at(90)}]}
    instance.look()
    assert instance.stopped == ["musher-notebook"]


def test_a_busy_kernel_keeps_it_however_long_its_cell_runs(instance: Instance) -> None:
    instance.started(6000)
    instance.answers["kernels"] = [kernel(5000, "busy")]
    instance.look()
    assert instance.stopped == []
    assert float(instance.note.read_text()) == NOW, "its idle time begins at its end"


def test_a_kernel_that_never_starts_does_not_keep_it_for_ever(instance: Instance) -> None:
    instance.started(600)
    instance.answers["kernels"] = [kernel(400, "starting")]
    instance.look()
    assert instance.stopped == ["musher-notebook"]


def test_a_jupyter_that_does_not_answer_counts_from_the_start(instance: Instance) -> None:
    instance.silent = True
    instance.started(59)
    instance.look()
    assert instance.stopped == []
    instance.started(60)
    instance.look()
    assert instance.stopped == ["musher-notebook"]


def test_a_jupyter_that_is_silent_for_a_moment_does_not_stop_what_was_used_before(
    instance: Instance,
) -> None:
    instance.started(600)
    instance.answers["kernels"] = [kernel(5)]
    instance.look()
    instance.silent = True
    instance.look()
    assert instance.stopped == []


@pytest.mark.parametrize(
    "answer", [b"<html>", b'[{"execution_state": "idle", "last_activity": "yesterday"}]']
)
def test_an_answer_that_makes_no_sense_is_none(instance: Instance, answer: bytes) -> None:
    instance.answers["kernels"] = answer
    instance.started(10)
    assert instance.look() == 0
    assert instance.stopped == []


def test_a_server_without_terminals_has_none(instance: Instance) -> None:
    instance.answers["terminals"] = None
    instance.started(61)
    instance.look()
    assert instance.stopped == ["musher-notebook"]


def test_without_a_note_the_time_begins_now(instance: Instance) -> None:
    instance.note.unlink()
    instance.look()
    assert instance.stopped == []
    assert float(instance.note.read_text()) == NOW


def test_a_stop_that_is_refused_is_tried_again_at_the_next_look(
    instance: Instance, caplog: pytest.LogCaptureFixture
) -> None:
    instance.started(100)
    instance.refusal = PermissionError("AccessDenied")
    assert instance.look() == 1
    assert "cannot be stopped: AccessDenied" in caplog.text
    instance.refusal = None
    assert instance.look() == 0
    assert instance.stopped == ["musher-notebook"]


def test_a_full_disk_keeps_no_unused_instance(instance: Instance, monkeypatch: pytest.MonkeyPatch) -> None:
    """What fills the disk is the user's, and the last use that was noted before still counts."""

    def fill(self: Path, text: str, *_: Any, **__: Any) -> int:
        raise OSError(28, "No space left on device")

    instance.started(61)
    instance.answers["kernels"] = [kernel(70)]
    monkeypatch.setattr(Path, "write_text", fill)
    assert instance.look() == 0
    assert instance.stopped == ["musher-notebook"]


def test_a_note_is_written_over_without_ever_being_empty(
    instance: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that is full has no place for a file that was emptied first."""
    instance.started(600)
    instance.answers["kernels"] = [kernel(5)]
    monkeypatch.setattr(Path, "write_text", lambda *_, **__: pytest.fail("the note was emptied"))
    instance.look()
    assert float(instance.note.read_text()) == NOW - 5 * 60


@pytest.mark.parametrize("answer", [b'{"message": "no"}', b"[1]", b"null"])
def test_an_answer_of_another_shape_is_none(instance: Instance, answer: bytes) -> None:
    instance.answers["kernels"] = answer
    instance.started(61)
    assert instance.look() == 0
    assert instance.stopped == ["musher-notebook"]
