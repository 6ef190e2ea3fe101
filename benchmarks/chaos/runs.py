"""Runs of the DAG against one cloud: begun anew, in a process that may be killed, and gone on with."""

import itertools
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.chaos.aws import Cloud
from benchmarks.chaos.end_state import Observer, State
from benchmarks.chaos.parts import BASE
from benchmarks.chaos.processes import DIED, End, run_forked
from benchmarks.chaos.tasks import DAG_ID, Dag, RunPlan
from scripts.local_stack import ACCOUNT_ID, REGION

RUN_S = 300.0
"""Seconds after which a run's process is killed; far longer than any takes."""

ENDS = ("report", "teardown")
ENDS_AT, RELEASED = "ends_at", "released.json"
"""Files of a run: how many calls it had made before it began to end, and what was there then."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """One run of the DAG, in an installation, with a folder for its logs."""

    plan: RunPlan
    project: str
    folder: Path
    observer: Observer

    @property
    def ends_at(self) -> int:
        """Return how many calls it had made when it began to report or to tear down."""
        return int((self.folder / ENDS_AT).read_text())

    @property
    def released(self) -> State:
        """Return what was there before its teardown; nothing where that never began."""
        path = self.folder / RELEASED
        return dict(json.loads(path.read_text())) if path.exists() else {}


class Runs:
    """Make and execute runs; no two have a name in common."""

    def __init__(self, cloud: Cloud, dag: Dag, *, folder: Path) -> None:
        self._cloud = cloud
        self._dag = dag
        self._folder = folder
        self._numbers = itertools.count()
        self._slugs: set[str] = set()

    def store_dags(self) -> None:
        """Fill Airflow's database; SystemExit where that fails."""
        folder = self._folder / "store"
        if run_forked(self._dag.store, folder=folder, limit_s=RUN_S).reason:
            raise SystemExit(f"Airflow's database could not be filled: see {folder / 'log'}")

    def new(
        self,
        name: str,
        *,
        project: str,
        conf: Mapping[str, Any],
        tasks: Sequence[str] = (),
        given: str | None = None,
    ) -> Run:
        """Plan a run of some tasks, by the results of the run that is given."""
        from musher.names import run_slug

        number = next(self._numbers)
        plan = RunPlan(
            run_id=f"run-{number}",
            conf={**BASE, "source": str(self._folder / "photos"), **conf},
            tasks=tasks,
            given=given,
            minutes=number,
        )
        slug = run_slug(dag_id=DAG_ID, run_id=plan.run_id)
        others = frozenset(self._slugs)
        self._slugs.add(slug)
        observer = Observer(client=self._cloud.client, bucket=bucket_of(project), slug=slug, others=others)
        return Run(plan=plan, project=project, folder=self._folder / name, observer=observer)

    def go(self, run: Run, *, must_die: Callable[[], bool] = lambda: False) -> End:
        """Execute a run in a fork of this process, or go on with it."""

        def look(task_id: str) -> None:
            if task_id in ENDS:
                self._note(run, ENDS_AT, lambda: len(self._cloud.faults.fired()))
            if task_id == "teardown":
                self._note(run, RELEASED, run.observer.look)

        def work() -> dict[str, str]:
            os.environ["MUSHER_PROJECT"] = run.project
            return self._dag.run(run.plan, before=look)

        return run_forked(work, folder=run.folder, limit_s=RUN_S, must_die=must_die)

    def go_and_die(self, run: Run) -> tuple[End, bool]:
        """Execute a run, kill its process once a fault has fired, and go on with it; tell whether it died."""
        end = self.go(run, must_die=lambda: bool(self._cloud.faults.fired()))
        if end.reason != DIED:
            return end, False
        self._cloud.faults.clear()
        return self.go(run), True

    @staticmethod
    def _note(run: Run, name: str, find: Callable[[], Any]) -> None:
        """Keep what holds before the first try of a task, not before a later one."""
        path = run.folder / name
        if not path.exists():
            path.write_text(json.dumps(find(), default=str))


def bucket_of(project: str) -> str:
    """Return the bucket of an installation."""
    return f"{project}-{ACCOUNT_ID}-{REGION}"
