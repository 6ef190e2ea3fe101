"""One worker: an embedded AWS, an Airflow, and the cases that it is given, one after the other."""

import itertools
import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from benchmarks.chaos.aws import Cloud, running_cloud, wait_until
from benchmarks.chaos.cases import UNDISTURBED, Case, Outcome
from benchmarks.chaos.comparison import Ends, compare
from benchmarks.chaos.end_state import Observer
from benchmarks.chaos.faults import ATTEMPTS, PIPELINE
from benchmarks.chaos.parts import BASE, BY_NAME, PARTS, PartOfPipeline
from benchmarks.chaos.photos import write_photos
from benchmarks.chaos.processes import DIED, End, run_forked
from benchmarks.chaos.sites import Site, list_sites, read_calls
from benchmarks.chaos.tasks import DAG_ID, Dag, Part, warm_up
from scripts.local_stack import ACCOUNT_ID, REGION, ROOT, airflow_environment, aws_variables

PROJECT = "musher"
REFERENCE = "reference-0"
"""The run whose results the others begin with."""

CASE_S = 300.0
"""Seconds after which a case's process is killed; far longer than any takes."""

SETTLE_S = 20.0
"""Seconds for which processes that are no longer needed may still end."""

DEATHS = 1
ENDS = ("report", "teardown")
ENDS_AT = "ends_at"
"""File that says how many calls a run had made before it began to end."""

RECORD = {"kind": "slow", "service": "*", "delay_ms": 1, "principal": PIPELINE}
"""A rule that fires at each call of the pipeline, and so records it."""


