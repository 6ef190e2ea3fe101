"""The live endpoint and function over several runs, with instances that really serve."""

import base64
import json
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException
from botocore.exceptions import ClientError

from musher import names
from musher.hooks.concurrency import list_provisioned, read_reserved
from musher.hooks.connection import autoscaling_hook, lambda_hook, s3_hook, sagemaker_hook
from musher.hooks.functions import remove_function
from musher.hooks.objects import upload_once
from musher.hooks.releases import (
    confirm_alias,
    confirm_endpoint,
    put_alias_back,
    put_endpoint_back,
    read_endpoint,
)
from musher.operators.endpoints import DeployEndpointOperator
from musher.operators.functions import DeployFunctionOperator
from musher.packaging import pack_function
from musher.payloads.alarms import AlarmLimits, build_alarms
from musher.payloads.autoscaling import place
from musher.payloads.endpoints import EndpointPlan, build_endpoint
from musher.payloads.functions import FunctionPlan, build_function
from musher.payloads.tags import live_tags
from musher.payloads.updates import UpdatePolicy, build_update
from musher.settings import Settings
from musher.stages import releases
from tests.archives import pack
from tests.functional.musher.scripts import serve_script
from tests.unit.musher.operators.fakes import FakeTask

Make = Callable[..., Any]

SERVES = serve_script('b"NAME"')
SHARED = {"reserved": None, "provisioned": 0}
QUICKLY: Any = {"delay_s": 0.1, "end_watch": lambda: None}
IS_BROKEN = "import sys\nsys.exit('no labels.json')\n"


@pytest.fixture(scope="module")
def project(localaws: Any, installation: Settings) -> Settings:
    """An installation whose live endpoint and function are this module's alone."""
    return installation


@pytest.fixture
def release(project: Settings, with_settings: Make, localaws: Any) -> Make:
    """Return a function that deploys a model to the live endpoint as one run does; it returns the result."""

    def make(
        answer: str,
        *,
        slug: str,
        script: str = SERVES,
        capture_percent: int = 0,
        instance_type: str = "ml.m5.large",
    ) -> Any:
        archive = pack({"code/serve.py": script.replace("NAME", answer), "name.txt": answer})
        key = f"{project.project}/jobs/{slug}/model.tar.gz"
        model_uri = upload_once(s3_hook(project), project, key=key, data=archive)
        version = names.endpoint_version(project, slug=slug, content_hash="89abcdef")
        endpoint = names.live_endpoint(project)
        plan = EndpointPlan(
            model_name=version,
            endpoint_config_name=version,
            endpoint_name=endpoint,
            image="registry/serve:1",
            model_uri=model_uri,
            package_arn="arn:any",
            instance_type=instance_type,
            instance_count=1,
            capture_percent=capture_percent,
            tags=live_tags(project, slug=slug),
        )
        limits = AlarmLimits(max_error_percent=5, max_latency_ms=2000)
        alarms = build_alarms(project, slug=slug, limits=limits)
        policy = UpdatePolicy(
            kind="all_at_once", share_percent=50, bake_s=0, alarms=tuple(a["AlarmName"] for a in alarms)
        )
        update = build_update(
            endpoint_name=endpoint, endpoint_config_name=version, policy=policy, instances=1
        )
        config = {**build_endpoint(project, plan=plan), "Update": update, "Alarms": alarms}
        operator = with_settings(DeployEndpointOperator(task_id="run_endpoint", config=config))
        return operator.execute(FakeTask().context())

    return make


@pytest.fixture
def ask(project: Settings, localaws: Any) -> Callable[[], str]:
    """Return a function that says what the live endpoint answers."""

    def call() -> str:
        runtime = localaws.client("sagemaker-runtime")
        answer = runtime.invoke_endpoint(EndpointName=names.live_endpoint(project), Body=b"x")
        return str(answer["Body"].read().decode())

    return call


