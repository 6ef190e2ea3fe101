"""What the tests of DAGs share: an isolated Airflow, and the parsed DAGs."""

from typing import TYPE_CHECKING

import pytest

from tests.isolated_airflow import ROOT, isolate_airflow

isolate_airflow()

if TYPE_CHECKING:
    from airflow.dag_processing.dagbag import DagBag


@pytest.fixture(scope="session")
def dag_bag() -> "DagBag":
    """The repository's DAGs, as the DAG processor reads them."""
    from airflow.dag_processing.dagbag import DagBag

    return DagBag(ROOT / "dags")
