"""Run a DAG's tasks in this process, as `airflow dags test` does, for as many runs as wanted.

`DAG.test` reads all DAGs anew for each run, waits a second wherever a task is tried again, and runs all
tasks. Here a run begins in the middle: the tasks before have succeeded, with the results of another run.
What executes a task, and which one is next, are Airflow's own code.
"""

import asyncio
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

DAG_ID = "operationalize_model"
ALWAYS = ("run_started", "run_succeeded", "teardown")
"""Tasks of each run, whatever else it does."""

SERVICES = (
    "application-autoscaling",
    "cloudwatch",
    "iam",
    "lambda",
    "logs",
    "s3",
    "sagemaker",
    "service-quotas",
    "sts",
)
"""Services whose models are read before the runs' processes are forked."""

FIRST_DATE = datetime(2026, 1, 1, tzinfo=UTC)
LOOK_S = 0.02
RUN_S = 240.0
"""Seconds that a part of a run may take; far longer than any does."""


def warm_up() -> None:
    """Import what tasks need, and make the routes of the API that they speak to, in no thread.

    It is done once, in the process that the runs' processes are forked from.
    """
    from scripts.run_dag import MODULES, kept_for_good

    with kept_for_good():
        import importlib

        for module in MODULES:
            importlib.import_module(module)
        import httpx
        from airflow.sdk.execution_time.supervisor import in_process_api_server

        app = in_process_api_server().app

        async def ask() -> None:
            transport = httpx.ASGITransport(app=app)
            async with httpx.AsyncClient(transport=transport, base_url="http://in-process.invalid") as client:
                (await client.get("/health")).raise_for_status()

        asyncio.run(ask())
        read_models()


def read_models() -> None:
    """Read botocore's models of the services, for the sessions that tasks will make."""
    import botocore.session

    from musher.hooks.sessions import loader_of

    session = botocore.session.get_session()
    session.register_component("data_loader", loader_of(session.get_config_variable("data_path")))
    for service in SERVICES:
        session.create_client(service, region_name="us-east-1")


@dataclass(frozen=True, kw_only=True)
class RunPlan:
    """What of a run is to be done: some tasks, between the results of another run and its ends."""

    run_id: str
    conf: Mapping[str, Any]
    tasks: Collection[str]
    """Ids of tasks, or of the groups that they are in; empty: all."""
    given: str | None = None
    """The run whose results stand in for those of the tasks that are left out."""
    minutes: int = 0
    """The run's logical date, in minutes after the first one's: no two runs of a DAG may share one."""

    def has(self, task_id: str) -> bool:
        """Return whether this task is run."""
        group = task_id.partition(".")[0]
        return not self.tasks or task_id in ALWAYS or task_id in self.tasks or group in self.tasks


def cut_delays(dag: Any) -> None:
    """Let tasks be tried again at once, also where AWS throttles; how often stays as configured."""
    from musher import retry_policy

    retry_policy.THROTTLED_S = retry_policy.NO_CAPACITY_S = 0.0
    for task in dag.tasks:
        task.retry_delay = timedelta(0)


def open_session() -> Any:
    """Return a session of Airflow's database."""
    from airflow import settings

    if settings.Session is None:
        raise RuntimeError("Airflow has no database: AIRFLOW_HOME was set after its import")
    return settings.Session()


