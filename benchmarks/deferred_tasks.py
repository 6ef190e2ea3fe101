"""Put deferred tasks into Airflow's database, and see when they are freed.

Adding is a process of its own, with the AIRFLOW_* variables of the installation: Airflow keeps state in its
process. It reads {"run_id": ..., "first": 0, "classpath": ..., "kwargs": [...]} from its input, and adds for
each of `kwargs` a mapped task instance that is deferred with that trigger, as TaskDeferred leaves it.
"""

import json
import sqlite3
import sys
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

DAG_ID, TASK_ID = "benchmark", "wait"


def make_run(session: Any, run_id: str) -> Any:
    """Return the DAG version of a run, having made the rows that it needs."""
    from airflow.models.dag import DagModel
    from airflow.models.dag_version import DagVersion
    from airflow.models.dagbundle import DagBundleModel
    from airflow.models.dagrun import DagRun
    from airflow.utils.state import DagRunState
    from sqlalchemy import select

    version = session.scalar(select(DagVersion).where(DagVersion.dag_id == DAG_ID))
    if version is None:
        session.add(DagBundleModel(name=DAG_ID))
        session.flush()
        model = DagModel(  # type: ignore[no-untyped-call]  # Airflow's is untyped
            dag_id=DAG_ID, bundle_name=DAG_ID, max_active_tasks=1, max_active_runs=1
        )
        session.add(model)
        session.flush()
        version = DagVersion(dag_id=DAG_ID, version_number=1, bundle_name=DAG_ID)
        session.add(version)
        session.flush()
    if session.scalar(select(DagRun).where(DagRun.run_id == run_id)) is None:
        session.add(DagRun(dag_id=DAG_ID, run_id=run_id, run_type="manual", state=DagRunState.RUNNING))
        session.flush()
    return version


def add(given: dict[str, Any]) -> None:
    """Add deferred task instances and their triggers."""
    from airflow.models.taskinstance import TaskInstance
    from airflow.models.trigger import Trigger
    from airflow.utils.session import create_session
    from sqlalchemy import insert

    with create_session() as session:
        version = make_run(session, given["run_id"])
        triggers = [Trigger(classpath=given["classpath"], kwargs=kwargs) for kwargs in given["kwargs"]]
        session.add_all(triggers)
        session.flush()
        same = {"dag_id": DAG_ID, "task_id": TASK_ID, "run_id": given["run_id"], "dag_version_id": version.id}
        state = {
            "state": "deferred",
            "try_number": 1,
            "max_tries": 0,
            "pool": "default_pool",
            "pool_slots": 1,
            "queue": "default",
            "priority_weight": 1,
            "context_carrier": {},
        }
        rows = [
            {**same, **state, "map_index": given["first"] + number, "trigger_id": trigger.id}
            for number, trigger in enumerate(triggers)
        ]
        session.execute(insert(TaskInstance.__table__), rows)


def read_freed(database: Path, run_id: str) -> dict[int, float | None]:
    """Return by map index when a task instance was freed (seconds since 1970), None while it is deferred.

    By SQLite alone: importing Airflow again and again would take the processor from what is measured.
    """
    query = "SELECT map_index, state, scheduled_dttm FROM task_instance WHERE run_id = ?"
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=60)) as connection:
        rows = connection.execute(query, (run_id,)).fetchall()
    return {index: None if state == "deferred" else _seconds(freed) for index, state, freed in rows}


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def main() -> None:
    """Add what standard input says; no benchmark, so it has no command of its own."""
    add(json.load(sys.stdin))
