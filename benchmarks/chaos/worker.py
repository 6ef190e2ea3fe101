"""One worker: an embedded AWS, an Airflow, and the cases that it is given, one after the other."""

import os
import time
from collections.abc import Callable, Generator, Sequence
from pathlib import Path

from benchmarks.chaos.aws import Cloud, running_cloud, wait_until
from benchmarks.chaos.cases import UNDISTURBED, Case, Outcome
from benchmarks.chaos.comparison import Ends, compare
from benchmarks.chaos.faults import ATTEMPTS, PIPELINE
from benchmarks.chaos.parts import BY_NAME, PARTS, PartOfPipeline
from benchmarks.chaos.photos import write_photos
from benchmarks.chaos.processes import End
from benchmarks.chaos.runs import Run, Runs, bucket_of
from benchmarks.chaos.sites import Site, list_sites, read_calls
from benchmarks.chaos.tasks import Dag, warm_up
from scripts.local_stack import ACCOUNT_ID, ROOT, airflow_environment, aws_variables

POLL_S = "0.1"
SETTLE_S = 20.0
"""Seconds for which processes that are no longer needed may still end."""

LIVE = ("musher-live", "musher-classify")
"""In the names of the processes that stay: functions start more of them, and stop them, as they are asked."""

RECORD = {"kind": "slow", "service": "*", "delay_ms": 1, "principal": PIPELINE}
"""A rule that fires at each call of the pipeline, and so records it."""

NOTHING = "nothing"
"""In the outcome of a rule that has killed no process."""