class Dag:
    """The DAG, read once; its tasks are tried again as often as configured, and at once."""

    def __init__(self, folder: Path) -> None:
        from airflow.dag_processing.dagbag import DagBag
        from airflow.serialization.serialized_objects import DagSerialization

        bag = DagBag(folder / f"{DAG_ID}.py")
        if bag.import_errors:
            raise SystemExit(f"{DAG_ID} cannot be read: {bag.import_errors}")
        self.dag: Any = bag.dags[DAG_ID]
        cut_delays(self.dag)
        self.scheduled: Any = DagSerialization.deserialize_dag(DagSerialization.serialize_dag(self.dag))

    def store(self) -> None:
        """Write the DAGs into Airflow's database; called once, in a process of its own."""
        from airflow.dag_processing.bundles.manager import DagBundlesManager
        from airflow.dag_processing.dagbag import BundleDagBag, sync_bag_to_db

        session = open_session()
        manager: Any = DagBundlesManager()  # type: ignore[no-untyped-call]  # Airflow's own is untyped
        manager.sync_bundles_to_db(session=session)
        session.commit()
        for bundle in manager.get_all_dag_bundles():
            bundle.initialize()
            bag = BundleDagBag(dag_folder=bundle.path, bundle_path=bundle.path, bundle_name=bundle.name)
            sync_bag_to_db(bag, bundle.name, bundle.version)

    def run(self, part: RunPlan, *, before: Callable[[str], None] = lambda task_id: None) -> dict[str, str]:
        """Begin a part of a run, or go on with one whose process died; return its tasks' states.

        `before` is called before each try of a task. TimeoutError where the part takes longer than RUN_S.
        """
        from airflow.utils.state import DagRunState

        session = open_session()
        run = self._find(part, session) or self._begin(part, session)
        deadline = time.monotonic() + RUN_S
        while run.state == DagRunState.RUNNING:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{part.run_id} has not ended within {RUN_S:.0f} s")
            self._run_next(run, session, before)
        return {each.task_id: str(each.state) for each in run.get_task_instances(session=session)}

    def _find(self, part: RunPlan, session: Any) -> Any:
        """Return the run, if it is there; a try whose process died is failed, as the scheduler does it."""
        from airflow.models.dagrun import DagRun
        from airflow.utils.state import TaskInstanceState
        from sqlalchemy import select

        query = select(DagRun).where(DagRun.dag_id == DAG_ID, DagRun.run_id == part.run_id)
        run = session.scalar(query)
        if run is None:
            return None
        run.dag = self.scheduled
        for each in run.get_task_instances(session=session):
            if each.state in (TaskInstanceState.RUNNING, TaskInstanceState.QUEUED):
                is_last = each.try_number > each.max_tries
                each.state = TaskInstanceState.FAILED if is_last else TaskInstanceState.UP_FOR_RETRY
                each.end_date = each.start_date
        session.commit()
        return run

    def _begin(self, part: RunPlan, session: Any) -> Any:
        from airflow.models.dagrun import get_or_create_dagrun
        from airflow.sdk import timezone
        from airflow.utils.types import DagRunTriggeredByType

        now = timezone.utcnow()
        date = FIRST_DATE + timedelta(minutes=part.minutes)
        run = get_or_create_dagrun(
            dag=self.scheduled,
            run_id=part.run_id,
            logical_date=date,
            data_interval=self.scheduled.timetable.infer_manual_data_interval(run_after=date),
            run_after=now,
            conf=dict(part.conf),
            triggered_by=DagRunTriggeredByType.TEST,
            triggering_user_name="chaos",
            start_date=now,
            session=session,
        )
        self._take_over(part, run, session)
        session.commit()
        return run

    def _take_over(self, part: RunPlan, run: Any, session: Any) -> None:
        """Let the tasks that are left out have succeeded, with the results of the run that is given."""
        from airflow.models.xcom import XComModel
        from airflow.utils.state import TaskInstanceState
        from sqlalchemy import select

        left_out = set()
        for each in run.get_task_instances(session=session):
            if not part.has(each.task_id):
                left_out.add(each.task_id)
                each.state = TaskInstanceState.SUCCESS
                each.start_date = each.end_date = run.start_date
        query = select(XComModel).where(XComModel.dag_id == DAG_ID, XComModel.run_id == part.given)
        for found in session.scalars(query).all():
            if found.task_id in left_out:
                values = {name: getattr(found, name) for name in ("key", "value", "task_id", "map_index")}
                session.add(XComModel(dag_id=DAG_ID, run_id=part.run_id, dag_run_id=run.id, **values))

    def _run_next(self, run: Any, session: Any, before: Callable[[str], None]) -> None:
        """Run the tasks that may run now, one after the other; wait a moment where there are none."""
        from airflow.sdk import timezone
        from airflow.sdk.definitions.dag import _run_task
        from airflow.utils.state import TaskInstanceState

        session.expire_all()
        ready, _ = run.update_state(session=session)
        for each in ready:
            if each.state != TaskInstanceState.UP_FOR_RESCHEDULE:
                each.try_number += 1
            each.state = TaskInstanceState.SCHEDULED
            each.scheduled_dttm = timezone.utcnow()
        session.commit()
        instances = run.get_task_instances(session=session)
        ready = [each for each in instances if each.state == TaskInstanceState.SCHEDULED]
        if not ready and run.state == "running":
            time.sleep(LOOK_S)
        for each in ready:
            before(each.task_id)
            _run_task(ti=each, task=self.dag.task_dict[each.task_id], run_triggerer=True)
