"""notebook_instance against instances that run: created, opened, stopped, started, idle, deleted."""

import base64
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests
from airflow.sdk.exceptions import AirflowFailException

from localaws.faults.client import FaultClient
from musher import names
from musher.hooks.connection import sagemaker_hook
from musher.hooks.notebooks import list_notebooks, remove_notebook
from musher.operators.notebooks import DeleteNotebookOperator, StartNotebookOperator, StopNotebookOperator
from musher.params.notebook import NOTEBOOK
from musher.settings import Settings
from musher.stages import notebook as stages
from musher.stages.checks import look_at_all
from musher.stages.notebook_plan import list_checks, plan_notebook, upload_code
from musher.stages.run import Run
from tests.functional.musher.conftest import PROJECT, ROOT, install
from tests.functional.musher.crashes import CRASHES, Crash, cancel_deferred, run_tries
from tests.unit.musher.operators.fakes import FakeTask

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
SPEED = 10
STOP_S = 240.0
"""Real seconds in which an instance that nobody uses stops: its cron looks each 30 of them here."""


@pytest.fixture(scope="module")
def localaws(start_server: Callable[..., Any]) -> Any:
    """A localaws of this module, in which a second counts for ten: cron looks every five minutes."""
    return start_server("--speed", str(SPEED))


@pytest.fixture(scope="module")
def installation(localaws: Any) -> Settings:
    """Both stacks, under a project of their own."""
    settings = install(localaws)
    localaws.client("cloudformation").create_stack(
        StackName=f"{PROJECT}-notebooks",
        TemplateBody=(ROOT / "infra" / "notebooks.yaml").read_text(),
        Parameters=[
            {"ParameterKey": "Project", "ParameterValue": PROJECT},
            {"ParameterKey": "HasAirflowRole", "ParameterValue": "false"},
        ],
        Capabilities=["CAPABILITY_NAMED_IAM"],
    )
    return settings


@pytest.fixture
def own(installation: Settings, tmp_path: Path) -> Settings:
    """The installation with a training folder whose kernel needs no package index."""
    training = tmp_path / "training"
    shutil.copytree(ROOT / "training" / "notebook", training / "notebook")
    (training / "requirements-notebook.txt").write_text("# nothing\n")
    (training / "train.py").write_text("print('trains')\n")
    (tmp_path / "docs").mkdir()
    shutil.copy(ROOT / "docs" / "notebook.ipynb", tmp_path / "docs")
    return replace(installation, training_dir=training)


@pytest.fixture
def run(own: Settings, monkeypatch: pytest.MonkeyPatch) -> Run:
    """The run that the tasks believe to be in."""
    params = {name: param.value for name, param in NOTEBOOK.items()} | {"show_url": True}
    made = Run(
        settings=own,
        dag_id="notebook_instance",
        run_id="manual__1",
        started_at=datetime.now(UTC),
        params=params,
    )
    monkeypatch.setattr("musher.stages.run.current_run", lambda: made)
    return made


@pytest.fixture
def name(run: Run) -> Iterator[str]:
    """The instance's name; it is removed at the end."""
    made = names.notebook(run.settings, name=run.params["name"])
    yield made
    remove_notebook(sagemaker_hook(run.settings), name=made, project=PROJECT, delay_s=0.2)


def requested(run: Run, *, idle_minutes: str = "60") -> dict[str, Any]:
    """Return the run's requests, with a limit that the form does not offer."""
    made: dict[str, Any] = plan_notebook(run, code=upload_code(run.settings))
    [script] = made["LifecycleConfig"]["OnStart"]
    text = base64.b64decode(script["Content"]).decode()
    assert "\nIDLE_MINUTES=60\n" in text
    text = text.replace("\nIDLE_MINUTES=60\n", f"\nIDLE_MINUTES={idle_minutes}\n")
    script["Content"] = base64.b64encode(text.encode()).decode()
    return made


def execute(operator: Any, settings: Settings) -> Any:
    """Run an operator to its end."""
    operator.__dict__["settings"] = settings
    return operator.execute(FakeTask().context())


def enter(url: str) -> tuple[requests.Session, str]:
    """Open a presigned address as a browser does; return the session and the server's address."""
    session = requests.Session()
    answer = session.get(url, timeout=30)
    assert answer.status_code == 200
    return session, url.partition("/session")[0]


def wait_for(look: Callable[[], Any], *, limit_s: float) -> Any:
    """Look until there is something."""
    over = time.monotonic() + limit_s
    while not (found := look()):
        assert time.monotonic() < over, f"not there in {limit_s:.0f} s"
        time.sleep(0.5)
    return found


