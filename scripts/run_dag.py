"""Run `airflow dags test`, with what it imports imported before: `python -m scripts.run_dag DAG_ID`.

Starting Airflow costs as much as starting the embedded AWS, and the two need not wait for each other. With
`--go` the run begins when that file appears; it is a JSON object of further environment variables. From there
on this process is `airflow dags test`, with nothing changed.
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
    for module in MODULES:
        importlib.import_module(module)
    import httpx
    from airflow.sdk.execution_time.supervisor import in_process_api_server

    transport = in_process_api_server().transport
    httpx.Client(transport=transport, base_url="http://in-process.invalid").get("/health").raise_for_status()


def wait_for(go: Path) -> dict[str, str]:
    """Return what the file says, once it is there."""
    while not go.exists():
        time.sleep(LOOK_S)
    variables: dict[str, str] = json.loads(go.read_text())
    return variables


def main() -> None:
    """Warm up, wait, and become `airflow dags test`."""
    parser = argparse.ArgumentParser(prog="run_dag", description=__doc__)
    parser.add_argument("dag_id")
    parser.add_argument("--conf", default="{}", help="Params of the run, as JSON")
    parser.add_argument("--go", type=Path, help="wait for this file, and take its variables")
    arguments = parser.parse_args()
    if arguments.go:
        warm_up()
        os.environ |= wait_for(arguments.go)
    from airflow.__main__ import main as airflow

    sys.argv = ["airflow", "dags", "test", arguments.dag_id, "--conf", arguments.conf]
    airflow()  # type: ignore[no-untyped-call]  # Airflow's own command line is untyped


if __name__ == "__main__":
    main()
