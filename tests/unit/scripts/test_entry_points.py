"""The check of entry points: all of compose's services, with compose's options; what fails is named."""

from pathlib import Path

import pytest
import yaml

from scripts.entry_points import ENTRY_POINTS, compose_options, failures

REPOSITORY = Path(__file__).parents[3]


def test_each_service_of_airflow_has_its_entry_point() -> None:
    services = yaml.safe_load((REPOSITORY / "docker-compose.yaml").read_text())["services"]
    airflow = {name for name, service in services.items() if service["image"] == "musher-airflow"}
    assert set(ENTRY_POINTS) == airflow


def test_executor_and_auth_manager_are_composes() -> None:
    options = compose_options()
    assert options["AIRFLOW__CORE__EXECUTOR"] == "CeleryExecutor"
    assert options["AIRFLOW__CORE__AUTH_MANAGER"].endswith(".FabAuthManager")
    assert options["AIRFLOW__OPERATORS__DEFAULT_DEFERRABLE"] == "true"
    assert not [name for name in options if "DATABASE" in name or "URL" in name]


def test_a_module_that_cannot_be_imported_is_named_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "entry_that_fails.py").write_text("from celery.backends.database import no_such_name\n")
    monkeypatch.syspath_prepend(tmp_path)
    found = failures({"good": ("json",), "bad": ("json", "entry_that_fails"), "absent": ("no_such_module",)})
    assert set(found) == {"bad", "absent"}
    assert found["bad"].startswith("entry_that_fails: ")
    assert "cannot import name 'no_such_name'" in found["bad"]
    assert "No module named 'no_such_module'" in found["absent"]
