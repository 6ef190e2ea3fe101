"""The first program of a notebook instance: its scripts, and what it says of them."""

import base64
import contextlib
import http.client
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from localaws.children import notebook_init as init

HOOK = "LifecycleConfigOnStart"


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[dict[str, Any]]:
    """Return what the program says; scripts lie in, and start in, the test's own folder."""
    found: list[dict[str, Any]] = []
    monkeypatch.setattr(init, "say", lambda event, **facts: found.append({"event": event, **facts}))
    monkeypatch.setattr(init, "SCRIPTS_FOLDER", str(tmp_path))
    monkeypatch.setattr(init, "Path", lambda *parts: tmp_path.joinpath(parts[-1]))
    init.ENDING.clear()
    return found


def script(text: str) -> dict[str, str]:
    """Return a script as boot.json has it."""
    return {"hook": HOOK, "content": base64.b64encode(text.encode()).decode()}


def test_a_script_is_heard_line_by_line(said: list[dict[str, Any]], tmp_path: Path) -> None:
    assert init.run_script(script("#!/bin/sh\necho one; echo two >&2; pwd\n"), limit_s=30)
    assert [one["text"] for one in said] == ["one", "two", str(tmp_path)]
    assert {one["stream"] for one in said} == {HOOK}


def test_a_script_that_fails_is_told_with_its_code(said: list[dict[str, Any]]) -> None:
    assert not init.run_script(script("#!/bin/sh\nexit 3\n"), limit_s=30)
    assert said == [{"event": "failed", "hook": HOOK, "code": 3}]


def test_a_script_that_is_too_slow_is_killed_with_all_that_it_waits_for(said: list[dict[str, Any]]) -> None:
    began = time.monotonic()
    assert not init.run_script(script("#!/bin/sh\nsleep 60; echo never\n"), limit_s=0.2)
    assert time.monotonic() - began < 30
    assert said == [{"event": "failed", "hook": HOOK, "code": None}]


def test_a_script_without_a_program_is_no_defect_of_ours(said: list[dict[str, Any]]) -> None:
    assert not init.run_script(script("#!/none/such\r\n"), limit_s=30)
    line, failed = said
    assert line["text"].endswith("OnStart: No such file or directory")
    assert failed["code"] == 127


def test_what_a_script_leaves_running_is_not_waited_for(said: list[dict[str, Any]]) -> None:
    began = time.monotonic()
    assert init.run_script(script("#!/bin/sh\nsleep 3 & echo up\n"), limit_s=30)
    assert time.monotonic() - began < 2.9
    assert said[0]["text"] == "up"


def test_the_end_ends_a_script_without_a_failure(said: list[dict[str, Any]]) -> None:
    init.ENDING.set()
    assert init.run_script(script("#!/bin/sh\nsleep 60\n"), limit_s=30)
    init.ENDING.clear()
    assert said == []


def test_each_word_to_localaws_is_one_line_of_json(capsys: pytest.CaptureFixture[str]) -> None:
    init.say("line", stream="a", text='quotes " and\nbreaks')
    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line) == {"event": "line", "stream": "a", "text": 'quotes " and\nbreaks'}


def test_output_goes_to_a_file_too(said: list[dict[str, Any]], tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", "print('one'); print('two')"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    log = tmp_path / "log"
    init.copy_output(process, stream="jupyter.log", log=log).join(timeout=30)
    assert process.wait(timeout=30) == 0
    assert log.read_text() == "one\ntwo\n"
    assert [one["text"] for one in said] == ["one", "two"]


def test_a_server_is_asked_until_it_answers_and_has_time_to(
    said: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    answers: list[Exception | None] = [ConnectionRefusedError(), http.client.BadStatusLine("?"), None]
    limits: list[float] = []

    def ask(*_: Any, timeout: float, **__: Any) -> Any:
        limits.append(timeout)
        if (answer := answers.pop(0)) is not None:
            raise answer
        return contextlib.nullcontext()

    monkeypatch.setattr(init.urllib.request, "urlopen", ask)
    monkeypatch.setattr(init, "LOOK_S", 0.001)
    init.await_server({"address": "127.0.0.2", "port": 8443})
    assert said == [{"event": "serving"}]
    assert min(limits) >= 60


ENDS = """
import signal
from localaws.children import notebook_init as init
signal.signal(signal.SIGTERM, lambda *_: init.ENDING.set())
print("up", flush=True)
while not init.ENDING.wait(0.0):
    pass
"""


def test_the_end_is_heard_wherever_it_interrupts() -> None:
    for _ in range(5):
        process = subprocess.Popen([sys.executable, "-c", ENDS], stdout=subprocess.PIPE)
        try:
            assert process.stdout is not None
            with process.stdout as output:
                output.readline()
                process.terminate()
                assert process.wait(timeout=20) == 0
        finally:
            process.kill()