def test_an_instance_lives_from_its_creation_to_its_end(run: Run, name: str) -> None:
    settings = run.settings
    hook = sagemaker_hook(settings)
    asked = requested(run)
    result = execute(StartNotebookOperator(task_id="a", config=asked), settings)
    assert result["name"] == name
    assert execute(StartNotebookOperator(task_id="a", config=asked), settings)["seconds"] < 5
    assert [found["NotebookInstanceName"] for found in list_notebooks(hook, prefix=f"{PROJECT}-")] == [name]

    address = stages.open_notebook.function(result)
    session, base = enter(address["url"])
    folder = f"musher-{upload_code(settings).code_hash[:8]}"

    def kernel() -> Any:
        specs = session.get(f"{base}/api/kernelspecs", timeout=30).json()["kernelspecs"]
        return specs.get("musher")

    spec = wait_for(kernel, limit_s=120)
    assert spec["spec"]["env"]["MUSHER_ENDPOINT"] == names.live_endpoint(settings)
    inside = {
        found["name"] for found in session.get(f"{base}/api/contents/{folder}", timeout=30).json()["content"]
    }
    assert {"notebook.ipynb", "train.py"} <= inside

    assert execute(StopNotebookOperator(task_id="a", name="notebook"), settings) is True
    impatient = requested(run, idle_minutes="0.5")
    again = execute(StartNotebookOperator(task_id="a", config=impatient), settings)
    session, base = enter(stages.open_notebook.function(again)["url"])
    assert session.get(f"{base}/api/contents/{folder}/train.py", timeout=30).status_code == 200

    wait_for(lambda: hook.find_notebook(name)["NotebookInstanceStatus"] == "Stopped", limit_s=STOP_S)
    assert execute(DeleteNotebookOperator(task_id="a", name="notebook"), settings) is True
    assert hook.find_notebook(name) is None
    assert hook.find_lifecycle_config(name) is None


def test_a_script_that_fails_is_shown_and_the_next_start_mends_it(
    run: Run, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    broken = requested(run)
    script = base64.b64encode(b"#!/bin/bash\necho 'no such disk'\nexit 3\n").decode()
    broken["LifecycleConfig"]["OnStart"] = [{"Content": script}]
    with pytest.raises(AirflowFailException, match="is not in service"):
        execute(StartNotebookOperator(task_id="a", config=broken), run.settings)
    assert "no such disk" in caplog.text
    assert execute(StartNotebookOperator(task_id="a", config=requested(run)), run.settings)["name"] == name


def tries_of(operator_class: type[Any], settings: Settings, **arguments: Any) -> Callable[[Any], Any]:
    """Return a function that makes one try of a task, with an operator of its own as each process has."""

    def run_once(context: Any) -> Any:
        operator = operator_class(task_id="a", **arguments)
        operator.__dict__["settings"] = settings
        return operator.execute(context)

    return run_once


@pytest.mark.parametrize("how", CRASHES)
@pytest.mark.parametrize("action", ["CreateNotebookInstanceLifecycleConfig", "CreateNotebookInstance"])
def test_an_instance_is_made_once_and_a_cancel_leaves_what_is_under_way(
    action: str, how: str, run: Run, name: str, fault_rules: FaultClient
) -> None:
    start = tries_of(StartNotebookOperator, run.settings, config=requested(run), deferrable=True)
    with Crash(fault_rules).watching() as crash:
        crash.after(how=how, service="sagemaker", action=action)
        trigger = run_tries(start)
        assert crash.happened(how=how, action=action)
        assert crash.count(action) == 1
    cancel_deferred(trigger)
    found = sagemaker_hook(run.settings).find_notebook(name)
    assert found is not None
    assert found["NotebookInstanceStatus"] in ("Pending", "InService")


@pytest.mark.parametrize("how", CRASHES)
def test_an_instance_is_stopped_started_and_deleted_whatever_breaks(
    how: str, run: Run, name: str, fault_rules: FaultClient
) -> None:
    settings, hook, asked = run.settings, sagemaker_hook(run.settings), requested(run)
    tries_of(StartNotebookOperator, settings, config=asked)(FakeTask().context())
    larger = {**asked, "Notebook": {**asked["Notebook"], "InstanceType": "ml.t3.large"}}
    start = tries_of(StartNotebookOperator, settings, config=larger)
    steps: list[tuple[str, Callable[[Any], Any], str]] = [
        ("StopNotebookInstance", tries_of(StopNotebookOperator, settings, name="notebook"), "Stopped"),
        ("UpdateNotebookInstance", start, "InService"),
        ("StopNotebookInstance", tries_of(StopNotebookOperator, settings, name="notebook"), "Stopped"),
        ("StartNotebookInstance", start, "InService"),
    ]
    for action, step, status in steps:
        with Crash(fault_rules).watching() as crash:
            crash.after(how=how, service="sagemaker", action=action)
            run_tries(step)
            assert crash.happened(how=how, action=action)
        assert (hook.find_notebook(name) or {})["NotebookInstanceStatus"] == status
        fault_rules.clear()
    with Crash(fault_rules).watching() as crash:
        crash.after(how=how, service="sagemaker", action="DeleteNotebookInstance")
        run_tries(tries_of(DeleteNotebookOperator, settings, name="notebook"))
        assert crash.happened(how=how, action="DeleteNotebookInstance")
    assert hook.find_notebook(name) is None
    assert hook.find_lifecycle_config(name) is None


def test_preflight_passes_where_both_stacks_are(run: Run) -> None:
    problems, warnings = look_at_all(list_checks(run))
    assert problems == []
    assert {warning.split(" (")[0] for warning in warnings} <= {"quotas", "passing roles"}
