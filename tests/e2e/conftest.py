"""One local stack, with a migrated Airflow, that the whole-DAG tests share."""

import json
from collections.abc import Generator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from scripts.database import prepare_database
from scripts.demo import run_dag
from scripts.local_stack import BUCKET, Stack, line_writer, local_stack
from scripts.progress import Progress


class Runs:
    """Run the DAG on the shared stack, and read what the run left in the bucket."""

    def __init__(self, stack: Stack, log: Path) -> None:
        self.stack = stack
        self.log = log
        self._seen: set[str] = set()

    def run(self, **conf: Any) -> dict[str, Any]:
        """Run the DAG to its end and return its summary."""
        with self.log.open("a") as log:
            run_dag(self.stack, conf=conf, progress=Progress(line_writer(log)))
        s3 = self.stack.client("s3")
        listed = s3.list_objects_v2(Bucket=BUCKET, Prefix="musher/reports/")["Contents"]
        keys = {item["Key"] for item in listed if item["Key"].endswith("/summary.json")}
        [new] = keys - self._seen
        self._seen = keys
        summary: dict[str, Any] = json.load(s3.get_object(Bucket=BUCKET, Key=new)["Body"])
        return summary


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
