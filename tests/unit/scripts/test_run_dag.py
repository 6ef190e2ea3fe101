"""What a run imports is kept for good; each case in a process of its own, whose collector it changes."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from scripts import run_dag
from scripts.dag_runs import write_go

PROGRAM = """
import gc
from scripts.run_dag import kept_for_good

class Cycle:
    count = 0
    def __init__(self): self.me = self
    def __del__(self): Cycle.count += 1

try:
    with kept_for_good():
        assert not gc.isenabled()
        kept = [Cycle() for _ in range(1000)]
        {inside}
except ValueError:
    pass
assert gc.isenabled()
assert gc.get_freeze_count() > 1000
Cycle()
assert gc.collect() > 0  # what comes later is collected
assert Cycle.count == 1
print("done")
"""


def test_runs_follow_one_another_each_with_its_file_s_conf(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[tuple[str, str]] = []

    def take(dag_id: str, *, conf: str) -> None:
        ran.append((conf, os.environ["MUSHER_TEST"]))

    monkeypatch.setenv("MUSHER_TEST", "before")
    monkeypatch.setattr(run_dag, "warm_up", lambda: None)
    monkeypatch.setattr(run_dag, "run_dag", take)
    files = [tmp_path / "a.json", tmp_path / "b.json"]
    for number, go in enumerate(files):
        write_go(go, variables={"MUSHER_TEST": str(number)}, conf={"seed": number})
    monkeypatch.setattr("sys.argv", ["run_dag", "operationalize_model", "--go", *map(str, files)])
    run_dag.main()
    assert ran == [(json.dumps({"seed": number}), str(number)) for number in (0, 1)]


def run(inside: str) -> str:
    program = PROGRAM.replace("{inside}", inside)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    return done.stdout.strip() or done.stderr


def test_what_the_block_made_is_looked_at_no_more_and_later_garbage_is() -> None:
    assert run("pass") == "done"


def test_a_failure_in_the_block_leaves_the_collector_on() -> None:
    assert run("raise ValueError") == "done"
