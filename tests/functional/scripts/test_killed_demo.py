"""`make demo` killed at any moment, whichever of its processes is: nothing is left, and the next one runs."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from pathlib import Path

import pytest

from tests.e2e.test_demo import processes_in

ROOT = Path(__file__).parents[3]
SEED = 20
MOMENTS = 10
LATEST_S = 75.0
"""On two cores the demo is then somewhere between the tuning job and the load."""
END_S = 60.0
"""In which a demo ends of which another process than its own is killed."""
GONE_S = 15.0
DEMO_S = 1200.0
DRIVER, KEEPER, LOCALAWS, AIRFLOW, ANY = "driver", "keeper.py", "localaws", "scripts.run_dag", "any"


class Demo:
    """A demo in a process of its own, with folders of its own for what it keeps and what it does not."""

    def __init__(self, kept: Path, temporary: Path) -> None:
        self.kept, self.output = kept, kept.with_suffix(".log")
        environment = {name: text for name, text in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        with self.output.open("w") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "scripts.demo", "--folder", str(kept)],
                cwd=ROOT,
                env={**environment, "TMPDIR": str(temporary)},
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def find(self, name: str) -> int | None:
        """Return the process of the demo's that has a name in its command line; None where there is none."""
        found = [self.process.pid] if name == DRIVER else self.descendants()
        named = [pid for pid in found if name in (DRIVER, ANY) or name in command_line(pid)]
        return random.Random(len(named)).choice(named) if named else None

    def descendants(self) -> list[int]:
        """Return the processes that the demo has started, and those that these have."""
        children: dict[int, list[int]] = {}
        for entry in Path("/proc").glob("[0-9]*/stat"):
            try:
                parent = int(entry.read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
            children.setdefault(parent, []).append(int(entry.parent.name))
        found = [self.process.pid]
        for pid in found:
            found.extend(children.get(pid, []))
        return found[1:]

    def wait_for(self, name: str) -> int:
        """Wait until the demo has such a process; return it."""
        deadline = time.monotonic() + END_S
        while (found := self.find(name)) is None:
            assert time.monotonic() < deadline, self.output.read_text()
            time.sleep(0.05)
        return found


def command_line(pid: int) -> str:
    """Return a process's command line; empty where it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode().replace("\0", " ")
    except OSError:
        return ""


@pytest.fixture
def start(tmp_path: Path) -> Generator[Callable[[], Demo], None, None]:
    """Return a function that starts a demo; each has the same folders."""
    started: list[Demo] = []
    (tmp_path / "tmp").mkdir()

    def make() -> Demo:
        started.append(Demo(tmp_path / "kept", tmp_path / "tmp"))
        return started[-1]

    yield make
    for demo in started:
        if demo.process.poll() is None:
            demo.process.send_signal(signal.SIGINT)
            demo.process.wait(timeout=END_S)


def check_nothing_left(folder: Path, *, but: int = 0) -> None:
    """Fail where a process, a mount or a temporary file of the demo is there after some time."""
    deadline = time.monotonic() + GONE_S
    while True:
        left = [*processes_in(folder), *(line for line in mounts() if str(folder) in line)]
        files = list((folder / "tmp").iterdir())
        if not left and len(files) == but:
            return
        assert time.monotonic() < deadline, (left, files)
        time.sleep(0.1)


def mounts() -> list[str]:
    """Return what is mounted, as this process sees it."""
    return Path("/proc/self/mounts").read_text().splitlines()


def test_a_demo_that_is_killed_leaves_nothing(start: Callable[[], Demo], tmp_path: Path) -> None:
    demo = start()
    for name in (LOCALAWS, AIRFLOW):
        demo.wait_for(name)
    demo.process.kill()
    demo.process.wait()
    check_nothing_left(tmp_path)


def test_what_a_kill_of_all_leaves_is_removed_and_named_by_the_next(
    start: Callable[[], Demo], tmp_path: Path
) -> None:
    demo = start()
    keeper, _ = demo.wait_for(KEEPER), demo.wait_for(LOCALAWS)
    os.kill(keeper, signal.SIGSTOP)  # so that it does nothing between its demo's end and its own
    demo.process.kill()
    demo.process.wait()
    os.kill(keeper, signal.SIGKILL)
    check_nothing_left(tmp_path, but=1)
    [left] = (tmp_path / "tmp").iterdir()
    following = start()
    following.wait_for(LOCALAWS)
    assert f"Removed what was left of a run that was killed: {left}" in following.output.read_text()
    assert not left.exists()
    following.process.send_signal(signal.SIGINT)
    assert following.process.wait(timeout=END_S) == 1
    check_nothing_left(tmp_path)


@pytest.mark.slow
@pytest.mark.timeout(MOMENTS * (LATEST_S + END_S + GONE_S) + DEMO_S)
def test_after_any_number_of_kills_the_next_demo_succeeds(start: Callable[[], Demo], tmp_path: Path) -> None:
    chance = random.Random(SEED)
    for _ in range(MOMENTS):
        moment_s, name = chance.uniform(0, LATEST_S), chance.choice((DRIVER, LOCALAWS, AIRFLOW, KEEPER, ANY))
        demo = start()
        time.sleep(moment_s)
        if (target := demo.find(name)) is not None:
            os.kill(target, signal.SIGKILL)
        if name in (KEEPER, ANY) or target is None:  # a demo may live without them
            demo.process.send_signal(signal.SIGINT)
        assert demo.process.wait(timeout=END_S) != 0, (moment_s, name)
        check_nothing_left(tmp_path)
    last = start()
    assert last.process.wait(timeout=DEMO_S) == 0, last.output.read_text()[-3000:]
    assert json.loads(last.output.read_text().splitlines()[-1])["ok"] is True
    check_nothing_left(tmp_path)
