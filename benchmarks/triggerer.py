"""A thousand training jobs that one triggerer waits for, beside the Amazon provider's SageMakerTrigger.

localaws throttles at AWS's published rates (ListTrainingJobs 2 a second; AWS publishes none for
DescribeTrainingJob, so that none is emulated). Its jobs are states alone (benchmarks/staggered_jobs.py), and
end at random times within --span seconds. The triggerer is Airflow's own process with its runner and
supervisor, on a SQLite database in which a mapped task's instances are deferred; nothing of it is changed.
The triggers of 20 jobs run first, so that what a process holds once (modules, clients) is there; then the
other jobs' are added.

calls_per_s              calls of all services from when all triggers run until the last task is freed,
                         botocore's own repetitions included
throttles                calls that localaws refused for their rate, from the first trigger on
detection_p99_intervals  from a job's TrainingEndTime until its task is freed in the database, in intervals
memory_per_job_kb        growth of the runner's resident memory from 20 triggers to all, per trigger added
provider_...             the same of the provider's trigger with --provider-jobs jobs
"""

import argparse
import json
import math
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
from cryptography.fernet import Fernet

from benchmarks.deferred_tasks import read_freed
from benchmarks.servers import IMAGE, ROLE, ROOT, client, free_port, make_role, running
from benchmarks.staggered_jobs import ENDS_AFTER
from benchmarks.tables import print_table
from localaws.faults.client import FaultClient

WARM = 20
WAIT_S = 600.0
SETTLE_S = 20.0
"""For what follows the start of the last trigger: the first lists, and memory that is given back."""
TICK_S = 1.0
COUNTED = ("ListTrainingJobs", "DescribeTrainingJob")


@dataclass(frozen=True, kw_only=True)
class Contestant:
    """A trigger, and how it is made for a job."""

    name: str
    classpath: str
    jobs: int
    make_kwargs: Callable[[str], dict[str, Any]]


def list_contestants(arguments: argparse.Namespace) -> list[Contestant]:
    """Return Musher's trigger and the provider's, both with the same interval."""
    interval_s, connection = arguments.interval, {"aws_conn_id": "aws_default", "region_name": "us-east-1"}
    deadline = time.time() + 24 * 3600

    def ours(job: str) -> dict[str, Any]:
        wait = {"delay_s": float(interval_s), "deadline": deadline, "carried": {}}
        return {"arguments": {"TrainingJobName": job}, "connection": connection, **wait}

    def theirs(job: str) -> dict[str, Any]:
        wait = {"waiter_delay": interval_s, "waiter_max_attempts": 10_000}
        return {"job_name": job, "job_type": "training", **connection, **wait}

    return [
        Contestant(
            name="ours",
            classpath="musher.triggers.jobs.TrainingJobTrigger",
            jobs=arguments.jobs,
            make_kwargs=ours,
        ),
        Contestant(
            name="provider",
            classpath="airflow.providers.amazon.aws.triggers.sagemaker.SageMakerTrigger",
            jobs=arguments.provider_jobs,
            make_kwargs=theirs,
        ),
    ]


class Installation:
    """An Airflow of its own in a folder: database, triggerer, logs."""

    def __init__(self, folder: Path, *, url: str) -> None:
        self.folder = folder
        connection = {"conn_type": "aws", "login": "a", "password": "b", "extra": {"endpoint_url": url}}
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "PYTHONPATH": f"{ROOT}:{ROOT / 'plugins'}",
            "AIRFLOW_HOME": str(folder),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__DAGS_FOLDER": str(folder / "dags"),
            "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
            "AIRFLOW__CORE__FERNET_KEY": Fernet.generate_key().decode(),
            "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(folder / "logs"),
            "AIRFLOW_CONN_AWS_DEFAULT": json.dumps(connection),
        }

    def migrate(self) -> None:
        """Make the database."""
        self._run(["-m", "airflow", "db", "migrate"], "")

    def add(self, **given: Any) -> None:
        """Add deferred tasks."""
        self._run(["-c", "from benchmarks.deferred_tasks import main; main()"], json.dumps(given))

    def freed(self, run_id: str) -> dict[int, float | None]:
        """Return when each task of a run was freed."""
        return read_freed(self.folder / "airflow.db", run_id)

    def _run(self, argv: Sequence[str], given: str) -> str:
        done = subprocess.run(
            [sys.executable, *argv],
            input=given,
            env=self.environment,
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=WAIT_S,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"{argv} ended with {done.returncode}: {done.stderr[-3000:]}")
        return done.stdout

    @contextmanager
    def triggerer(self) -> Generator["subprocess.Popen[bytes]", None, None]:
        """Run `airflow triggerer` until the end of the block."""
        argv = [sys.executable, "-m", "airflow", "triggerer", "--capacity", "2000", "--skip-serve-logs"]
        with (self.folder / "triggerer.log").open("ab") as log:
            process = subprocess.Popen(
                argv, env=self.environment, cwd=self.folder, stdout=log, stderr=log, start_new_session=True
            )
            try:
                yield process
            except RuntimeError as error:
                tail = (self.folder / "triggerer.log").read_text()[-2000:]
                raise RuntimeError(f"{error}; the end of its log:\n{tail}") from error
            finally:
                process.terminate()
                try:
                    process.wait(timeout=60)
                except subprocess.TimeoutExpired:
                    os.killpg(process.pid, signal.SIGKILL)
                    process.wait()

    def count_logs(self, run_id: str) -> int:
        """Return how many triggers of a run have begun: each has a log."""
        logs = (self.folder / "logs").rglob("*.trigger.*.log")
        return sum(f"run_id={run_id}" in str(path) for path in logs)