class Worker:
    """Run cases against a cloud of its own, each as a new run of the DAG."""

    def __init__(self, cloud: Cloud, dag: Dag, *, folder: Path) -> None:
        self._cloud = cloud
        self._runs = Runs(cloud, dag, folder=folder)
        self._folder = folder
        self._reference: Run | None = None
        self._wanted: dict[str, Ends] = {}
        self._sites: dict[str, list[Site]] = {}

    def prepare(self) -> None:
        """Make installations and data, and let one whole live run give what the others begin with."""
        write_photos(self._folder / "photos")
        for project in sorted({part.project for part in PARTS}):
            self._cloud.prepare(project=project)
        self._runs.store_dags()
        self._reference = self._runs.new("reference", project=BY_NAME["live"].project, conf={})
        self._must_succeed(self._reference)

    def sites(self, part: PartOfPipeline) -> list[Site]:
        """Return the calls of a part that can be broken, as an undisturbed run makes them.

        What that run leaves is what the part's cases are compared with.
        """
        if part.name not in self._sites:
            if part.is_live:
                self._mend()
            self._cloud.faults.put(RECORD)
            run = self._new_run(part, f"{part.name}-recorded")
            self._must_succeed(run)
            caller = PIPELINE.replace("*", ACCOUNT_ID)
            calls = read_calls(self._cloud.faults.fired(), principal=caller, ends_at=run.ends_at)
            self._cloud.faults.clear()
            self._sites[part.name] = list(list_sites(part.name, calls, has_ends=part.has_ends))
            self._wanted[part.name] = self._look(run, part)
        return self._sites[part.name]

    def run_undisturbed(self, part: PartOfPipeline) -> Outcome:
        """Run a part once more without a fault: what differs between two such runs shows nothing."""
        self.sites(part)
        outcome, run, began = self._begin(f"{part.name}/{UNDISTURBED}", part)
        end = self._runs.go(run)
        outcome.fired = 1
        return self._judge(outcome, end=end, run=run, part=part, began=began)

    def run_case(self, case: Case) -> Outcome:
        """Run a part with one call broken."""
        part = BY_NAME[case.site.part]
        self.sites(part)
        outcome, run, began = self._begin(case.name, part)
        self._cloud.faults.put(*case.fault.rules(case.site))
        end, has_died = self._runs.go_and_die(run) if case.fault.is_death else (self._runs.go(run), False)
        events = self._cloud.faults.fired()
        self._cloud.faults.clear()
        outcome.fired = int(has_died) or sum(NOTHING not in str(event["outcome"]) for event in events)
        self._judge(outcome, end=end, run=run, part=part, began=began)
        if not outcome.is_same and part.is_live:
            self._mend()
        return outcome

    def _begin(self, name: str, part: PartOfPipeline) -> tuple[Outcome, Run, float]:
        began = time.monotonic()
        run = self._new_run(part, name.replace("/", "_").replace(":", "_"))
        return Outcome(case=name, log=str(run.folder / "log")), run, began

    def _judge(self, outcome: Outcome, *, end: End, run: Run, part: PartOfPipeline, began: float) -> Outcome:
        """Write into the outcome what became of the run."""
        outcome.is_finished = not end.reason
        outcome.failed = sorted(task for task, state in (end.result or {}).items() if state == "failed")
        compare(self._wanted[part.name], self._look(run, part), outcome)
        outcome.seconds = round(time.monotonic() - began, 2)
        return outcome

    def _look(self, run: Run, part: PartOfPipeline) -> Ends:
        """Return what a run has left, once the processes that are no longer needed have ended."""
        children = self._settled_children(part)
        return Ends(released=run.released, left=run.observer.look(), children=children)

    def _new_run(self, part: PartOfPipeline, name: str) -> Run:
        """Plan a run of a part, with what it stores only once removed before."""
        for prefix in part.forgets:
            self._cloud.forget(bucket=bucket_of(part.project), prefix=f"{part.project}/{prefix}/")
        given = None if part.is_alone or self._reference is None else self._reference.plan.run_id
        return self._runs.new(name, project=part.project, conf=part.conf, tasks=part.tasks, given=given)

    def _mend(self) -> None:
        """Release once more, so that each live case begins as the one before began: at an update."""
        self._must_succeed(self._new_run(BY_NAME["live"], f"release-{time.monotonic_ns()}"))

    def _must_succeed(self, run: Run) -> None:
        end = self._runs.go(run)
        if end.reason or "failed" in end.result.values():
            raise SystemExit(f"an undisturbed run failed: see {run.folder / 'log'}")

    def _settled_children(self, part: PartOfPipeline) -> list[str]:
        """Return the names of localaws's processes, but for those of what is live."""
        wanted = self._wanted.get(part.name)

        def names() -> list[str]:
            return [name for name in self._cloud.children() if not any(live in name for live in LIVE)]

        if wanted is not None:
            wait_until(lambda: len(names()) <= len(wanted.children), limit_s=SETTLE_S)
        return names()


def prepare_process(folder: Path) -> Dag:
    """Point this process at an Airflow in `folder`, with its database; import Airflow, and read the DAG."""
    from localaws.processes import Supervisor
    from scripts.database import prepare_database

    home = folder / "airflow"
    supervisor = Supervisor()
    prepare_database(supervisor, home=home, on_line=lambda line: None)
    supervisor.close()
    os.environ |= airflow_environment(home) | {
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "ERROR",
        "AWS_MAX_ATTEMPTS": str(ATTEMPTS),
    }
    warm_up()
    return Dag(ROOT / "dags")


def run_worker(folder: Path, choose: Callable[["Worker"], Sequence[Case]]) -> Generator[Outcome]:
    """Start a worker, let it choose its cases, and yield what comes of each."""
    dag = prepare_process(folder)
    with running_cloud(folder) as cloud:
        os.environ |= aws_variables(cloud.url) | {"MUSHER_POLL_INTERVAL_S": POLL_S}
        worker = Worker(cloud, dag, folder=folder)
        worker.prepare()
        seen: set[str] = set()
        for case in choose(worker):
            if case.site.part not in seen:
                seen.add(case.site.part)
                yield worker.run_undisturbed(BY_NAME[case.site.part])
            yield worker.run_case(case)
