"""What docker-compose.yaml promises about times holds for the DAGs' tasks."""

from typing import TYPE_CHECKING

import yaml

from musher.operators.jobs import RunJobOperator
from tests.isolated_airflow import ROOT

if TYPE_CHECKING:
    from airflow.dag_processing.dagbag import DagBag

DEFERRABLE = "AIRFLOW__OPERATORS__DEFAULT_DEFERRABLE"
VISIBILITY = "AIRFLOW__CELERY_BROKER_TRANSPORT_OPTIONS__VISIBILITY_TIMEOUT"
MARGIN = 1.5
"""A message is also invisible while its worker still holds it back for the tasks before it."""


def test_redis_delivers_no_task_twice_while_it_may_still_run(dag_bag: "DagBag") -> None:
    """Waits for jobs, which Airflow does not bound, are deferred: no worker holds a message for them."""
    services = yaml.safe_load((ROOT / "docker-compose.yaml").read_text())["services"]
    environments = [services[name]["environment"] for name in ("scheduler", "worker")]
    visibility_s = {float(environment[VISIBILITY]) for environment in environments}
    tasks = [task for dag in dag_bag.dags.values() for task in dag.tasks]
    limits = [task.execution_timeout for task in tasks if not isinstance(task, RunJobOperator)]
    assert {environment[DEFERRABLE] for environment in environments} == {"true"}
    assert None not in limits
    assert min(visibility_s) >= MARGIN * max(limit.total_seconds() for limit in limits if limit)
    assert len(visibility_s) == 1