def wait_until(is_so: Callable[[], bool], *, what: str, process: "subprocess.Popen[bytes]") -> None:
    """Wait; RuntimeError after WAIT_S, or where the process that is to do it has ended."""
    deadline = time.monotonic() + WAIT_S
    while not is_so():
        if process.poll() is not None:
            raise RuntimeError(f"the triggerer ended with {process.returncode} before {what}")
        if time.monotonic() > deadline:
            raise RuntimeError(f"waited {WAIT_S:.0f} s for {what}")
        time.sleep(TICK_S)


def create_jobs(port: int, *, prefix: str, ends_s: Sequence[float]) -> list[str]:
    """Create a job for each of these ends; return their names."""
    sagemaker = client("sagemaker", port=port)
    names = [f"{prefix}-{number:04}" for number in range(len(ends_s))]
    for name, end_s in zip(names, ends_s, strict=True):
        sagemaker.create_training_job(
            TrainingJobName=name,
            RoleArn=ROLE,
            AlgorithmSpecification={"TrainingImage": IMAGE, "TrainingInputMode": "File"},
            HyperParameters={ENDS_AFTER: str(end_s)},
            OutputDataConfig={"S3OutputPath": "s3://benchmark/jobs"},
            ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
            StoppingCondition={"MaxRuntimeInSeconds": 3600},
        )
    return names


def read_ends(port: int, *, prefix: str) -> dict[str, float]:
    """Return when each job has ended, in seconds since 1970."""
    sagemaker = client("sagemaker", port=port)
    found: dict[str, float] = {}
    token: dict[str, str] = {}
    while True:
        page = sagemaker.list_training_jobs(NameContains=prefix, MaxResults=100, **token)
        found |= {
            job["TrainingJobName"]: job["TrainingEndTime"].timestamp()
            for job in page["TrainingJobSummaries"]
            if "TrainingEndTime" in job
        }
        if "NextToken" not in page:
            return found
        token = {"NextToken": page["NextToken"]}


def runner_of(process: "subprocess.Popen[bytes]") -> psutil.Process:
    """Return the process in which the triggers run."""
    children = psutil.Process(process.pid).children()
    return max(children, key=lambda child: child.memory_info().rss)


def counting_rules() -> list[dict[str, Any]]:
    """Return rules that never fire, and count each operation's calls."""
    never = {"kind": "slow", "delay_ms": 1, "nth": 1_000_000_000}
    named = [{**never, "service": "sagemaker", "action": action, "id": action} for action in COUNTED]
    return [*named, {**never, "service": "*", "action": "*", "id": "all"}]


