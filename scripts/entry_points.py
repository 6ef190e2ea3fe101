"""Import what each service of docker-compose.yaml starts with: `python -m scripts.entry_points`.

A lock can be consistent and still not start: celery 5.7 satisfies what the Celery provider declares, and
lacks a name that it imports. This runs in whichever environment calls it, with compose's settings except the
database, which is SQLite in a temporary folder. Nothing is started, nothing listens. One line for each
service; exit code 1 where one cannot be imported.
"""

import contextlib
import importlib
import os
import sys
import tempfile
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path

from scripts.production_compose import read_services, variable_names

COMPOSE = Path(__file__).resolve().parents[1] / "docker-compose.yaml"

ENTRY_POINTS: Mapping[str, Sequence[str]] = {
    "init": (
        "airflow.cli.commands.db_command",
        "airflow.providers.fab.auth_manager.cli_commands.user_command",
    ),
    "api-server": (
        "airflow.cli.commands.api_server_command",
        "airflow.providers.fab.auth_manager.fab_auth_manager",
        "airflow.api_fastapi.main",
    ),
    "scheduler": (
        "airflow.cli.commands.scheduler_command",
        "airflow.jobs.scheduler_job_runner",
        "airflow.providers.celery.executors.celery_executor",
    ),
    "dag-processor": (
        "airflow.cli.commands.dag_processor_command",
        "airflow.jobs.dag_processor_job_runner",
    ),
    "triggerer": ("airflow.cli.commands.triggerer_command", "airflow.jobs.triggerer_job_runner"),
    "worker": (
        "airflow.providers.celery.cli.celery_command",
        "airflow.providers.celery.executors.celery_executor_utils",
        "airflow.sdk.execution_time.execute_workload",
        "celery.backends.database",
        "kombu.transport.redis",
    ),
}
"""The modules with which a service's process begins, by the service's name in docker-compose.yaml."""

KEPT_OPTIONS = ("AIRFLOW__CORE__EXECUTOR", "AIRFLOW__CORE__AUTH_MANAGER", "AIRFLOW__OPERATORS__")
"""Which of compose's variables decide what is imported."""


def compose_options(path: Path = COMPOSE) -> dict[str, str]:
    """Return compose's options that choose what is imported."""
    filled_in = dict.fromkeys(variable_names(path.read_text()), "x")
    environment = read_services(path, variables=filled_in)["worker"].environment
    return {name: value for name, value in environment.items() if name.startswith(KEPT_OPTIONS)}


def failures(entry_points: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Import all modules; return the last lines of a traceback by service, for those that fail."""
    found = {}
    for service, modules in entry_points.items():
        for module in modules:
            try:
                importlib.import_module(module)
            except Exception:  # noqa: BLE001 - whatever a package raises at import is looked for here
                found[service] = f"{module}: {traceback.format_exc(limit=-2).strip()}"
                break
    return found


def main() -> int:
    """Import everything, print a line for each service; return the exit code."""
    with tempfile.TemporaryDirectory(prefix="musher-entry-points-") as home:
        os.environ |= compose_options() | {"AIRFLOW_HOME": home, "AIRFLOW__CORE__LOAD_EXAMPLES": "false"}
        with (
            (Path(home) / "output.log").open("w") as log,
            contextlib.redirect_stdout(log),
            contextlib.redirect_stderr(log),
        ):
            failed = failures(ENTRY_POINTS)
    for service in ENTRY_POINTS:
        print(f"{service:<14} {'cannot start' if service in failed else 'imports'}")
    for service, reason in failed.items():
        print(f"\n{service} cannot start: {reason}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