@pytest.fixture
def as_run(project: Settings, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Return a function that lets the DAGs' tasks believe that they are in a run with these Params."""

    def make(**params: Any) -> None:
        run = SimpleNamespace(settings=project, params=params)
        monkeypatch.setattr(releases, "current_run", lambda: run)

    return make


def roll_back_endpoint() -> Any:
    """Go back as the DAG's tasks do, the second one twice: as a retry goes."""
    target = releases.choose_target.function()
    releases.roll_back_endpoint.function(target)
    return releases.roll_back_endpoint.function(target)


def roll_back_function() -> Any:
    """Choose, and move the function's alias twice, as a retry does."""
    settings = releases.current_run().settings
    current, previous = releases.find_function_versions(lambda_hook(settings), settings)
    target = {"config_name": "any", "function_version": previous, "replaced_version": current}
    releases.roll_back_function.function(target)
    return releases.roll_back_function.function(target)


def put_serving_back(project: Settings, *, versions: str) -> list[str]:
    """Undo a run's release of the endpoint."""
    hook, scaler = sagemaker_hook(project), autoscaling_hook(project)
    name = names.live_endpoint(project)
    return put_endpoint_back(hook, name=name, versions=versions, scaler=scaler, **QUICKLY)


def put_back(hook: Any, *, name: str, slug: str) -> list[str]:
    """Undo a run's release of a function for which no alarm was made."""
    return put_alias_back(hook, name=name, slug=slug, end_scaling=lambda: None, **QUICKLY)


@pytest.fixture
def function(project: Settings, with_settings: Make) -> Make:
    """Return a function that releases the live function as one run does; it returns the result."""

    def make(endpoint_name: str, *, slug: str, concurrency: dict[str, Any] | None = None) -> Any:
        archive = pack_function(folder=project.lambda_dir)
        key = names.function_key(project, code_hash=archive.code_hash)
        upload_once(s3_hook(project), project, key=key, data=archive.body)
        plan = FunctionPlan(
            name=names.live_function(project),
            code_key=key,
            endpoint_name=endpoint_name,
            tags=live_tags(project, slug=slug),
        )
        config = {"Function": build_function(project, plan=plan), "Concurrency": concurrency or SHARED}
        operator = with_settings(DeployFunctionOperator(task_id="f", config=config, alias="live"))
        return operator.execute(FakeTask().context())

    return make


def test_an_endpoint_lives_through_releases_a_failure_roll_backs_and_its_retirement(
    project: Settings,
    release: Make,
    ask: Callable[[], str],
    as_run: Make,
    localaws: Any,
) -> None:
    hook, name = sagemaker_hook(project), names.live_endpoint(project)
    first, second, third = (uuid.uuid4().hex[:8] for _ in range(3))
    one = release("one", slug=first)
    assert (one["previous_config_name"], ask()) == (None, "one")
    two = release("two", slug=second)
    assert (two["previous_config_name"], ask()) == (one["config_name"], "two")

    with pytest.raises(AirflowFailException, match="was taken back"):
        release("three", slug=third, script=IS_BROKEN)
    assert ask() == "two"
    assert put_serving_back(project, versions=f"{project.project}-{third}-") == []

    versions = names.endpoint_versions(project, slug=second)
    done = put_serving_back(project, versions=versions)
    assert done == [f"{two['config_name']} from {name}: {one['config_name']} serves again"]
    assert ask() == "one"
    assert put_serving_back(project, versions=versions) == []

    confirm_endpoint(hook, name=name, versions=versions)
    as_run(version=two["config_name"])
    assert (roll_back_endpoint(), ask()) == (two["config_name"], "two")
    assert put_serving_back(project, versions=versions) == []
    assert ask() == "two"
    as_run(version=None)
    assert (roll_back_endpoint(), ask()) == (one["config_name"], "one")
    with pytest.raises(AirflowFailException, match="is the first that serves"):
        roll_back_endpoint()
    as_run(version=one["config_name"])
    with pytest.raises(AirflowFailException, match=r"serves on .* already"):
        roll_back_endpoint()
    as_run(version="no-such-one")
    with pytest.raises(AirflowFailException, match="There is no endpoint configuration no-such-one"):
        roll_back_endpoint()

    removed = releases.retire.function()
    assert f"endpoint {name}" in removed
    assert {f"Model {found['config_name']}" for found in (one, two)} <= set(removed)
    assert f"{project.project}-live-errors" in removed
    assert read_endpoint(hook, name=name) is None
    assert releases.retire.function() == []
    with pytest.raises(AirflowFailException, match="nothing is live"):
        roll_back_endpoint()


@pytest.mark.slow
@pytest.mark.timeout(500)
def test_instances_of_another_type_come_and_go_where_an_endpoint_scales(
    project: Settings, release: Make, ask: Callable[[], str], as_run: Make, localaws: Any
) -> None:
    """AWS refuses that to what scales, as localaws does, so the scaling ends first."""
    scaler, where = autoscaling_hook(project), place(names.live_endpoint(project))
    as_run(version=None)
    one = release("one", slug=uuid.uuid4().hex[:8])
    scaler.conn.register_scalable_target(**where, MinCapacity=1, MaxCapacity=2)
    two = release("two", slug=uuid.uuid4().hex[:8], instance_type="ml.c5.large")
    assert ask() == "two"
    scaler.conn.register_scalable_target(**where, MinCapacity=1, MaxCapacity=2)
    request = {"EndpointName": one["name"], "EndpointConfigName": one["config_name"]}
    with pytest.raises(ClientError, match=r"ValidationException.* is a scalable target"):
        localaws.client("sagemaker").update_endpoint(**request)
    versions = two["config_name"]
    assert put_serving_back(project, versions=versions) == [
        f"{versions} from {one['name']}: {one['config_name']} serves again"
    ]
    assert ask() == "one"
    releases.retire.function()


@pytest.mark.slow
@pytest.mark.timeout(500)
def test_requests_are_captured_until_what_served_before_is_put_back(
    project: Settings,
    release: Make,
    ask: Callable[[], str],
    as_run: Make,
    localaws: Any,
    caplog: pytest.LogCaptureFixture,
) -> None:
    name, s3 = names.live_endpoint(project), localaws.client("s3")
    as_run(version=None)
    assert release("one", slug=uuid.uuid4().hex[:8])["captures_uri"] is None
    two = release("two", slug=uuid.uuid4().hex[:8], capture_percent=100)
    captures = names.captures_uri(project, endpoint_name=name)
    assert two["captures_uri"] == captures
    ask()
    found: list[Any] = []
    deadline = time.monotonic() + 90
    while not found and time.monotonic() < deadline:
        time.sleep(0.5)
        bucket, prefix = names.split_s3_uri(captures)
        found = s3.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", [])
    [file] = found
    line = json.loads(s3.get_object(Bucket=bucket, Key=file["Key"])["Body"].read())
    assert base64.b64decode(line["captureData"]["endpointInput"]["data"]) == b"x"
    assert base64.b64decode(line["captureData"]["endpointOutput"]["data"]) == b"two"

    roll_back_endpoint()
    assert "DataCaptureConfig" not in localaws.client("sagemaker").describe_endpoint(EndpointName=name)
    releases.retire.function()
    assert f"requests and answers stays: {captures}" in caplog.text


def test_a_first_release_that_fails_leaves_no_endpoint_and_one_that_was_good_is_left_alone(
    project: Settings, release: Make, ask: Callable[[], str], as_run: Make
) -> None:
    slug, name, hook = uuid.uuid4().hex[:8], names.live_endpoint(project), sagemaker_hook(project)
    as_run(version=None)
    release("one", slug=slug)
    versions = names.endpoint_versions(project, slug=slug)
    confirm_endpoint(hook, name=name, versions=versions)
    assert put_serving_back(project, versions=versions) == []
    assert ask() == "one"
    releases.retire.function()

    release("one", slug=slug)
    done = put_serving_back(project, versions=versions)
    assert done == [f"endpoint {name}, before which nothing served"]
    assert hook.find_endpoint(name) is None
    releases.retire.function()


def test_a_function_s_alias_is_put_back_and_one_that_the_run_made_is_removed(
    project: Settings, function: Make, as_run: Make
) -> None:
    hook, name = lambda_hook(project), names.live_function(project)
    first, second = (uuid.uuid4().hex[:8] for _ in range(2))

    def version() -> str:
        alias = hook.find_alias(name, alias=names.LIVE_ALIAS)
        return str(alias and alias["FunctionVersion"])

    def undo(slug: str) -> list[str]:
        return put_back(hook, name=name, slug=slug)

    assert function("one", slug=first)["version"] == "1"
    assert function("two", slug=second)["previous_version"] == "1"
    assert put_back(hook, name=name, slug=first) == []
    assert put_back(hook, name=name, slug=second) == [f"version 2 from {name}: 1 answers again"]
    assert version() == "1"
    assert put_back(hook, name=name, slug=second) == []

    third = function("two", slug=second)["version"]
    as_run(version=None)
    for answers in ("1", third):
        assert roll_back_function() == answers
        assert version() == answers
    releases.retire.function()

    function("one", slug=first)
    assert put_back(hook, name=name, slug=first) == [f"function {name}, which the run had made"]
    assert hook.find_function(name) is None
    function("one", slug=first)
    confirm_alias(hook, name=name)
    assert put_back(hook, name=name, slug=first) == []
    assert function("two", slug=second)["version"] == "2"
    assert put_back(hook, name=name, slug=second) == [f"version 2 from {name}: 1 answers again"]
    releases.retire.function()
    assert roll_back_function() is None
    releases.retire.function()


@pytest.mark.slow
@pytest.mark.timeout(500)
def test_a_version_is_warm_while_it_is_live_and_a_version_that_does_not_start_never_is(
    project: Settings, function: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    hook, name = lambda_hook(project), names.live_function(project)
    first, second, third = (uuid.uuid4().hex[:8] for _ in range(3))
    wanted = {"reserved": 3, "provisioned": 2}

    def state() -> tuple[int | None, dict[str, tuple[str, int]]]:
        found = list_provisioned(hook, name=name)
        counts = {
            version: (config["Status"], config["AllocatedProvisionedConcurrentExecutions"])
            for version, config in found.items()
        }
        return read_reserved(hook, name=name), counts

    result = function("one", slug=first, concurrency=wanted)
    assert (result["reserved"], result["provisioned"]) == (3, 2)
    assert state() == (3, {"1": ("READY", 2)})
    function("two", slug=second, concurrency=wanted)
    assert state() == (3, {"2": ("READY", 2)})
    done = put_back(hook, name=name, slug=second)
    assert done == [f"version 2 from {name}: 1 answers again"]
    assert state() == (3, {"1": ("READY", 2)})

    (tmp_path / "musher_lambda.py").write_text("raise RuntimeError('not here')")
    broken = pack_function(folder=tmp_path)
    monkeypatch.setattr(f"{__name__}.pack_function", lambda **_: broken)
    with pytest.raises(AirflowFailException, match="FUNCTION_ERROR_INIT_FAILURE, the function fails when"):
        function("three", slug=third, concurrency=wanted)
    done = put_back(hook, name=name, slug=third)
    assert done == [f"concurrency of {name}, which it had before"]
    assert state() == (3, {"1": ("READY", 2)})
    too_much = {"reserved": 901, "provisioned": 0}
    with pytest.raises(AirflowFailException, match=r"PutFunctionConcurrency .*below its minimum value"):
        function("one", slug=first, concurrency=too_much)
    remove_function(hook, name=name)