def count_calls(faults: FaultClient) -> dict[str, int]:
    """Return the calls so far, by operation, and of all."""
    return {rule["id"]: rule["calls"] for rule in faults.rules()}


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value below which so many of them are."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def measure(contestant: Contestant, *, span_s: float, interval_s: float, seed: int) -> dict[str, float]:
    """Let one trigger wait for all its jobs, in a triggerer and a localaws of their own."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="triggerer-")))
        port, go = free_port(), folder / "go"
        program = "from benchmarks.staggered_jobs import main; main()"
        argv = [sys.executable, "-c", program, str(port), str(go)]
        stack.enter_context(running("localaws", argv, port=port))
        client("s3", port=port).create_bucket(Bucket="benchmark")
        make_role(port)
        spread = random.Random(seed)
        ends_s = [2.0 + spread.random() * span_s for _ in range(WARM + contestant.jobs)]
        names = create_jobs(port, prefix=f"musher-{contestant.name}", ends_s=ends_s)
        installation = Installation(folder, url=f"http://127.0.0.1:{port}")
        installation.migrate()
        faults = FaultClient(f"http://127.0.0.1:{port}")
        faults.put(*counting_rules(), api_limits="aws")
        process = stack.enter_context(installation.triggerer())
        return watch(
            contestant,
            installation,
            names,
            Course(faults=faults, port=port, go=go, process=process, interval_s=interval_s),
        )


@dataclass(frozen=True, kw_only=True)
class Course:
    """What a measurement goes by."""

    faults: FaultClient
    port: int
    go: Path
    process: "subprocess.Popen[bytes]"
    interval_s: float


def watch(
    contestant: Contestant, installation: Installation, names: list[str], course: Course
) -> dict[str, float]:
    """Start the triggers, let the jobs end, and return the figures."""
    run_id = contestant.name

    def start(first: int, some: list[str]) -> None:
        kwargs = [contestant.make_kwargs(name) for name in some]
        installation.add(run_id=run_id, first=first, classpath=contestant.classpath, kwargs=kwargs)
        count = first + len(some)
        wait_until(
            lambda: installation.count_logs(run_id) == count, what="all triggers ran", process=course.process
        )
        time.sleep(SETTLE_S)

    start(0, names[:WARM])
    runner = runner_of(course.process)
    before = runner.memory_info().rss
    begun = time.monotonic()
    start(WARM, names[WARM:])
    taken = time.monotonic() - begun - SETTLE_S
    print(f"{contestant.name}: {len(names)} triggers run after {taken:.0f} s", flush=True)
    time.sleep(course.interval_s)
    grown = runner.memory_info().rss - before
    calls = count_calls(course.faults)
    course.go.touch()
    wait_until(
        lambda: None not in installation.freed(run_id).values(),
        what="all tasks were freed",
        process=course.process,
    )
    freed = {number: at or math.nan for number, at in installation.freed(run_id).items()}
    seconds = max(freed.values()) - course.go.stat().st_mtime
    after = count_calls(course.faults)
    throttles = sum(event["kind"] == "api_limit" for event in course.faults.fired())
    course.faults.clear()  # what follows is the benchmark's own
    ends = read_ends(course.port, prefix=f"musher-{contestant.name}")
    delays = [freed[number] - ends[name] for number, name in enumerate(names)]
    return {
        "calls_per_s": (after["all"] - calls["all"]) / seconds,
        "throttles": throttles,
        "detection_p99_intervals": percentile(delays, 0.99) / course.interval_s,
        "memory_per_job_kb": grown / 1024 / contestant.jobs,
        "detection_median_intervals": percentile(delays, 0.5) / course.interval_s,
        "detection_max_intervals": max(delays) / course.interval_s,
        **{f"calls of {action}": after[action] - calls[action] for action in COUNTED},
        "calls before": calls["all"],
        "seconds": seconds,
        "rss_mb": (before + grown) / 2**20,
    }


def main() -> None:
    """Measure both, print the table and the JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=1000)
    parser.add_argument("--provider-jobs", type=int, default=200)
    parser.add_argument("--interval", type=int, default=10, help="seconds between two looks")
    parser.add_argument("--span", type=float, default=120.0, help="seconds in which the jobs end")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    found = {
        contestant.name: measure(
            contestant, span_s=arguments.span, interval_s=arguments.interval, seed=arguments.seed
        )
        for contestant in list_contestants(arguments)
        if contestant.jobs
    }
    shown = next(iter(found.values()))
    rows = [[figure, *[f"{figures[figure]:.3g}" for figures in found.values()]] for figure in shown]
    print_table(["", *found], rows)
    line: dict[str, float] = {}
    for name, figures in found.items():
        prefix = "" if name == "ours" else f"{name}_"
        line |= {f"{prefix}{figure}": round(value, 3) for figure, value in list(figures.items())[:4]}
    print(json.dumps(line))


if __name__ == "__main__":
    main()
