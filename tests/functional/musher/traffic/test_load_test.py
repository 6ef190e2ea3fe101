"""Load tests of a real server: a stall shows, and SIGTERM gives a result."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmarks.load_generator import stalling_server
from musher.traffic.__main__ import main

ROOT = Path(__file__).parents[4]

LoadTest = Callable[..., dict[str, Any]]


def start(*words: str) -> "subprocess.Popen[str]":
    """Start a load test."""
    search = os.pathsep.join([str(ROOT / "plugins"), *filter(None, [os.environ.get("PYTHONPATH")])])
    return subprocess.Popen(
        [sys.executable, "-m", "musher.traffic", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": search},
    )


@pytest.fixture
def load_test(tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """Run a load test to its end, and return its result file."""

    def run(*words: str) -> dict[str, Any]:
        output = tmp_path / "result.json"
        assert main(["--output", str(output), *words]) == 0
        result: dict[str, Any] = json.loads(output.read_text())
        return result

    return run


def test_a_stall_of_a_second_shows_in_the_p99(load_test: LoadTest) -> None:
    """A fifth of the requests are due in it: one in a hundred of all waits for over 0.95 s.

    A busy machine only adds to that. The exact figures, and those of a closed loop, stand in test_driver.py.
    """
    with stalling_server("0.001", "2", "1") as url:
        result = load_test("--rate", "50", "--duration-s", "5", "http", url)
    assert result["sent"] == result["succeeded"] == 250
    assert result["latency"]["p99_ms"] >= 900
    assert {row["start_s"] for row in result["windows"] if row["max_ms"] >= 900} & {1, 2}


def test_refusals_are_failures_by_their_status(load_test: LoadTest) -> None:
    with stalling_server("0") as url:
        result = load_test("--rate", "20", "--duration-s", "1", "http", f"{url}refuse")
    assert result["errors"] == {"http_429": 20}
    assert result["latency"]["p99_ms"] is None


def test_a_server_that_is_not_there_is_a_failure_of_each_request(load_test: LoadTest) -> None:
    result = load_test("--rate", "20", "--duration-s", "1", "http", "http://127.0.0.1:9/")
    assert result["errors"] == {"ClientConnectorError": 20}


def test_a_recorded_trace_is_sent_again(load_test: LoadTest, tmp_path: Path) -> None:
    trace = tmp_path / "trace.csv"
    trace.write_text("second,requests\n0,3\n1,0\n2,5\n")
    with stalling_server("0") as url:
        result = load_test("--profile", "replay", "--trace", str(trace), "http", url)
    assert [(row["start_s"], row["sent"]) for row in result["windows"]] == [(0, 3), (2, 5)]


def test_sigterm_gives_what_was_measured_so_far() -> None:
    with stalling_server("0") as url, start("--rate", "50", "--duration-s", "600", "http", url) as process:
        assert process.stderr is not None
        assert "Sending" in process.stderr.readline()
        time.sleep(1)
        process.send_signal(signal.SIGTERM)
        text, _ = process.communicate(timeout=60)
    result = json.loads(text)
    assert process.returncode == 0
    assert not result["is_complete"]
    assert 0 < result["sent"] < 30_000
    assert "stopped before its end" in result["warnings"][0]
