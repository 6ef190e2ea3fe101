"""The test of what is live, with a function and an endpoint that really answer."""

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException
from botocore.exceptions import ClientError
from PIL import Image

from musher import names
from musher.datasets.s3_connection import S3Connection
from musher.datasets.staging import stage
from musher.hooks.concurrency import reserve
from musher.hooks.connection import cloudwatch_hook, lambda_hook, s3_hook, sagemaker_hook
from musher.hooks.endpoints import remove_endpoint
from musher.hooks.functions import remove_function
from musher.hooks.objects import upload_once
from musher.hooks.registry import ensure_group, register
from musher.operators.endpoints import DeployEndpointOperator
from musher.operators.functions import DeployFunctionOperator
from musher.operators.invocations import AskFunctionOperator
from musher.packaging import pack_function
from musher.payloads.endpoints import EndpointPlan, build_endpoint
from musher.payloads.functions import FunctionPlan, build_function
from musher.payloads.registry import DATA, RUN, PackagePlan, build_package, build_package_group
from musher.payloads.tags import live_tags
from musher.settings import Settings
from musher.stages import live_function
from tests.archives import pack
from tests.functional.musher.scripts import serve_script
from tests.unit.musher.operators.fakes import FakeTask

ANSWER_S = 2.0
"""Each answer takes so long that requests that begin together meet."""

SERVES = serve_script(f'time.sleep({ANSWER_S}) or b"[[0.5, 3.5]]"')


def stage_photos(settings: Settings, folder: Path) -> str:
    """Stage a few photos of cats and dogs; return the hash of the data set."""
    for number, path in enumerate(f"{s}/{c}" for s in ("train", "valid", "test") for c in ("cat", "dog")):
        (folder / path).mkdir(parents=True)
        for shade in range(2):
            Image.new("RGB", (40, 40), (number * 20, shade * 90, 50)).save(folder / path / f"{shade}.png")
    hook = s3_hook(settings)
    s3 = S3Connection(client=hook.get_conn(), session=hook.get_session(), verify=hook.verify)
    bucket = names.bucket(settings)
    return stage(s3=s3, bucket=bucket, prefix=settings.project, source=str(folder))["data_hash"]


def deploy(settings: Settings, *, slug: str, data_hash: str) -> None:
    """Bring a model that always says `dog` into operation, as a run does."""
    hook, tags = sagemaker_hook(settings), live_tags(settings, slug=slug)
    archive = pack({"code/serve.py": SERVES})
    key = f"{settings.project}/jobs/{slug}/model.tar.gz"
    model_uri = upload_once(s3_hook(settings), settings, key=key, data=archive)
    group = names.package_group(settings)
    ensure_group(hook, request=build_package_group(group=group, tags=tags))
    plan = PackagePlan(
        group=group,
        image="registry/serve:1",
        model_uri=model_uri,
        metadata={RUN: slug, DATA: data_hash},
        instance_type="ml.m5.large",
        tags=tags,
    )
    version = names.endpoint_version(settings, slug=slug, content_hash="89abcdef")
    endpoint = EndpointPlan(
        model_name=version,
        endpoint_config_name=version,
        endpoint_name=names.live_endpoint(settings),
        image="registry/serve:1",
        model_uri=model_uri,
        package_arn=register(hook, request=build_package(plan))["ModelPackageArn"],
        instance_type="ml.m5.large",
        instance_count=1,
        tags=tags,
    )
    operator = DeployEndpointOperator(task_id="e", config=build_endpoint(settings, plan=endpoint))
    operator.__dict__["settings"] = settings
    operator.execute(FakeTask().context())
    code = pack_function(folder=settings.lambda_dir)
    code_key = names.function_key(settings, code_hash=code.code_hash)
    upload_once(s3_hook(settings), settings, key=code_key, data=code.body)
    function = FunctionPlan(
        name=names.live_function(settings),
        code_key=code_key,
        endpoint_name=endpoint.endpoint_name,
        tags=tags,
    )
    config = {
        "Function": build_function(settings, plan=function),
        "Concurrency": {"reserved": 2, "provisioned": 1},
    }
    deployed = DeployFunctionOperator(task_id="f", config=config, alias=names.LIVE_ALIAS)
    deployed.__dict__["settings"] = settings
    deployed.execute(FakeTask().context())


