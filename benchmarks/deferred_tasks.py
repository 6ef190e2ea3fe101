"""Put deferred tasks into Airflow's database, and see when they are freed.

Run with the AIRFLOW_* variables of the installation, as Airflow keeps state in its process. Reads JSON from
standard input: {"run_id": ..., "first": 0, "classpath": ..., "kwargs": [...]} adds a mapped task instance for each
of `kwargs`, deferred with that trigger, as TaskDeferred would leave it; without `classpath` it prints, for each
map index of the run, the seconds since 1970 at which it was freed (null while it is deferred).
"""

import json
import sys
from typing import Any

DAG_ID, TASK_ID = "benchmark", "wait"


def make_run(session: Any, run_id: str) -> Any:
    """Return the DAG version of a run, having made the rows that it needs."""
    from airflow.models.dag import DagModel
    from airflow.models.dag_version import DagVersion
    from airflow.models.dagbundle import DagBundleModel
    from airflow.models.dagrun import DagRun
    from sqlalchemy import select

    version = session.scalar(select(DagVersion).where(DagVersion.dag_id == DAG_ID))
    if version is None:
        session.add(DagBundleModel(name=DAG_ID))
        session.flush()
        session.add(DagModel(dag_id=DAG_ID, bundle_name=DAG_ID, max_active_tasks=1, max_active_runs=1))
        session.flush()
        version = DagVersion(dag_id=DAG_ID, version_number=1, bundle_name=DAG_ID)
        session.add(version)
        session.flush()
    if session.scalar(select(DagRun).where(DagRun.run_id == run_id)) is None:
        session.add(DagRun(dag_id=DAG_ID, run_id=run_id, run_type="manual", state="running"))
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


def read(given: dict[str, Any]) -> dict[str, float | None]:
    """Return when each task instance was freed."""
    from airflow.models.taskinstance import TaskInstance
    from airflow.utils.session import create_session
    from sqlalchemy import select

    table = TaskInstance.__table__
    with create_session() as session:
        found = session.execute(
            select(table.c.map_index, table.c.state, table.c.updated_at).where(
                table.c.run_id == given["run_id"]
            )
        )
        return {
            str(row.map_index): None if row.state == "deferred" else row.updated_at.timestamp()
            for row in found
        }


if __name__ == "__main__":
    document = json.load(sys.stdin)
    if "classpath" in document:
        add(document)
        print("{}")
    else:
        print(json.dumps(read(document)))
