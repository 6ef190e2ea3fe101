"""Two serve.py processes behind one port: one may die, both drain, none is left, the numbers are of both."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.functional.training.conftest import TRAINING, clean_environ
from tests.functional.training.sources import photo

WAIT_S = 100
TWO = {"MUSHER_SERVE_PROCESSES": "2", "MUSHER_SERVE_STREAMS": "2"}

pytestmark = pytest.mark.skipif(
    len(os.sched_getaffinity(0)) < 2, reason="two processes are refused on one processor"
)


def wait_until(is_so: Callable[[], bool]) -> None:
    """Wait until something is so, WAIT_S at most."""
    deadline = time.monotonic() + WAIT_S
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def workers_of(server: Any) -> list[psutil.Process]:
    """Return the processes that a server's first one has started."""
    return psutil.Process(server.process.pid).children()


def count_of(server: Any, name: str) -> float:
    """Return a number of the page of metrics."""
    with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/metrics", timeout=WAIT_S) as answer:
        found = re.search(rf"^{re.escape(name)} (\S+)$", answer.read().decode(), re.MULTILINE)
    return float(found[1]) if found else 0.0


@pytest.fixture(scope="module")
def pair(start_server: Any, model_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Run two processes for all tests that leave them whole."""
    log = tmp_path_factory.mktemp("pair") / "log"
    running = start_server(model_dir, log, **TWO)
    yield running
    assert running.stop() == 0
    assert "Traceback" not in log.read_text()


def test_requests_that_any_process_answers_are_on_one_page(pair: Any) -> None:
    before = count_of(pair, "imgclf_invocation_seconds_count")
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: pair.invoke(photo(1), "image/jpeg"), range(24)))
    assert answers == [answers[0]] * 24
    assert answers[0][0] == 200
    pages = [count_of(pair, "imgclf_invocation_seconds_count") for _ in range(4)]  # by whoever answers
    assert pages == [before + 24] * 4
    assert count_of(pair, "imgclf_processes") == 2
    both = sum(worker.memory_info().rss for worker in workers_of(pair))
    assert count_of(pair, "process_resident_memory_bytes") > both / 2


def test_who_supervises_has_no_model(pair: Any) -> None:
    assert "onnxruntime" not in Path(f"/proc/{pair.process.pid}/maps").read_text()
    assert all("onnxruntime" in Path(f"/proc/{one.pid}/maps").read_text() for one in workers_of(pair))


def test_a_killed_process_is_replaced_and_requests_go_on(pair: Any) -> None:
    pair.invoke(photo(1), "image/jpeg")
    before = count_of(pair, "imgclf_invocation_seconds_count")
    killed, kept = workers_of(pair)
    killed.kill()
    wait_until(lambda: not psutil.pid_exists(killed.pid))  # a zombie's other threads may hold its sockets
    assert [pair.invoke(photo(1), "image/jpeg")[0] for _ in range(10)] == [200] * 10
    assert pair.request("GET", "/ping") == (200, {})
    wait_until(lambda: count_of(pair, "imgclf_processes") == 2)
    assert {one.pid for one in workers_of(pair)} > {kept.pid}
    assert killed.pid not in {one.pid for one in workers_of(pair)}
    assert count_of(pair, "imgclf_invocation_seconds_count") == before + 10


def test_sigterm_lets_all_processes_answer_what_is_in_progress(
    start_server: Any, model_dir: Path, tmp_path: Path
) -> None:
    server = start_server(model_dir, tmp_path / "log", **TWO)
    workers = workers_of(server)
    data = photo(1)
    head = "POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Type: image/jpeg\r\nExpect: 100-continue\r\n"
    with contextlib.ExitStack() as stack:
        address = ("127.0.0.1", server.port)
        clients = [stack.enter_context(socket.create_connection(address, WAIT_S)) for _ in range(16)]
        for client in clients:
            client.sendall(f"{head}Content-Length: {len(data)}\r\n\r\n".encode())
            assert client.recv(65_536).startswith(b"HTTP/1.1 100 ")  # so its process has begun with it
        assert [len(connections_of(worker)) for worker in workers] == [8, 8]
        os.kill(server.process.pid, signal.SIGTERM)
        for client in clients:
            client.sendall(data)
        assert [client.recv(65_536)[:13] for client in clients] == [b"HTTP/1.1 200 "] * 16
    assert server.process.wait(WAIT_S) == 0
    assert not any(worker.is_running() for worker in workers)


def connections_of(worker: psutil.Process) -> list[Any]:
    """Return a process's open connections."""
    return [one for one in worker.net_connections("tcp") if one.status == psutil.CONN_ESTABLISHED]


def test_no_process_outlives_the_one_that_supervises(
    start_server: Any, model_dir: Path, tmp_path: Path
) -> None:
    server = start_server(model_dir, tmp_path / "log", **TWO)
    workers = workers_of(server)
    assert len(workers) == 2
    server.process.kill()
    server.process.wait(WAIT_S)
    assert psutil.wait_procs(workers, WAIT_S)[1] == []


def test_a_model_that_cannot_be_served_is_said_once(run_server: Any, model_dir: Path, tmp_path: Path) -> None:
    broken = tmp_path / "model"
    shutil.copytree(model_dir, broken)
    (broken / "model.onnx").write_bytes(b"no graph")
    result = run_server(broken, **TWO)
    assert result.returncode == 1
    assert "is not the file that the model card describes" in result.stderr
    assert result.stderr.count("\n") == 1


def test_two_servers_do_not_share_a_port(run_server: Any, model_dir: Path, pair: Any) -> None:
    for variables in (TWO, {}):
        result = run_server(model_dir, SAGEMAKER_BIND_TO_PORT=str(pair.port), **variables)
        assert result.returncode == 1
        assert f"cannot listen on 127.0.0.1:{pair.port}" in result.stderr


def test_torch_and_several_processes_are_refused(run_server: Any, model_dir: Path) -> None:
    result = run_server(model_dir, **TWO, MUSHER_SERVE_RUNTIME="torch")
    assert result.returncode == 1
    assert result.stderr == "error: MUSHER_SERVE_PROCESSES is 2, but torch takes one process: set 1\n"


PROGRAM = """
import os, signal, sys, time
from imgclf.serving import supervisor
from imgclf.serving.seats import Seat, reserve

supervisor.STOP_S = 0.5
what = sys.argv[1]
if what == "hangs":
    supervisor.START_S, supervisor.MAX_ENDS = 1.0, 1
seat = Seat.take(os.environ)
if seat is None:
    sys.exit(supervisor.supervise(reserve("127.0.0.1", 0), 2, what=what, environ=os.environ))
if what == "hangs" and seat.place:
    time.sleep(100)
if what == "dies":
    os.kill(os.getpid(), signal.SIGKILL)
if what == "deaf":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
seat.open_board().tell(images=0, fetches=0, is_faulty=False)
print("serves", flush=True)
time.sleep(0.3 if what == "ends" else 100)
sys.exit(3)
"""


def start_program(what: str) -> subprocess.Popen[str]:
    """Start two processes that serve nothing: they end, die or hang at once, or heed no SIGTERM."""
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, what],
        env=clean_environ(PYTHONPATH=str(TRAINING)),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_processes_that_end_again_and_again_end_the_server() -> None:
    program = start_program("ends")
    output, errors = program.communicate(timeout=WAIT_S)
    assert program.returncode == 1
    assert "error: 6 processes ended within 300 s: see the log\n" in errors
    assert 6 <= output.count("serves") <= 7  # two and five more; the last one may be stopped before


def test_a_process_that_hangs_before_it_serves_is_killed_and_replaced() -> None:
    program = start_program("hangs")
    output, errors = program.communicate(timeout=WAIT_S)
    assert program.returncode == 1
    assert errors.count("process 2 does not serve after 1 s\nprocess 2 ended with -9\n") == 2
    assert "error: 2 processes ended within 300 s: see the log\n" in errors
    assert output == "serves\n"  # the first one, which nobody kills


def test_a_first_process_that_a_signal_ends_is_named() -> None:
    program = start_program("dies")
    _, errors = program.communicate(timeout=WAIT_S)
    assert (program.returncode, errors) == (1, "error: the first process ended with -9 before it served\n")


def test_a_process_that_heeds_no_sigterm_is_killed() -> None:
    program = start_program("deaf")
    assert program.stdout is not None
    assert [program.stdout.readline() for _ in range(2)] == ["serves\n"] * 2
    workers = psutil.Process(program.pid).children()
    program.terminate()
    program.communicate(timeout=WAIT_S)
    assert program.returncode == 1
    assert psutil.wait_procs(workers, WAIT_S)[1] == []
