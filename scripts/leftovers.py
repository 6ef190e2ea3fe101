"""Say what runs have left in an account that has a time to go, as a JSON list: `python -m scripts.leftovers`.

What is live has no such time and is not named. Asks the AWS that Airflow's connection leads to, by the same
lists as the DAG reap_resources, and changes nothing. Exit code 1 where a list fails. With `--go` it says
what there is when that file appears.
"""

import argparse
import json
import os
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from localaws.processes import Child
from scripts.local_stack import PYTHON, ROOT, Stack, StackError, describe_end

LATER = timedelta(days=36_500)
"""Every time is over by then."""
LIMIT_S = 120.0
LOOK_S = 0.05


def list_leftovers() -> list[str]:
    """Return kind and name of each; raise RuntimeError with all that could not be listed."""
    from musher.settings import Settings
    from musher.stages.reap_plan import Reaper

    reaper = Reaper(Settings.from_env(), now=datetime.now(UTC) + LATER, is_dry=True)
    reaper.run()
    if reaper.failures:
        raise RuntimeError("; ".join(reaper.failures))
    return [f"{found['kind']} {found['name']}" for found in reaper.reaped]


class Counter:
    """A child that is ready to count what runs have left in a stack's AWS."""

    def __init__(self, stack: Stack, *, go: Path) -> None:
        """Start it; it counts when the file `go` appears."""
        self._stack, self._go = stack, go
        self._child: Child = stack.supervisor.start(
            name="leftovers",
            argv=[str(PYTHON), "-m", "scripts.leftovers", "--go", str(go)],
            env=stack.environment,
            cwd=ROOT,
        )

    def count(self) -> list[str]:
        """Return what there is now; raise StackError where that cannot be known."""
        self._go.touch()
        child = self._child
        try:
            if child.wait(timeout_s=LIMIT_S) != 0:
                raise StackError(f"what the runs have left is not known: it {describe_end(child)}")
            child.join_output()
            found: list[str] = json.loads(child.tail[-1])
            return found
        finally:
            self._stack.supervisor.reap(child)


def main() -> int:
    """Print the list; return the exit code."""
    parser = argparse.ArgumentParser(prog="leftovers", description=__doc__)
    parser.add_argument("--go", type=Path, help="look when this file appears")
    go = parser.parse_args().go
    sys.path.insert(0, str(ROOT / "plugins"))
    try:
        found = list_leftovers()
        if go:  # the first look was for what it imports and reads, which takes ten times as long
            while not go.exists():
                time.sleep(LOOK_S)
            found = list_leftovers()
    except RuntimeError as error:
        print(error, file=sys.stderr)
        return 1
    print(json.dumps(found))
    return 0


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    os._exit(code)  # taking Airflow's modules down takes longer than to look
