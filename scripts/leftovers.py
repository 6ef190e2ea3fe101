"""Say what runs have left in an account that has a time to go, as a JSON list: `python -m scripts.leftovers`.

What is live has no such time and is not named. Asks the AWS that Airflow's connection leads to, by the same
lists as the DAG reap_resources, and changes nothing. Exit code 1 where a list fails.
"""

import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from localaws.processes import Child
from scripts.local_stack import PYTHON, ROOT, Stack, StackError, describe_end

LATER = timedelta(days=36_500)
"""Every time is over by then."""
LIMIT_S = 120.0


def list_leftovers() -> list[str]:
    """Return kind and name of each; raise RuntimeError with all that could not be listed."""
    from musher.settings import Settings
    from musher.stages.reap_plan import Reaper

    reaper = Reaper(Settings.from_env(), now=datetime.now(UTC) + LATER, is_dry=True)
    reaper.run()
    if reaper.failures:
        raise RuntimeError("; ".join(reaper.failures))
    return [f"{found['kind']} {found['name']}" for found in reaper.reaped]


def find_leftovers(stack: Stack) -> list[str]:
    """Return what runs have left in a stack's AWS; raise StackError where that cannot be known."""
    child: Child = stack.supervisor.start(
        name="leftovers",
        argv=[str(PYTHON), "-m", "scripts.leftovers"],
        env=stack.environment | {"PYTHONPATH": str(ROOT / "plugins")},
        cwd=ROOT,
    )
    try:
        if child.wait(timeout_s=LIMIT_S) != 0:
            raise StackError(f"what the runs have left is not known: it {describe_end(child)}")
        child.join_output()
        found: list[str] = json.loads(child.tail[-1])
        return found
    finally:
        stack.supervisor.reap(child)


def main() -> int:
    """Print the list; return the exit code."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "plugins"))
    try:
        found = list_leftovers()
    except RuntimeError as error:
        print(error, file=sys.stderr)
        return 1
    print(json.dumps(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
