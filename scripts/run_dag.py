"""Run `airflow dags test`, with what it imports imported before: `python -m scripts.run_dag DAG_ID`.

Starting Airflow costs as much as starting the embedded AWS, and the two need not wait for each other. With
`--go` the run begins when that file appears; it is a JSON object with further environment variables and the
run's Params: {"variables": {...}, "conf": {...}}. From there on this process is `airflow dags test`, with
nothing changed. With several files, so many runs follow one another, as long as they succeed: what they
import is imported once.
"""

import argparse
import gc
import importlib
import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from localaws.imports import without_grammars

MODULES = (
    "airflow.cli.commands.dag_command",
    "airflow.providers.amazon.aws.operators.sagemaker",
    "airflow.providers.amazon.aws.operators.lambda_function",
    "airflow.providers.amazon.aws.hooks.s3",
    "airflow.providers.amazon.aws.hooks.logs",
    "jinja2",
)
"""What `dags test` of an AWS DAG imports in any case. Airflow first: it puts plugins/ on the path."""

LOOK_S = 0.05


@contextmanager
def kept_for_good() -> Iterator[None]:
    """Collect no garbage in the block, and look at nothing that it made in later collections.

    Imports and routes are some 600,000 objects that stay, and each full collection looks at all of them:
    eleven took 3.3 of a demo's 54 s.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


@kept_for_good()
def warm_up() -> None:
    """Import what the run will need, and build the API through which its tasks speak to Airflow.

    The API makes its routes at its first request, which takes longer than all imports.
    """
    with without_grammars():
        for module in MODULES:
            importlib.import_module(module)
    import httpx
    from airflow.sdk.execution_time.supervisor import in_process_api_server

    transport = in_process_api_server().transport
    httpx.Client(transport=transport, base_url="http://in-process.invalid").get("/health").raise_for_status()


def wait_for(go: Path) -> str:
    """Take the file's variables over, once it is there; return its conf as JSON."""
    while not go.exists():
        time.sleep(LOOK_S)
    told = json.loads(go.read_text())
    os.environ |= told["variables"]
    return json.dumps(told["conf"])


def run_dag(dag_id: str, *, conf: str) -> None:
    """Be `airflow dags test`; SystemExit where the run fails.

    Of the DAGs folder only the DAG's own file is read where it has its name: the other DAGs, which are many
    and large, would all be read, serialised and stored first.
    """
    from airflow.__main__ import main as airflow

    sys.argv = ["airflow", "dags", "test", dag_id, "--conf", conf]
    own_file = Path(os.environ.get("AIRFLOW__CORE__DAGS_FOLDER", "dags"), f"{dag_id}.py")
    if own_file.exists():
        sys.argv += ["--dagfile-path", str(own_file)]
    airflow()  # type: ignore[no-untyped-call]  # Airflow's own command line is untyped


def main() -> None:
    """Warm up, wait, and become `airflow dags test`."""
    parser = argparse.ArgumentParser(prog="run_dag", description=__doc__)
    parser.add_argument("dag_id")
    parser.add_argument("--conf", default="{}", help="Params of the run, as JSON")
    parser.add_argument("--go", type=Path, nargs="*", default=[], help="wait for this file; a run for each")
    arguments = parser.parse_args()
    if not arguments.go:
        run_dag(arguments.dag_id, conf=arguments.conf)
        return
    warm_up()
    for go in arguments.go:
        run_dag(arguments.dag_id, conf=wait_for(go))


if __name__ == "__main__":
    main()
