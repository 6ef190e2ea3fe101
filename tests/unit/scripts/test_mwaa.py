"""What MWAA takes: a plugins.zip that finds its training code, requirements it can install, variables."""

import hashlib
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from musher.errors import SettingsError
from scripts.mwaa import PLUGINS, make, requirements, startup, write_plugins

REPOSITORY = Path(__file__).parents[3]
ACCOUNT = {"MUSHER_ACCOUNT_ID": "123456789012"}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with everything."""
    folder = tmp_path_factory.mktemp("mwaa") / "out"
    make(folder=folder, variables=ACCOUNT | {"MUSHER_REGION": "eu-central-1", "HOME": "/home/you"})
    return folder


def test_the_plugins_hold_the_package_and_the_code_that_is_sent_on(made: Path) -> None:
    names = zipfile.ZipFile(made / "plugins.zip").namelist()
    assert {"musher/settings.py", "training/train.py", "training/imgclf/__init__.py"} <= set(names)
    assert {"lambda/musher_lambda.py", "musher/training_image_uris.json"} <= set(names)
    assert len(names) == len(set(names))
    assert not [name for name in names if name.startswith(("plugins/", "/")) or "__pycache__" in name]


def test_the_plugins_loader_passes_over_every_package_and_folder(made: Path) -> None:
    archive = zipfile.ZipFile(made / "plugins.zip")
    ignored = archive.read(".airflowignore").decode().split()
    assert ignored == ["musher/", "training/", "lambda/", "docs/"]
    assert "docs/notebook.ipynb" in archive.namelist()
    folders = {name.split("/")[0] for name in archive.namelist() if "/" in name}
    assert {f"{folder}/" for folder in folders} == set(ignored)


def test_settings_find_training_and_lambda_where_mwaa_unpacks_them(made: Path, tmp_path: Path) -> None:
    zipfile.ZipFile(made / "plugins.zip").extractall(tmp_path)
    exports = (made / "startup.sh").read_text().replace(PLUGINS, str(tmp_path))
    script = (
        "from musher.settings import Settings; s = Settings.from_env();"
        " print(s.training_dir, s.lambda_dir, s.region)"
    )
    done = subprocess.run(
        ["sh", "-c", f"{exports}\nexec {sys.executable} -c '{script}'"],
        env={"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    training, function, region = done.stdout.split()
    assert (Path(training) / "train.py").is_file()
    assert (Path(function) / "musher_lambda.py").is_file()
    assert region == "eu-central-1"


def test_the_same_files_make_the_same_zip(made: Path, tmp_path: Path) -> None:
    write_plugins(root=REPOSITORY, target=tmp_path / "again.zip")
    digests = {
        hashlib.sha256(p.read_bytes()).hexdigest() for p in (made / "plugins.zip", tmp_path / "again.zip")
    }
    assert len(digests) == 1


def test_the_dags_are_the_repositorys(made: Path) -> None:
    copied = sorted(path.name for path in (made / "dags").iterdir())
    assert copied == sorted(path.name for path in (REPOSITORY / "dags").glob("*.py"))


def test_requirements_leave_airflow_to_mwaa_and_name_its_constraints() -> None:
    text = requirements(
        "# a comment\napache-airflow\napache-airflow-providers-amazon[aiobotocore]\n"
        "apache-airflow-providers-celery\nboto3\nobstore\npillow>=13\n"
    )
    first, *rest = text.splitlines()
    assert first.startswith("--constraint ")
    assert first.endswith('/constraints-3.3.1/constraints-3.12.txt"')
    assert rest == ["apache-airflow-providers-amazon[aiobotocore]", "obstore", "pillow>=13"]


def test_startup_exports_only_our_variables_quoted() -> None:
    text = startup({"MUSHER_PROJECT": "it's", "MUSHER_REGION": "", "AWS_SECRET_ACCESS_KEY": "secret"})
    assert "export MUSHER_PROJECT='it'\"'\"'s'" in text
    assert "secret" not in text
    assert "MUSHER_REGION" not in text


def test_without_an_account_nothing_is_written(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="MUSHER_ACCOUNT_ID is not set"):
        make(folder=tmp_path / "out", variables={})
    assert not (tmp_path / "out").exists()
