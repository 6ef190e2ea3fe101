"""requirements-production.txt installed for itself: consistent, without torch, and every service starts."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from scripts.airflow_api import AirflowApi
from scripts.production import LONG_RUNNING, Production
from scripts.production_environment import copy_as_image

ROOT = Path(__file__).parents[2]
START_S = 300
pytestmark = [pytest.mark.slow, pytest.mark.prod, pytest.mark.timeout(900)]

IMPORT_DAGS = """
import json, sys
from airflow.dag_processing.dagbag import DagBag
bag = DagBag(sys.argv[1])
print("BAG", json.dumps([sorted(bag.dags), {str(k): str(v) for k, v in bag.import_errors.items()}]))
"""


def run(python: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a Python in a bare environment, from the repository's root."""
    return subprocess.run(
        [str(python), *arguments],
        env={"PATH": str(python.parent), "HOME": "/nonexistent", **environment},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def canonical(name: str) -> str:
    """Return a package's name as the lock writes it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def installed(python: Path) -> dict[str, str]:
    """Return name -> version of what an environment holds."""
    script = "import json, importlib.metadata as m; print(json.dumps([(d.name, d.version) for d in {}]))"
    pairs = json.loads(run(python, "-c", script.format("m.distributions()")).stdout)
    return {canonical(name): version for name, version in pairs}


def test_it_holds_the_lock_and_nothing_else(production_python: Path) -> None:
    text = (ROOT / "requirements-production.txt").read_text()
    locked = {
        canonical(name): version
        for name, version in re.findall(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==(\S+)", text, re.MULTILINE)
    }
    assert installed(production_python) == locked


def test_no_package_misses_what_it_declares(production_python: Path) -> None:
    done = subprocess.run(
        [str(ROOT / ".venv/bin/python"), "-m", "uv", "pip", "check", "--python", str(production_python)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_every_services_entry_point_imports(production_python: Path) -> None:
    done = run(production_python, "-m", "scripts.entry_points")
    assert done.returncode == 0, done.stderr
    assert "cannot start" not in done.stdout


def test_the_dags_import_as_the_image_holds_them(production_python: Path, tmp_path: Path) -> None:
    copy_as_image(root=ROOT, home=tmp_path)
    done = run(
        production_python,
        "-c",
        IMPORT_DAGS,
        str(tmp_path / "dags"),
        AIRFLOW_HOME=str(tmp_path),
        AIRFLOW__CORE__LOAD_EXAMPLES="False",
    )
    [line] = [line for line in done.stdout.splitlines() if line.startswith("BAG ")]
    dags, errors = json.loads(line.removeprefix("BAG "))
    assert errors == {}
    assert dags == sorted(path.stem for path in (ROOT / "dags").glob("*.py"))


def test_training_and_lambda_lie_where_the_settings_look_for_them(
    production_python: Path, tmp_path: Path
) -> None:
    copy_as_image(root=ROOT, home=tmp_path)
    script = (
        "from musher.settings import Settings; s = Settings(account_id='123456789012');"
        " print(s.training_dir / 'train.py'); print(s.lambda_dir / 'musher_lambda.py')"
    )
    done = run(production_python, "-c", script, PYTHONPATH=str(tmp_path / "plugins"))
    found = done.stdout.split()
    assert found == [str(tmp_path / "training/train.py"), str(tmp_path / "lambda/musher_lambda.py")]
    assert all(Path(path).is_file() for path in found)


def test_every_service_starts_passes_its_health_check_and_ends(deployment: Production) -> None:
    names = (*LONG_RUNNING, "worker-1")
    for name in names:
        deployment.start(name)
    deployment.wait_until_healthy(*names, timeout_s=START_S)
    api: AirflowApi = deployment.log_in()
    health = api.get("/monitor/health")
    parts = ("metadatabase", "scheduler", "triggerer", "dag_processor")
    assert {part: health[part]["status"] for part in parts} == dict.fromkeys(parts, "healthy")
    deployment.wait_for_dag(api, timeout_s=120)
    assert api.get("/importErrors")["total_entries"] == 0
    assert deployment.drain("worker-1") == 0
