"""The thread of a notebook instance; its machine is made up."""

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from localaws.clock import ManualClock
from localaws.errors import ChildStartError
from localaws.sagemaker.notebooks import instance as instance_module
from localaws.sagemaker.notebooks import runner as module
from localaws.sagemaker.notebooks.instance import LocalNotebookInstance, Place
from localaws.sagemaker.notebooks.lifecycle import Script
from localaws.sagemaker.notebooks.runner import ChangeRunner, NotebookRunner, delete
from localaws.sagemaker.notebooks.spec import NotebookSpec
from localaws.sagemaker.notebooks.states import DELETING, FAILED, IN_SERVICE, STOPPED, STOPPING

SPEC = NotebookSpec(
    name="box",
    arn="arn:box",
    account_id="123456789012",
    region="us-east-1",
    role_arn="arn:role",
    scripts=[Script(hook="LifecycleConfigOnStart", content="")],
    config_arn="arn:config",
)


class FakeNotebook:
    """A machine that says what a test wants, and ends when it is told to."""

    def __init__(self, **_: Any) -> None:
        self.code: int | None = None
        self.error: Exception | None = None
        self.words: list[dict[str, Any]] = []
        self.stops = 0
        self.pid, self.door = 77, object()

    def start(self, *, on_line: Callable[[str], None]) -> None:
        """Say everything at once."""
        if self.error is not None:
            raise self.error
        on_line("Traceback of the interpreter")
        for word in self.words:
            on_line(json.dumps(word))

    def poll(self) -> int | None:
        return self.code

    def stop(self) -> None:
        self.stops += 1


class Bench:
    """One instance, and the thread that runs it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(module, "Notebook", FakeNotebook)
        monkeypatch.setattr(module, "LOOK_S", 0.001)
        monkeypatch.setattr(instance_module.state_changes, "publish", lambda *_, **__: None)
        self.clock, self.lines = ManualClock(), list[tuple[str, str]]()
        place = Place(account_id="1", region_name="us-east-1", now=self.clock.now)
        request = {"NotebookInstanceName": "box", "InstanceType": "ml.t3.medium", "RoleArn": "arn:role"}
        self.instance = LocalNotebookInstance(place=place, request=request)
        context: Any = SimpleNamespace(clock=self.clock, log_stream=self.open_log)
        self.runner = NotebookRunner(context=context, instance=self.instance, spec=SPEC, folder=Path("/none"))
        self.machine: Any = self.runner._machine

    def open_log(self, *, stream: str, **_: Any) -> Any:
        return SimpleNamespace(write=lambda line: self.lines.append((stream, line)))

    def run(self) -> None:
        self.runner.run()


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Bench:
    """Return an instance that is pending."""
    return Bench(monkeypatch)


def test_it_is_in_service_once_its_server_answers_and_stops_when_asked(bench: Bench) -> None:
    bench.machine.words = [
        {"event": "line", "stream": "jupyter.log", "text": "up"},
        {"event": "serving"},
    ]
    thread = threading.Thread(target=bench.run)
    thread.start()
    while bench.instance.status != IN_SERVICE:
        assert thread.is_alive()
    assert bench.instance.has_started
    assert bench.runner.pids() == {"box": 77}
    bench.instance.ask(STOPPING)
    bench.runner.stop()
    thread.join(timeout=30)
    assert bench.instance.status == STOPPED
    assert bench.machine.stops > 0
    assert bench.lines == [("box/jupyter.log", "up")]


@pytest.mark.parametrize(("code", "told"), [(3, "ended with exit code 3.)"), (None, "Internet access.")])
def test_a_script_that_failed_is_the_reason(bench: Bench, code: int | None, told: str) -> None:
    bench.machine.words = [{"event": "failed", "hook": "LifecycleConfigOnStart", "code": code}]
    bench.machine.code = 1
    bench.run()
    assert bench.instance.status == FAILED
    assert str(bench.instance.failure_reason).endswith(told)
    assert not bench.instance.has_started
    assert bench.machine.stops > 0


def test_a_first_program_that_is_killed_is_the_reason(bench: Bench) -> None:
    bench.machine.words = [{"event": "serving"}]
    bench.machine.code = -9
    bench.run()
    assert bench.instance.failure_reason == "localaws: the first program of the notebook instance ended (-9)"


def test_a_server_that_never_answers_is_the_reason(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "START_S", 0.01)
    bench.machine.words = [{"event": "line", "stream": "jupyter.log", "text": "no module"}]
    bench.run()
    assert "did not answer" in str(bench.instance.failure_reason)
    assert str(bench.instance.failure_reason).endswith("It said last: no module")


def test_a_server_has_so_many_seconds_however_long_a_look_takes(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "START_S", 0.2)
    looks: list[None] = []
    monkeypatch.setattr(bench.machine, "poll", lambda: looks.append(time.sleep(0.1)))
    bench.run()
    assert "did not answer" in str(bench.instance.failure_reason)
    assert len(looks) <= 3


def test_a_machine_that_cannot_start_is_the_reason(bench: Bench) -> None:
    bench.machine.error = ChildStartError("no such program")
    bench.run()
    assert bench.instance.failure_reason == "ClientError: no such program"


def test_localaws_can_give_it_up_at_any_time(bench: Bench) -> None:
    bench.runner.abort()
    bench.run()
    assert bench.machine.stops > 0


def test_a_change_waits_and_a_deletion_leaves_nothing(bench: Bench, tmp_path: Path) -> None:
    folder = tmp_path / "box"
    (folder / "volume").mkdir(parents=True)
    gone: list[str] = []
    bench.instance.step(FAILED)
    bench.instance.ask(DELETING)
    began = bench.clock.monotonic()
    context: Any = SimpleNamespace(clock=bench.clock)
    change = ChangeRunner(
        context=context,
        instance=bench.instance,
        finish=lambda: delete(bench.instance, folder=folder, forget=lambda: gone.append("box")),
    )
    change.run()
    assert bench.clock.monotonic() - began == module.CHANGE_S
    assert not folder.exists()
    assert gone == ["box"]
    assert change.door is None
