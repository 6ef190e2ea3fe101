"""Serverless and asynchronous endpoints through the stages, with processes that really serve."""

import json
import time
from collections.abc import Callable, Generator
from datetime import UTC, datetime
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException

from musher.hooks.connection import s3_hook, sagemaker_hook
from musher.hooks.endpoints import find_kind
from musher.hooks.objects import has_objects, upload, upload_once
from musher.operators.endpoints import DeployEndpointOperator
from musher.params.form import FORM
from musher.payloads.endpoint_kinds import plan_kind
from musher.payloads.endpoints import EndpointPlan, build_endpoint
from musher.settings import Settings
from musher.stages import autoscale, releases, smoke_test
from musher.stages.endpoint_plan import name_version, request_update
from musher.stages.kind_checks import other_kind
from musher.stages.run import Run
from tests.archives import pack
from tests.functional.musher.conftest import install
from tests.functional.musher.scripts import serve_script
from tests.unit.musher.operators.fakes import FakeTask

pytestmark = pytest.mark.slow

Make = Callable[..., Any]
DEFAULTS = {name: param.value for name, param in FORM.items()}
WAIT_S = 240.0
SERVES = serve_script(
    'b"" if body == b"broken" else b"[[LOGITS]]"', status='500 if body == b"broken" else 200'
)
ASYNC = {
    "endpoint_kind": "async",
    "autoscale_min": 0,
    "autoscale_max": 1,
    "autoscale_metric": "backlog",
    "autoscale_target": 5,
}


@pytest.fixture(scope="module")
def localaws(start_server: Any) -> Any:
    """A localaws whose second is an AWS minute."""
    return start_server("--speed", "60")


@pytest.fixture(scope="module")
def installation(localaws: Any) -> Settings:
    """The bootstrap template there."""
    return install(localaws)


@pytest.fixture
def retired(connection: None, installation: Settings) -> Generator[None, None, None]:
    """Nothing live afterwards."""
    yield
    for removal in releases.live_deployment(installation):
        removal.remove()


@pytest.fixture
def as_run(installation: Settings, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Run]:
    """Return a function that lets the stages believe that they are in a live run with these Params."""

    def make(number: int, **changes: Any) -> Run:
        run = Run(
            settings=installation,
            dag_id="operationalize_model",
            run_id=f"manual__{number}",
            started_at=datetime(2026, 1, 1, tzinfo=UTC),
            params={**DEFAULTS, **changes},
        )
        for module in (autoscale, smoke_test):
            monkeypatch.setattr(module, "current_run", lambda: run)
        return run

    return make


@pytest.fixture
def deploy(with_settings: Make) -> Callable[..., Any]:
    """Return a function that brings a model to the live endpoint as the stage does; it returns the result."""

    def make(run: Run, *, logits: str) -> Any:
        settings = run.settings
        archive = pack({"code/serve.py": SERVES.replace("LOGITS", logits)})
        key = f"{settings.project}/jobs/{run.slug}/model.tar.gz"
        model_uri = upload_once(s3_hook(settings), settings, key=key, data=archive)
        version = name_version(run, model_uri=model_uri, image_uri="registry/serve:1")
        plan = EndpointPlan(
            model_name=version,
            endpoint_config_name=version,
            endpoint_name=run.endpoint_name,
            image="registry/serve:1",
            model_uri=model_uri,
            package_arn="arn:any",
            instance_type=run.params["endpoint_instance_type"],
            instance_count=run.params["endpoint_instance_count"],
            kind=plan_kind(run.params),
            tags=run.deployment_tags,
        )
        config = {**build_endpoint(settings, plan=plan), **request_update(run, config_name=version)}
        operator = with_settings(DeployEndpointOperator(task_id="run_endpoint", config=config))
        return operator.execute(FakeTask().context())

    return make


@pytest.fixture
def dataset(installation: Settings, connection: None) -> Any:
    """A staged data set of two images."""
    hook, folder = s3_hook(installation), f"{installation.project}/datasets/d"
    samples = []
    for truth in ("cat", "dog"):  # of the same name in two classes
        key = f"{folder}/samples/{truth}/1.jpg"
        upload(hook, installation, key=key, data=truth.encode(), content_type="image/jpeg")
        samples.append({"key": key, "truth": truth})
    manifest = json.dumps({"classes": ["cat", "dog"]}).encode()
    uri = upload(
        hook, installation, key=f"{folder}/manifest.json", data=manifest, content_type="application/json"
    )
    return {"samples": samples, "manifest_uri": uri}


