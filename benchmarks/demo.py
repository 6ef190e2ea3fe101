"""Measure how much of the demo's time is needed.

Claim: the demo's main job takes at most 1.25 times its floor, which is what no order of its steps could
save: Airflow's own start, and the seconds in which AWS's jobs, endpoint and function are at work. The main
job is the whole demo less the load test, whose length is chosen, the second release, and the comparison with
EC2, which would run beside the other training where a scheduler runs the DAG; the demo's result has the
seconds of each.

- `airflow_s`: `airflow dags test` of a DAG with one empty task, from the process's start to the line that
  says that the run has ended, on a migrated database; the median of three.
- `jobs_s`: what AWS itself says of the demo's run: from creation to end of the embedding, tuning and
  training jobs, from creation to InService of the endpoint, until the function was active, and the billed
  seconds of its invocations.

Prints a table, and as its last line {"total_s": float, "floor_s": float, "ratio": float, ...}: `total_s` is
the main job's, `load_test_s` and `second_release_s` come on top.
"""

import argparse
import json
import shutil
import statistics
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.tables import print_table
from localaws.processes import Supervisor
from scripts.database import prepare_database
from scripts.local_stack import PYTHON, ROOT, airflow_environment
from scripts.progress import RUN_LINE

REPEATS = 3
LIMIT_S = 1800
JOB_STAGES = ("embed", "tune", "train", "deploy", "deploy_lambda")
"""Stages whose seconds are those of an AWS resource, from its creation to its end or readiness."""

EMPTY_DAG = """
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import dag


@dag(schedule=None)
def empty():
    EmptyOperator(task_id="empty")


empty()
"""


def measure_airflow(folder: Path) -> float:
    """Return the seconds that `airflow dags test` of one empty task takes, up to the end of the run."""
    dags, home = folder / "dags", folder / "airflow"
    dags.mkdir(exist_ok=True)
    (dags / "empty.py").write_text(EMPTY_DAG)
    shutil.rmtree(home, ignore_errors=True)
    supervisor = Supervisor()
    prepare_database(supervisor, home=home, on_line=lambda line: None)
    supervisor.close()
    environment = airflow_environment(home) | {
        "AIRFLOW__CORE__DAGS_FOLDER": str(dags),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(folder / "plugins"),
    }
    started = time.monotonic()
    with subprocess.Popen(
        [str(PYTHON), "-m", "airflow", "dags", "test", "empty"],
        env=environment,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            lines.append(line)
            if match := RUN_LINE.search(line):
                took = time.monotonic() - started
                process.kill()
                assert match[1] == "success", line
                return took
    raise SystemExit("the empty DAG did not run:\n" + "".join(lines[-20:]))


def run_demo(folder: Path) -> dict[str, Any]:
    """Run the demo as `make demo` does, but for EC2; return its JSON result."""
    conf = json.dumps({"train_on_ec2": False})
    done = subprocess.run(
        [str(PYTHON), "-m", "scripts.demo", "--folder", str(folder / "demo"), "--conf", conf],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"the demo failed:\n{done.stderr}\n{done.stdout[-3000:]}")
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def read_jobs(result: dict[str, Any]) -> dict[str, float]:
    """Return the seconds that AWS's resources were at work, by stage."""
    stages = json.loads((Path(result["report"]).parent / "summary.json").read_text())["stages"]
    jobs = {name: stages[name]["seconds"] for name in JOB_STAGES if name in stages}
    return jobs | {"smoke_test": stages["smoke_test"]["billed_seconds"] or 0.0}


def main() -> None:
    """Measure floor and demo, after one demo that makes bytecode and database."""
    parser = argparse.ArgumentParser(prog="demo", description=__doc__)
    parser.add_argument("--cold", action="store_true", help="skip the demo that warms everything")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="musher-demo-") as name:
        folder = Path(name)
        if not arguments.cold:
            run_demo(folder)
        airflow_s = statistics.median(measure_airflow(folder) for _ in range(REPEATS))
        result = run_demo(folder)
        jobs = read_jobs(result)
    seconds = result["seconds"]
    total_s = seconds["main_job"]
    floor_s = airflow_s + sum(jobs.values())
    rows = [["airflow", f"{airflow_s:.1f}"], *([stage, f"{seconds:.1f}"] for stage, seconds in jobs.items())]
    print_table(["part of the floor", "seconds"], [*rows, ["floor", f"{floor_s:.1f}"]])
    figures = {
        "total_s": round(total_s, 1),
        "floor_s": round(floor_s, 1),
        "ratio": round(total_s / floor_s, 3),
        "airflow_s": round(airflow_s, 1),
        "jobs_s": round(sum(jobs.values()), 1),
        "load_test_s": round(seconds["load_test"], 1),
        "second_release_s": seconds["second_release"],
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
