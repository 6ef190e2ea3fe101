"""The deployment when something cannot start: a reason that names the log, and nothing left behind."""

from pathlib import Path
from tempfile import gettempdir

import pytest

from scripts.production import ProductionError, production
from scripts.production_stores import install_missing
from tests.prod.conftest import processes_in

pytestmark = [pytest.mark.slow, pytest.mark.prod, pytest.mark.timeout(300)]


def test_a_service_that_fails_is_named_with_its_log_and_all_else_is_stopped(tmp_path: Path) -> None:
    install_missing()
    programs, folder = tmp_path / "bin", tmp_path / "deployment"
    programs.mkdir()
    (programs / "airflow").write_text('#!/bin/sh\necho "no database: $1 $2" >&2\nexit 3\n')
    (programs / "airflow").chmod(0o755)
    stores = {path.name for path in Path(gettempdir()).glob("musher-postgres-*")}
    with pytest.raises(ProductionError) as error, production(folder=folder, python=programs / "python"):
        pytest.fail("init failed, and yet the deployment is there")
    assert str(error.value).startswith("init ended with 3")
    assert str(error.value).endswith("no database: db migrate")
    assert str(folder / "logs/init.log") in str(error.value)
    assert processes_in(folder) == []
    assert {path.name for path in Path(gettempdir()).glob("musher-postgres-*")} == stores