def wait_for_instances(localaws: Any, name: str, *, count: int) -> None:
    """Wait until an endpoint has so many instances, and rests."""
    deadline = time.monotonic() + WAIT_S
    while True:
        found = localaws.client("sagemaker").describe_endpoint(EndpointName=name)
        [variant] = found["ProductionVariants"]
        if variant["CurrentInstanceCount"] == count and found["EndpointStatus"] == "InService":
            return
        assert time.monotonic() < deadline, variant
        time.sleep(0.1)


def test_an_asynchronous_endpoint_sleeps_wakes_for_a_request_and_is_updated_in_its_sleep(
    localaws: Any, as_run: Any, deploy: Any, dataset: Any, retired: None
) -> None:
    run = as_run(1, **ASYNC)
    endpoint = deploy(run, logits="0.0, 4.0")
    assert (endpoint["kind"], endpoint["instances"]) == ("async", 1)
    answers = smoke_test.smoke_test.function(None, dataset)["answers"]
    assert [(answer["truth"], answer["predicted"]) for answer in answers] == [("cat", "dog"), ("dog", "dog")]
    scaling = autoscale.autoscale.function(endpoint)
    assert scaling["alarms"][-1] == f"{endpoint['name']}-wake"
    wait_for_instances(localaws, endpoint["name"], count=0)
    answers = smoke_test.smoke_test.function(None, dataset)["answers"]
    assert [answer["predicted"] for answer in answers] == ["dog", "dog"]
    wait_for_instances(localaws, endpoint["name"], count=0)
    later = as_run(2, **ASYNC)
    updated = deploy(later, logits="4.0, 0.0")
    assert (updated["previous_config_name"], updated["instances"]) == (endpoint["config_name"], 1)
    answers = smoke_test.smoke_test.function(None, dataset)["answers"]
    assert [answer["predicted"] for answer in answers] == ["cat", "cat"]
    client = s3_hook(run.settings).get_conn()
    assert [has_objects(client, uri=uri) for uri in releases.list_kept(run.settings)] == [False, True, True]


def test_an_image_that_the_model_fails_on_ends_the_smoke_test_with_its_reason(
    as_run: Any, deploy: Any, dataset: Any, installation: Settings, retired: None
) -> None:
    deploy(as_run(3, **ASYNC), logits="0.0, 4.0")
    [sample, _] = dataset["samples"]
    broken = sample["key"].replace("1.jpg", "2.jpg")
    upload(s3_hook(installation), installation, key=broken, data=b"broken", content_type="image/jpeg")
    with pytest.raises(AirflowFailException, match=r"failed on a test image: .*server error \(500\)"):
        smoke_test.smoke_test.function(None, dataset | {"samples": [{**sample, "key": broken}]})


def test_a_serverless_endpoint_is_updated_under_its_alarms_and_becomes_no_other_kind(
    localaws: Any, as_run: Any, deploy: Any, installation: Settings, retired: None
) -> None:
    serverless = {"endpoint_kind": "serverless", "serverless_concurrency": 2, "serverless_provisioned": 1}
    endpoint = deploy(as_run(4, **serverless), logits="0.0, 4.0")
    assert (endpoint["kind"], endpoint["instance_type"], endpoint["instances"]) == ("serverless", None, None)
    assert autoscale.autoscale.function(endpoint) is None
    later = as_run(5, **serverless)
    assert other_kind(later) == []
    updated = deploy(later, logits="4.0, 0.0")
    assert updated["previous_config_name"] == endpoint["config_name"]
    runtime = localaws.client("sagemaker-runtime")
    assert runtime.invoke_endpoint(EndpointName=endpoint["name"], Body=b"x")["Body"].read() == b"[[4.0, 0.0]]"
    [variant] = localaws.client("sagemaker").describe_endpoint(EndpointName=endpoint["name"])[
        "ProductionVariants"
    ]
    assert variant["CurrentServerlessConfig"] == {
        "MemorySizeInMB": 4096,
        "MaxConcurrency": 2,
        "ProvisionedConcurrency": 1,
    }
    for kind in ("realtime", "async"):
        [problem] = other_kind(as_run(6, endpoint_kind=kind))
        assert f"endpoint_kind is {kind}, and {endpoint['name']} is serverless" in problem
    assert find_kind(sagemaker_hook(installation), name=endpoint["name"]) == "serverless"
