"""Keep Airflow out of the home folder: import this before anything of Airflow."""

import atexit
import os
import shutil
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
VARIABLE = "MUSHER_TESTS_AIRFLOW_HOME"


def isolate_airflow() -> None:
    """Point AIRFLOW_HOME at a temporary folder, and Airflow at this repository's DAGs; once per process."""
    if VARIABLE in os.environ:
        return
    assert "airflow" not in sys.modules, "Airflow was imported before its home was set"
    home = tempfile.mkdtemp(prefix="musher-airflow-")
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    os.environ |= {
        VARIABLE: home,
        "AIRFLOW_HOME": home,
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
    }
