"""The way to an instance's agent: real sockets of this machine's files, and a real agent."""

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator
from pathlib import Path

import pytest

from localaws.ec2.agent import Agent, Delivery, LostAgentError, Ran, Script
from localaws.processes import PROGRAMS

WAIT_S = 20.0


@pytest.fixture
def agent(tmp_path: Path) -> Generator[Agent, None, None]:
    """Yield one that listens."""
    made = Agent()
    made.open(tmp_path)
    yield made
    made.close()


@pytest.fixture
def program(agent: Agent, tmp_path: Path) -> Generator["subprocess.Popen[bytes]", None, None]:
    """Yield a process of the agent's program, which connects to it."""
    text = (PROGRAMS / "instance_agent.py").read_text()
    text = text.replace("/run/localaws/agent.sock", str(tmp_path / "agent.sock"))
    copy = tmp_path / "instance_agent.py"
    copy.write_text(text)
    with subprocess.Popen([sys.executable, "-I", "-S", str(copy)]) as process:
        yield process
        process.kill()


def take(agent: Agent) -> Delivery:
    """Wait for a connection."""
    over = time.monotonic() + WAIT_S
    while time.monotonic() < over:
        if (found := agent.take()) is not None:
            return found
        time.sleep(0.02)
    raise AssertionError("no agent has connected")


def run(agent: Agent, text: str, folder: Path, *, cwd: str = "/") -> Ran | None:
    return take(agent).run(Script(text=text, cwd=cwd, folder=folder), is_over=lambda: False)


@pytest.mark.usefixtures("program")
def test_a_script_is_run_and_its_output_kept(agent: Agent, tmp_path: Path) -> None:
    folder = tmp_path / "orchestration"
    ran = run(agent, "echo out; echo err >&2; exit 7", folder)
    assert ran == Ran(code=7, stdout=b"out\n", stderr=b"err\n")
    assert (folder / "stdout").read_bytes() == b"out\n"
    assert agent.is_connected
    assert agent.has_connected


@pytest.mark.usefixtures("program")
def test_an_agent_counts_as_there_while_its_workers_connect_anew(agent: Agent, tmp_path: Path) -> None:
    for number in range(7):
        assert run(agent, "true", tmp_path / str(number)) is not None
        assert agent.is_connected


@pytest.mark.usefixtures("program")
def test_a_script_that_is_killed_has_the_code_of_a_shell(agent: Agent, tmp_path: Path) -> None:
    ran = run(agent, "kill -9 $$", tmp_path / "orchestration")
    assert ran is not None
    assert ran.code == 137


@pytest.mark.usefixtures("program")
def test_a_folder_that_is_not_there_is_a_failure(agent: Agent, tmp_path: Path) -> None:
    ran = run(agent, "true", tmp_path / "orchestration", cwd="/nowhere")
    assert ran is not None
    assert ran.code == 1
    assert b"/nowhere" in ran.stderr


@pytest.mark.usefixtures("program")
def test_what_is_over_is_killed_with_all_that_it_started(agent: Agent, tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    text = f"setsid sh -c 'echo $$ > {pid}; sleep 600' & wait"
    over = threading.Event()
    found: list[Ran | None] = []
    script = Script(text=text, cwd="/", folder=tmp_path / "orchestration")
    thread = threading.Thread(
        target=lambda: found.append(take(agent).run(script, is_over=over.is_set)), daemon=True
    )
    thread.start()
    wait_until_true(lambda: pid.is_file() and bool(pid.read_text()))
    over.set()
    thread.join(timeout=WAIT_S)
    assert found == [None]
    wait_until_true(lambda: not is_alive(int(pid.read_text())))


def wait_until_true(look: Callable[[], bool]) -> None:
    over = time.monotonic() + WAIT_S
    while not look():
        assert time.monotonic() < over
        time.sleep(0.02)


def is_alive(pid: int) -> bool:
    """Tell whether a process runs; one that nobody has reaped does not."""
    try:
        return " Z " not in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False


def test_an_agent_that_goes_takes_its_command_with_it(
    agent: Agent, program: "subprocess.Popen[bytes]", tmp_path: Path
) -> None:
    delivery = take(agent)
    threading.Timer(0.3, program.kill).start()
    script = Script(text="sleep 5", cwd="/", folder=tmp_path / "orchestration")
    with pytest.raises(LostAgentError):
        delivery.run(script, is_over=lambda: False)
    wait_until_true(lambda: not agent.is_connected)
    assert agent.take() is None


def test_nobody_else_may_connect_and_long_paths_are_no_hindrance(tmp_path: Path) -> None:
    folder = tmp_path / ("x" * 120)
    folder.mkdir()
    agent = Agent()
    agent.open(folder)
    assert oct((folder / "agent.sock").stat().st_mode & 0o777) == "0o600"
    agent.close()
    agent.close()
    assert not agent.is_connected
