"""Run a system test of Airflow's Amazon provider, unmodified, against one AWS.

The tests come with the provider's source archive, at the version and with the hash that the lock names. What
they import of Airflow's own test tools is not published: three small modules stand for it.
"""

import json
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Mapping
from pathlib import Path

from localaws.processes import Supervisor
from scripts.database import prepare_database
from scripts.moto_suite.sources import call_pip, locked

ROOT = Path(__file__).parents[4]
PROVIDER = "apache-airflow-providers-amazon"
RUN_S = 840
"""Real seconds of one test: its operators look once a minute."""
STAND_INS = {
    "__init__.py": '"""Stands for a package of Airflow that is not published."""\n',
    "version_compat.py": "AIRFLOW_V_3_0_PLUS = True\n",
    "watcher.py": (
        "from airflow.sdk import task\n\n\n"
        '@task(trigger_rule="one_failed", retries=0)\n'
        "def watcher():\n"
        '    raise RuntimeError("a task of this run has failed")\n'
    ),
    "system_tests.py": "def get_test_run(dag, **options):\n    return lambda: None\n",
}


def fetch_system_tests(folder: Path) -> Path:
    """Return a folder with the package `system`; raises UnreachableError where no registry answers."""
    option = f"--no-binary={PROVIDER}"
    call_pip(folder, "download", option, f"--dest={folder}", wanted=locked(PROVIDER))
    (archive,) = folder.glob("*.tar.gz")
    with tarfile.open(archive) as packed:
        packed.extractall(folder, filter="data")
    (unpacked,) = (path for path in folder.glob("apache_airflow_providers_amazon-*") if path.is_dir())
    tools = folder / "tools" / "tests_common" / "test_utils"
    tools.mkdir(parents=True)
    (tools.parent / "__init__.py").write_text(STAND_INS["__init__.py"])
    for name, text in STAND_INS.items():
        (tools / name).write_text(text)
    return unpacked / "tests"


def run_system_test(
    name: str, *, tests: Path, url: str, folder: Path, variables: Mapping[str, str]
) -> "subprocess.CompletedProcess[str]":
    """Run `airflow dags test` of one system test in a new Airflow home; return how it ended."""
    home, dags = folder / "airflow", folder / "dags"
    dags.mkdir(parents=True)
    shutil.copy(tests / "system" / "amazon" / "aws" / f"{name}.py", dags)
    supervisor = Supervisor()
    try:
        prepare_database(supervisor, home=home, on_line=print)
    finally:
        supervisor.close()
    paths = (ROOT, tests, tests.parents[1] / "tools")
    return subprocess.run(
        [sys.executable, "-m", "scripts.run_dag", name],
        env=make_environment(url=url, home=home, dags=dags)
        | {"PYTHONPATH": os.pathsep.join(map(str, paths))}
        | dict(variables),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=RUN_S,
        check=False,
    )


def make_environment(*, url: str, home: Path, dags: Path) -> dict[str, str]:
    """Return the variables of an Airflow that knows one AWS and one folder of DAGs."""
    connection = {"conn_type": "aws", "extra": {"region_name": "us-east-1"}}
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(dags),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW_CONN_AWS_DEFAULT": json.dumps(connection),
        "AWS_ENDPOINT_URL": url,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
    }
