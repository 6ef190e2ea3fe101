"""Musher's operators against jobs, endpoints and functions that really run."""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException

from musher import names
from musher.hooks.connection import lambda_hook, s3_hook, sagemaker_hook
from musher.hooks.endpoints import remove_endpoint, remove_versions
from musher.hooks.objects import upload_once
from musher.operators.endpoints import DeployEndpointOperator
from musher.operators.functions import DeployFunctionOperator
from musher.operators.training import RunTrainingJobOperator
from musher.packaging import pack_function, pack_source
from musher.payloads.endpoints import EndpointPlan, build_endpoint
from musher.payloads.functions import FunctionPlan, build_function
from musher.payloads.tags import resource_tags
from musher.payloads.training import TrainingPlan, build_training_job
from musher.settings import Settings
from tests.unit.musher.operators.fakes import FakeTask

Make = Callable[..., Any]

WRITES_A_MODEL = """
import os, pathlib
pathlib.Path(os.environ["SM_MODEL_DIR"], "model.txt").write_text("weights")
print("all is well", flush=True)
"""
EXITS_1 = """
import sys
print("reading data", flush=True)
sys.exit("no such class: wolf")
"""
IS_KILLED = "import os, signal\nprint('growing', flush=True)\nos.kill(os.getpid(), signal.SIGKILL)\n"
NEVER_ENDS = "import time\nprint('sleeping', flush=True)\ntime.sleep(300)\n"


def tags(settings: Settings) -> dict[str, str]:
    """Return the tags of a run that begins now."""
    return resource_tags(settings, slug="0123abcd", started_at=datetime.now(UTC))


@pytest.fixture
def request_for(installation: Settings, tmp_path: Path) -> Make:
    """Return a function that uploads a script and returns the request of a job that runs it."""

    def make(script: str, *, max_runtime_s: int = 60) -> dict[str, Any]:
        (tmp_path / "train.py").write_text(script)
        hook = s3_hook(installation)
        archive = pack_source(folder=tmp_path)
        key = names.source_key(installation, code_hash=archive.code_hash)
        source_uri = upload_once(hook, installation, key=key, data=archive.body)
        upload_once(hook, installation, key=f"{installation.project}/data/a.txt", data=b"data")
        plan = TrainingPlan(
            job_name=names.training_job(installation, slug=uuid.uuid4().hex[:8]),
            source_uri=source_uri,
            channels={"train": names.s3_uri(installation, key=f"{installation.project}/data/")},
            hyperparameters={},
            instance_type="ml.m5.xlarge",
            instance_count=1,
            max_runtime_s=max_runtime_s,
            metric_definitions=[],
            tags=tags(installation),
        )
        return build_training_job(installation, plan=plan)

    return make


def test_a_job_is_run_adopted_and_tagged(
    installation: Settings, request_for: Make, with_settings: Make, airflow_task: FakeTask
) -> None:
    request = request_for(WRITES_A_MODEL)
    first = with_settings(RunTrainingJobOperator(task_id="a", config=request)).execute(airflow_task.context())
    again = with_settings(RunTrainingJobOperator(task_id="b", config=request)).execute(airflow_task.retry())
    assert first == again
    assert first["model_uri"].endswith(f"/{request['TrainingJobName']}/output/model.tar.gz")
    assert first["billable_seconds"] >= 0
    described = sagemaker_hook(installation).find_training_job(request["TrainingJobName"])
    assert described
    stored = sagemaker_hook(installation).conn.list_tags(ResourceArn=described["TrainingJobArn"])["Tags"]
    assert {tag["Key"] for tag in stored} == {"musher:project", "musher:run", "musher:expires-at"}


@pytest.mark.parametrize(
    ("script", "max_runtime_s", "said"),
    [
        (EXITS_1, 60, ["is Failed", "[algo-1] no such class: wolf"]),
        (IS_KILLED, 60, ["is Failed", "[algo-1] growing"]),
        (NEVER_ENDS, 1, ["is Stopped", "[algo-1] sleeping"]),
    ],
    ids=["exits-1", "is-killed", "runs-past-its-limit"],
)
def test_a_job_that_ends_badly_is_explained(
    script: str,
    max_runtime_s: int,
    said: list[str],
    request_for: Make,
    with_settings: Make,
    airflow_task: FakeTask,
    caplog: pytest.LogCaptureFixture,
) -> None:
    request = request_for(script, max_runtime_s=max_runtime_s)
    operator = with_settings(RunTrainingJobOperator(task_id="run_job", config=request))
    with pytest.raises(AirflowFailException):
        operator.execute(airflow_task.context())
    for text in [request["TrainingJobName"], *said, "then clear this task"]:
        assert text in caplog.text


