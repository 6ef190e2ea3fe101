"""The tasks of notebook_instance: what is refused, what is asked for, and when an address is made."""

import base64
import io
import logging
import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException

from musher import clock
from musher.errors import ArchiveError, PayloadError
from musher.hooks import connection
from musher.packaging import Archive, pack_notebook_code, pack_source
from musher.params.notebook import NOTEBOOK
from musher.settings import Settings
from musher.stages import notebook, notebook_plan
from musher.stages.run import Run

DEFAULTS = {name: param.value for name, param in NOTEBOOK.items()}
CODE = Archive(body=b"", code_hash="ab" * 32)
RESULT: Any = {"name": "musher-notebook"}

Given = Callable[..., Run]


@pytest.fixture
def given(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Given:
    """Return a function that puts the tasks into a run with changed Params."""

    def make(*, unknown: tuple[str, ...] = (), **changes: Any) -> Run:
        run = Run(
            settings=settings,
            dag_id="notebook_instance",
            run_id="manual__1",
            started_at=datetime(2026, 1, 1, tzinfo=UTC),
            params={**DEFAULTS, **changes},
            unknown_params=unknown,
        )
        monkeypatch.setattr("musher.stages.run.current_run", lambda: run)
        return run

    return make


@pytest.mark.parametrize(
    ("action", "task"),
    [("start", "check_notebook"), ("stop", "stop_notebook"), ("delete", "delete_notebook")],
)
def test_each_action_leads_to_its_task(given: Given, action: str, task: str) -> None:
    given(action=action)
    assert notebook.choose_action.function() == task


def test_a_misspelt_param_is_refused_with_those_that_there_are(given: Given) -> None:
    given(unknown=("idle_minute",))
    with pytest.raises(AirflowFailException, match=r"'idle_minute': no Params of this DAG.*idle_minutes"):
        notebook.choose_action.function()


def test_a_quota_of_none_stops_the_run_before_anything_is_asked_for(
    given: Given, monkeypatch: pytest.MonkeyPatch
) -> None:
    given()
    quotas = {"ml.t3.medium for notebook instance usage": 0.0}
    monkeypatch.setattr(notebook_plan, "look_client", lambda settings, service: service)
    monkeypatch.setattr(notebook_plan, "read_quotas", lambda client, service, names: quotas)
    for check in ("check_roles", "check_passing", "check_bucket"):
        monkeypatch.setattr(notebook_plan, check, lambda settings, **_: [])
    with pytest.raises(AirflowFailException, match=r"needs 1 x ml\.t3\.medium.*is 0\. Ask for more"):
        notebook.check_notebook.function()
    quotas["ml.t3.medium for notebook instance usage"] = 1.0
    assert notebook.check_notebook.function() == {
        "warnings": [],
        "estimate": "notebook instance 1 x ml.t3.medium by the hour: $0.05",
    }


def test_the_requests_are_those_of_the_form(given: Given, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: 1_800_000_000.0)
    run = given(name="ada", instance_type="ml.m5.xlarge", volume_gb=20.0, idle_minutes=30, time_to_live_h=2)
    made = notebook_plan.plan_notebook(run, code=CODE)
    assert made["Notebook"]["NotebookInstanceName"] == "musher-ada"
    assert made["Notebook"]["InstanceType"] == "ml.m5.xlarge"
    assert made["Notebook"]["VolumeSizeInGB"] == 20
    tags = {tag["Key"]: tag["Value"] for tag in made["Notebook"]["Tags"]}
    assert tags == {
        "musher:project": "musher",
        "musher:run": run.slug,
        "musher:expires-at": "2027-01-15T10:00:00+00:00",
    }
    assert made["LifecycleConfig"]["Tags"] == made["Notebook"]["Tags"]
    script = base64.b64decode(made["LifecycleConfig"]["OnStart"][0]["Content"]).decode()
    assert "\nIDLE_MINUTES=30\n" in script
    assert f"\nCODE_VERSION={CODE.code_hash}\n" in script
    assert f"\nCODE_KEY=musher/code/{CODE.code_hash}/notebook.zip\n" in script


def test_a_training_folder_without_the_programs_is_told_of(given: Given, tmp_path: Path) -> None:
    run = given()
    elsewhere = replace(run, settings=replace(run.settings, training_dir=tmp_path))
    with pytest.raises(PayloadError, match=r"on_start.sh cannot be read.*MUSHER_TRAINING_DIR"):
        notebook_plan.plan_notebook(elsewhere, code=CODE)


def test_what_an_instance_unpacks_is_a_program_with_code_and_notebook(settings: Settings) -> None:
    code = pack_notebook_code(folder=settings.training_dir, notebook=settings.notebook_file)
    names = set(zipfile.ZipFile(io.BytesIO(code.body)).namelist())
    assert {"__main__.py", "notebook.ipynb", "train.py", "requirements-notebook.txt"} <= names
    assert {"requirements.txt", "imgclf/images/shards.py"} <= names
    assert not {name for name in names if name.startswith("notebook/")}


def test_no_job_gets_what_only_notebooks_need(settings: Settings) -> None:
    packed = pack_source(folder=settings.training_dir).body
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        names = archive.getnames()
    assert [name for name in names if "notebook" in name] == []


def test_a_folder_without_the_notebook_is_told_of(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match=r"none\.ipynb: missing, and notebook instances need it"):
        pack_notebook_code(folder=settings.training_dir, notebook=tmp_path / "none.ipynb")


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The requests for an address."""
    made: list[dict[str, Any]] = []

    def create(**request: Any) -> dict[str, str]:
        made.append(request)
        return {"AuthorizedUrl": "https://musher-notebook.example/?authToken=secret"}

    client = SimpleNamespace(create_presigned_notebook_instance_url=create)
    monkeypatch.setattr(connection, "sagemaker_hook", lambda settings: SimpleNamespace(conn=client))
    return made


def test_no_address_is_made_unless_the_run_asks_for_one(
    given: Given, asked: list[dict[str, Any]], caplog: pytest.LogCaptureFixture
) -> None:
    given()
    caplog.set_level(logging.INFO)
    assert notebook.open_notebook.function(RESULT) is None
    assert asked == []
    assert "make notebook-url NAME=musher-notebook" in caplog.text


def test_an_address_is_handed_on_and_not_logged(
    given: Given, asked: list[dict[str, Any]], caplog: pytest.LogCaptureFixture
) -> None:
    given(show_url=True)
    caplog.set_level(logging.INFO)
    address = notebook.open_notebook.function(RESULT)
    assert address == {
        "url": "https://musher-notebook.example/?authToken=secret",
        "valid_s": 300,
        "session_s": 28_800,
    }
    assert asked == [
        {"NotebookInstanceName": "musher-notebook", "SessionExpirationDurationInSeconds": 28_800}
    ]
    assert "authToken" not in caplog.text