@pytest.fixture
def live(
    installation: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, localaws: Any
) -> Iterator[Settings]:
    """An installation in operation, in whose run the tasks believe to be; retired at the end."""
    monkeypatch.setenv("MUSHER_ACCOUNT_ID", installation.account_id)
    monkeypatch.setenv("MUSHER_PROJECT", installation.project)
    params = {"min_right": 1, "probe_concurrency": True, "publish_metrics": True}
    run = SimpleNamespace(settings=installation, params=params)
    monkeypatch.setattr(live_function, "current_run", lambda: run)
    deploy(installation, slug=uuid.uuid4().hex[:8], data_hash=stage_photos(installation, tmp_path))
    yield installation
    remove_function(lambda_hook(installation), name=names.live_function(installation))
    hook = sagemaker_hook(installation)
    remove_endpoint(hook, name=names.live_endpoint(installation), delay_s=0.1)


def told(settings: Settings, metric: str, **scope: str) -> list[float]:
    """Return highest and lowest value that CloudWatch has of a metric of the live function."""
    dimensions = {"Project": settings.project, "Alias": names.LIVE_ALIAS}
    dimensions |= {key.capitalize(): value for key, value in scope.items()}
    now = datetime.now(UTC)
    found = cloudwatch_hook(settings).conn.get_metric_statistics(
        Namespace="Musher",
        MetricName=metric,
        Dimensions=[{"Name": key, "Value": value} for key, value in dimensions.items()],
        StartTime=now - timedelta(hours=1),
        EndTime=now + timedelta(hours=1),
        Period=7200,
        Statistics=["Maximum", "Minimum"],
    )["Datapoints"]
    return [float(found[0][kind]) for kind in ("Maximum", "Minimum")] if found else []


@pytest.mark.slow
@pytest.mark.timeout(500)
def test_what_is_live_is_asked_about_the_images_that_it_was_trained_with(
    live: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    images = live_function.find_known_images.function()
    assert [image["truth"] for image in images][:2] in (["cat", "dog"], ["dog", "cat"])

    def ask(max_latency_ms: float) -> Any:
        operator = AskFunctionOperator(
            task_id="ask", image=images[0], max_latency_ms=max_latency_ms, publish_metrics="True"
        )
        return operator.execute(FakeTask().context())

    answer = ask(60_000)
    assert (answer["status"], answer["classes"], answer["predicted"]) == (200, 2, "dog")
    with pytest.raises(AirflowFailException, match=r"took \d+ ms for .*, more than max_latency_ms"):
        ask(ANSWER_S * 500)
    answers: Any = [{**answer, "truth": image["truth"]} for image in images]
    assert live_function.judge_answers.function(answers) in (1, 2)

    probed = live_function.probe_concurrency.function(images)
    assert probed["reserved"] == 2
    cold, warm = (told(live, f"Canary{kind}Latency") for kind in ("Cold", "Warm"))
    assert (told(live, "CanarySuccess"), told(live, "CanarySuccess", version="1")) == ([1, 0], [1, 0])
    assert cold == [], "an environment was provisioned: nobody waited for its start"
    assert len(warm) == 2
    assert min(warm) > ANSWER_S * 1000
    hook, name = lambda_hook(live), names.live_function(live)
    hook.conn.delete_provisioned_concurrency_config(FunctionName=name, Qualifier="1")
    reserve(hook, name=name, count=0)
    with pytest.raises(ClientError, match="Rate Exceeded"):
        ask(60_000)