def test_a_cleared_task_starts_the_next_attempt_with_corrected_code(
    request_for: Make, with_settings: Make, airflow_task: FakeTask
) -> None:
    request = request_for(EXITS_1)
    with pytest.raises(AirflowFailException):
        with_settings(RunTrainingJobOperator(task_id="a", config=request)).execute(airflow_task.context())
    corrected = {**request_for(WRITES_A_MODEL), "TrainingJobName": request["TrainingJobName"]}
    cleared = with_settings(RunTrainingJobOperator(task_id="b", config=corrected))
    result = cleared.execute(airflow_task.clear())
    assert (result["job_name"], result["status"]) == (f"{request['TrainingJobName']}-2", "Completed")


def endpoint_of(installation: Settings, *, name: str, model_uri: str) -> Any:
    """Return the requests of an endpoint, all under one name."""
    plan = EndpointPlan(
        model_name=name,
        endpoint_config_name=name,
        endpoint_name=name,
        image=installation.model_image or "registry/serve:1",
        model_uri=model_uri,
        package_arn="arn:any",
        instance_type="ml.m5.large",
        instance_count=1,
        tags=tags(installation),
    )
    return build_endpoint(installation, plan=plan)


def test_an_endpoint_that_is_still_creating_is_removed_once_it_may_be(
    installation: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    """DeleteEndpoint is refused until then, here as on AWS."""
    caplog.set_level("INFO", logger="musher")
    key = f"{installation.project}/jobs/no-archive"
    model_uri = upload_once(s3_hook(installation), installation, key=key, data=b"none")
    name = names.endpoint(installation, slug=uuid.uuid4().hex[:8])
    config, hook = endpoint_of(installation, name=name, model_uri=model_uri), sagemaker_hook(installation)
    hook.conn.create_model(**config["Model"])
    hook.conn.create_endpoint_config(**config["EndpointConfig"])
    hook.conn.create_endpoint(**config["Endpoint"])
    assert remove_endpoint(hook, name=name, delay_s=0.1)
    assert hook.find_endpoint(name) is None
    for kind in ("EndpointConfig", "Model"):
        assert remove_versions(hook, kind=kind, prefix=name) == [name]
    asked, removed = f"{name}: asked AWS to delete the endpoint", f"endpoint {name}: removed"
    assert caplog.messages.index(asked) < caplog.messages.index(removed)


def test_a_model_that_cannot_be_loaded_fails_with_reason_and_log(
    installation: Settings, request_for: Make, with_settings: Make, airflow_task: FakeTask
) -> None:
    """Its archive holds no serving code, so no container answers /ping."""
    job = with_settings(RunTrainingJobOperator(task_id="a", config=request_for(WRITES_A_MODEL))).execute(
        airflow_task.context()
    )
    name = names.endpoint(installation, slug=uuid.uuid4().hex[:8])
    config = endpoint_of(installation, name=name, model_uri=job["model_uri"])
    operator = with_settings(DeployEndpointOperator(task_id="run_endpoint", config=config))
    with pytest.raises(AirflowFailException, match=f"Endpoint {name} is not in service: .*"):
        operator.execute(airflow_task.context())
    hook = sagemaker_hook(installation)
    for was_there in (True, False):
        assert remove_endpoint(hook, name=name, delay_s=0.1) is was_there
        for kind in ("EndpointConfig", "Model"):
            assert remove_versions(hook, kind=kind, prefix=name) == [name] * was_there


def test_a_function_is_created_then_updated(
    installation: Settings, with_settings: Make, airflow_task: FakeTask
) -> None:
    archive = pack_function(folder=installation.lambda_dir)
    key = names.function_key(installation, code_hash=archive.code_hash)
    upload_once(s3_hook(installation), installation, key=key, data=archive.body)
    name = names.function(installation, slug=uuid.uuid4().hex[:8])
    for endpoint_name, version in (("one", "1"), ("two", "2")):
        plan = FunctionPlan(name=name, code_key=key, endpoint_name=endpoint_name, tags=tags(installation))
        concurrency = {"reserved": 2, "provisioned": 0}
        config = {"Function": build_function(installation, plan=plan), "Concurrency": concurrency}
        operator = with_settings(DeployFunctionOperator(task_id="f", config=config, alias="live"))
        result = operator.execute(airflow_task.context())
        assert (result["function_name"], result["version"]) == (name, version)
    found = lambda_hook(installation).find_function(name)
    assert found
    assert found["Environment"]["Variables"] == {"ENDPOINT_NAME": "two"}
    lambda_hook(installation).conn.delete_function(FunctionName=name)
    assert lambda_hook(installation).find_function(name) is None