class Worker:
    """Run cases against a cloud of its own, each as a new run of the DAG."""

    def __init__(self, cloud: Cloud, dag: Dag, *, folder: Path) -> None:
        self._cloud = cloud
        self._dag = dag
        self._folder = folder
        self._numbers = itertools.count()
        self._slugs: set[str] = set()
        self._wanted: dict[str, Ends] = {}
        self._sites: dict[str, list[Site]] = {}

    def prepare(self) -> None:
        """Make installations and data, and let one whole live run give what the others begin with."""
        write_photos(self._folder / "photos")
        for project in sorted({part.project for part in PARTS}):
            self._cloud.prepare(project=project)
        end = run_forked(self._dag.store, folder=self._folder / "store", limit_s=CASE_S)
        if end.reason:
            raise SystemExit(f"Airflow's database could not be filled: see {self._folder / 'store' / 'log'}")
        whole = self._new_run("reference", conf={}, tasks=())
        self._must_succeed(whole, log=REFERENCE)
        self._mend()

    def _mend(self) -> None:
        """Release once more, so that each live case begins as the one before began: at an update."""
        release = BY_NAME["live"]
        run = self._new_run("release", conf=release.conf, tasks=release.tasks)
        self._must_succeed(replace(run, given=REFERENCE), log=run.run_id)

    def _must_succeed(self, run: Part, *, log: str) -> None:
        end = self._go(run, project=PROJECT, log=log, limit_s=CASE_S)
        if end.reason or "failed" in end.result.values():
            raise SystemExit(f"the undisturbed run {run.run_id} failed: see {self._folder / log / 'log'}")

    def sites(self, part: PartOfPipeline) -> list[Site]:
        """Return the calls of a part, as an undisturbed run makes them; what that leaves is what is wanted."""
        if part.name not in self._sites:
            self._cloud.faults.put(RECORD)
            ends, end = self._run(part, log=f"{part.name}-first")
            if end.reason:
                raise SystemExit(f"the undisturbed part {part.name} {end.reason}: {self._folder}")
            caller = PIPELINE.replace("*", ACCOUNT_ID)
            ends_at = int((self._folder / f"{part.name}-first" / ENDS_AT).read_text())
            calls = read_calls(self._cloud.faults.fired(), principal=caller, ends_at=ends_at)
            self._sites[part.name] = list(list_sites(part.name, calls, has_ends=part.has_ends))
            self._wanted[part.name] = ends
        return self._sites[part.name]

    def run_undisturbed(self, part: PartOfPipeline) -> Outcome:
        """Run a part once more without a fault: what differs between two such runs shows nothing."""
        self.sites(part)
        self._cloud.faults.clear()
        return self._judge(part, f"{part.name}/{UNDISTURBED}", fired=lambda: 1)

    def run_case(self, case: Case) -> Outcome:
        """Run a part with one call broken."""
        part = BY_NAME[case.site.part]
        self.sites(part)
        self._cloud.faults.put(*case.fault.rules(case.site))
        fired = self._cloud.faults.fired
        outcome = self._judge(
            part,
            case.name,
            fired=lambda: len([event for event in fired() if "nothing" not in str(event["outcome"])]),
            is_death=case.fault.is_death,
        )
        self._cloud.faults.clear()
        if not outcome.is_same and part.conf.get("lifetime") == "live":
            self._mend()
        return outcome

    def _judge(
        self, part: PartOfPipeline, name: str, *, fired: Callable[[], int], is_death: bool = False
    ) -> Outcome:
        began, log = time.monotonic(), name.replace("/", "_").replace(":", "_")
        outcome = Outcome(case=name, log=str(self._folder / log / "log"))
        ends, end = self._run(part, log=log, is_death=is_death)
        outcome.fired = ends.fired or fired()
        outcome.is_finished = not end.reason
        outcome.failed = sorted(task for task, state in (end.result or {}).items() if state == "failed")
        compare(self._wanted[part.name], ends, outcome)
        outcome.seconds = round(time.monotonic() - began, 2)
        return outcome

    def _run(self, part: PartOfPipeline, *, log: str, is_death: bool = False) -> tuple[Ends, End]:
        """Run a part as a new run of the DAG; return what it left before and after its teardown."""
        for prefix in part.forgets:
            self._cloud.forget(bucket=_bucket(part.project), prefix=f"{part.project}/{prefix}/")
        new = self._new_run(part.name, conf=part.conf, tasks=part.tasks)
        run = replace(new, given=None if part.is_alone else REFERENCE)
        deployed = self._folder / log / "deployed.json"
        end, fired = self._go_on(run, part, log=log, deployed=deployed, is_death=is_death)
        observer = self._observer(run, part.project)
        children = self._settled_children(part)
        left = observer.look()
        before = json.loads(deployed.read_text()) if deployed.exists() else {}
        return Ends(deployed=before, left=left, children=children, fired=fired), end

    def _go_on(
        self, run: Part, part: PartOfPipeline, *, log: str, deployed: Path, is_death: bool
    ) -> tuple[End, int]:
        """Run it; where its process is to die, let it die once, and go on with the run in a new one."""
        options = {"project": part.project, "log": log, "limit_s": CASE_S, "deployed": deployed}
        if not is_death:
            return self._go(run, **options), 0
        end = self._go(run, **options, must_die=lambda: bool(self._cloud.faults.fired()))
        if end.reason != DIED:
            return end, 0
        self._cloud.faults.clear()
        return self._go(run, **options), DEATHS

    def _go(
        self,
        run: Part,
        *,
        project: str,
        log: str,
        limit_s: float,
        deployed: Path | None = None,
        must_die: Callable[[], bool] = lambda: False,
    ) -> End:
        """Run a part in a fork of this process."""
        observer = self._observer(run, project)

        def look(task_id: str) -> None:
            ends_at = self._folder / log / ENDS_AT
            if task_id in ENDS and not ends_at.exists():
                ends_at.write_text(str(len(self._cloud.faults.fired())))
            if task_id == "teardown" and deployed is not None:
                deployed.write_text(json.dumps(observer.look(), default=str))

        def work() -> dict[str, str]:
            os.environ["MUSHER_PROJECT"] = project
            return self._dag.run(run, before=look)

        return run_forked(work, folder=self._folder / log, limit_s=limit_s, must_die=must_die)

    def _new_run(self, name: str, *, conf: Any, tasks: Sequence[str]) -> Part:
        from musher.names import run_slug

        number = next(self._numbers)
        run_id = f"{name}-{number}"
        self._slugs.add(run_slug(dag_id=DAG_ID, run_id=run_id))
        given = {**BASE, "source": str(self._folder / "photos"), **conf}
        return Part(run_id=run_id, conf=given, tasks=tasks, minutes=number)

    def _observer(self, run: Part, project: str) -> Observer:
        from musher.names import run_slug

        slug = run_slug(dag_id=DAG_ID, run_id=run.run_id)
        others = frozenset(self._slugs - {slug})
        return Observer(client=self._cloud.client, bucket=_bucket(project), slug=slug, others=others)

    def _settled_children(self, part: PartOfPipeline) -> list[str]:
        """Return the kinds of localaws's processes, once they are those of the undisturbed run."""
        wanted = self._wanted.get(part.name)

        def kinds() -> list[str]:
            return sorted(name for name in self._cloud.children() if "musher-live" not in name)

        if wanted is not None:
            wait_until(lambda: len(kinds()) <= len(wanted.children), limit_s=SETTLE_S)
        return kinds()


def _bucket(project: str) -> str:
    return f"{project}-{ACCOUNT_ID}-{REGION}"


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


def run_worker(folder: Path, choose: Callable[["Worker"], Sequence[Case]]) -> Iterator[Outcome]:
    """Start a worker, let it choose its cases, and yield what comes of each."""
    dag = prepare_process(folder)
    with running_cloud(folder) as cloud:
        variables = aws_variables(cloud.url) | {"MUSHER_POLL_INTERVAL_S": "0.1"}
        os.environ |= variables
        worker = Worker(cloud, dag, folder=folder)
        worker.prepare()
        seen: set[str] = set()
        for case in choose(worker):
            part = BY_NAME[case.site.part]
            if part.name not in seen:
                seen.add(part.name)
                yield worker.run_undisturbed(part)
            yield worker.run_case(case)


def as_line(outcome: Outcome) -> str:
    """Return an outcome as a line of JSON."""
    return json.dumps(asdict(outcome))
