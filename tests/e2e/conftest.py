"""One local stack, with a migrated Airflow, that the whole-DAG tests share."""

import json
from collections.abc import Generator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from musher.params.retraining import RETRAINING
from scripts.dag_runs import run_dag
from scripts.database import prepare_database
from scripts.local_stack import BUCKET, DAG_ID, Stack, line_writer, local_stack
from scripts.progress import Progress


class Runs:
    """Run the DAG on the shared stack, and read what the run left in the bucket."""

    def __init__(self, stack: Stack, log: Path) -> None:
        self.stack = stack
        self.log = log

    def run(self, **conf: Any) -> dict[str, Any]:
        """Run the DAG to its end and return its summary: a trial without a load test, unless told otherwise.

        Runs share the stack, and the gate would hold each model against the one before.
        """
        return self._run(self.stack, DAG_ID, {"lifetime": "trial", "load_test_s": 0, **conf})

    def retrain(self, **conf: Any) -> dict[str, Any]:
        """Run retrain_on_schedule with these settings to its end and return its summary."""
        variables = self.stack.environment | {"MUSHER_RETRAIN_CONF": json.dumps(conf)}
        return self._run(replace(self.stack, environment=variables), RETRAINING, {})

    def _run(self, stack: Stack, dag_id: str, conf: dict[str, Any]) -> dict[str, Any]:
        before = self.summaries()
        with self.log.open("a") as log:
            run_dag(stack, conf=conf, progress=Progress(line_writer(log)), dag_id=dag_id)
        [new] = self.summaries() - before
        s3 = self.stack.client("s3")
        summary: dict[str, Any] = json.load(s3.get_object(Bucket=BUCKET, Key=new)["Body"])
        return summary

    def run_other(self, dag_id: str, **conf: Any) -> None:
        """Run another DAG to its end."""
        with self.log.open("a") as log:
            run_dag(self.stack, conf=conf, progress=Progress(line_writer(log)), dag_id=dag_id)

    def summaries(self) -> set[str]:
        """Return the keys of all summaries, those of runs that failed included."""
        pages = (
            self.stack.client("s3")
            .get_paginator("list_objects_v2")
            .paginate(Bucket=BUCKET, Prefix="musher/reports/")
        )
        keys = {item["Key"] for page in pages for item in page.get("Contents", [])}
        return {key for key in keys if key.endswith("/summary.json")}


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Generator[Runs, None, None]:
    """Yield a way to run the DAG."""
    folder = tmp_path_factory.mktemp("stack")
    log = folder / "airflow.log"
    with ExitStack() as context:
        stack = context.enter_context(
            local_stack(home=folder / "airflow", port=0, log=folder / "localaws.log")
        )
        with log.open("w") as stream:
            prepare_database(stack.supervisor, home=stack.home, on_line=line_writer(stream))
        yield Runs(stack, log)
