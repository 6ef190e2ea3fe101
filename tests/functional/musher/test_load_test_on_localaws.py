"""A load test of an endpoint that really serves, through the stage; and its end by SIGTERM."""

import itertools
import json
import os
import signal
import time
import uuid
from collections.abc import Callable, Generator
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException, TaskDeferred

from musher import names
from musher.hooks.autoscaling import find_scaling, scale, scale_by_steps, stop_scaling
from musher.hooks.connection import (
    autoscaling_hook,
    cloudwatch_hook,
    logs_hook,
    s3_hook,
    sagemaker_hook,
)
from musher.hooks.endpoints import remove_endpoint
from musher.hooks.jobs import stop_processing_jobs
from musher.hooks.logs import LogTail, last_lines
from musher.hooks.objects import download, upload, upload_once
from musher.hooks.waits import wait_until
from musher.operators.endpoints import DeployEndpointOperator
from musher.operators.processing import RunProcessingJobOperator, result_uri
from musher.payloads.autoscaling import ScalingPlan, build_policy, build_target
from musher.payloads.endpoints import EndpointPlan, build_endpoint
from musher.payloads.schedules import build_actions
from musher.payloads.tags import resource_tags
from musher.report.page import Outputs, render
from musher.report.summary import RunFacts, build_summary
from musher.settings import Settings
from musher.stages import load_job, load_job_plan, load_measurement, load_test
from musher.stages.report import nothing_but
from musher.stages.run import Run
from musher.traffic.targets import LoadTarget
from tests.archives import pack
from tests.functional.musher.scripts import serve_script
from tests.unit.musher.operators.fakes import FakeTask

Make = Callable[..., Any]

SERVES = serve_script('b"[]"', status='500 if body == b"broken" else 200')
pytestmark = pytest.mark.timeout(600)

IMAGES = {"a.png": b"good", "b.png": b"broken", "c.png": b"good, too"}
LOAD: dict[str, Any] = {
    "load_test_on": "worker",
    "load_test_s": 2,
    "load_test_rate": 15,
    "load_test_profile": "constant",
    "load_test_peak_rate": 20,
    "load_test_max_p99_ms": None,
    "load_test_max_error_percent": 40,
}


@pytest.fixture(scope="module")
def slug() -> str:
    return uuid.uuid4().hex[:8]


@pytest.fixture
def deployed(slug: str, installation: Settings, with_settings: Make) -> Generator[dict[str, str]]:
    """Deploy an endpoint with a policy and a container of our own, and its images; remove it afterwards."""
    endpoint = {"name": names.endpoint(installation, slug=slug)}
    hook, s3, project = sagemaker_hook(installation), s3_hook(installation), installation.project
    archive = pack({"code/serve.py": SERVES})
    model_uri = upload_once(s3, installation, key=f"{project}/jobs/{slug}/model.tar.gz", data=archive)
    for name, body in IMAGES.items():
        upload(s3, installation, key=f"{project}/{slug}/{name}", data=body, content_type="image/png")
    version = names.endpoint_version(installation, slug=slug, content_hash="89abcdef")
    plan = EndpointPlan(
        model_name=version,
        endpoint_config_name=version,
        endpoint_name=endpoint["name"],
        image="registry/serve:1",
        model_uri=model_uri,
        package_arn="arn:any",
        instance_type="ml.m5.large",
        instance_count=1,
        tags=resource_tags(installation, slug=slug, started_at=datetime.now(UTC)),
    )
    config = build_endpoint(installation, plan=plan)
    with_settings(DeployEndpointOperator(task_id="e", config=config)).execute(FakeTask().context())
    scaling = ScalingPlan(
        endpoint_name=endpoint["name"],
        min_instances=1,
        max_instances=3,
        metric="invocations",
        target=1000,
        scale_out_cooldown_s=30,
        scale_in_cooldown_s=30,
    )
    scaler = autoscaling_hook(installation)
    scale(scaler, target=build_target(scaling), policy=build_policy(scaling))
    yield endpoint
    stop_scaling(scaler, endpoint_name=endpoint["name"])
    remove_endpoint(hook, name=endpoint["name"], delay_s=0.1)


@pytest.fixture
def as_run(slug: str, installation: Settings, monkeypatch: pytest.MonkeyPatch) -> Make:
    """Return a function that lets the tasks believe that they are in a run with changed Params."""

    def make(**changes: Any) -> None:
        run = Run(
            settings=installation,
            dag_id="operationalize_model",
            run_id=slug,
            started_at=datetime.now(UTC),
            params={**LOAD, **changes},
        )
        monkeypatch.setattr(load_test, "current_run", lambda: run)
        monkeypatch.setattr(load_job, "current_run", lambda: run)

    return make


@pytest.fixture
def measure(deployed: dict[str, str], slug: str, installation: Settings, as_run: Make) -> Make:
    """Return a function that runs the stage with changed Params."""
    samples = [{"key": f"{installation.project}/{slug}/{name}"} for name in IMAGES]

    def call(**changes: Any) -> Any:
        as_run(**changes)
        return load_test.load_test.function({}, deployed, {"samples": samples}, None)

    return call


def stored(installation: Settings, slug: str) -> dict[str, Any]:
    """Return what the stage has put into the bucket."""
    key = names.load_test_key(installation, dag_id="operationalize_model", run_id=slug)
    found: dict[str, Any] = json.loads(
        download(s3_hook(installation), uri=names.s3_uri(installation, key=key))
    )
    return found


def test_an_endpoint_is_measured_judged_and_drawn(
    as_run: Make, measure: Make, slug: str, installation: Settings
) -> None:
    """Images are sent in turn: of three, the one that the container refuses is a third of the errors."""
    result = measure()
    assert (result["sent"], result["dropped"], result["is_complete"]) == (30, 0, True)
    assert sum(result["errors"].values()) == result["failed"] == 10
    assert result["latency"]["p99_ms"] > 0
    assert result["instances"][0] | {"at_s": 0} == {"at_s": 0, "current": 1, "desired": 1}
    load_test.judge_load.function(result)

    record = stored(installation, slug)
    assert record["scaling"] == {
        "metric": "invocations",
        "target": 1000,
        "min_instances": 1,
        "max_instances": 3,
    }
    facts = RunFacts(
        dag_id="d", run_id="r", started_at=datetime.now(UTC), failures={}, lifetime="trial", console=None
    )
    summary = build_summary(facts, nothing_but(load=result))
    assert "Load test: 30 requests to" in render(summary=summary, outputs=Outputs(load=record))

    as_run(load_test_max_error_percent=1)
    with pytest.raises(AirflowFailException, match=r"33\.33 % of the requests failed"):
        load_test.judge_load.function(result)


def test_a_job_inside_aws_measures_the_same_as_a_worker(
    as_run: Make,
    deployed: dict[str, str],
    slug: str,
    installation: Settings,
    with_settings: Make,
    airflow_task: FakeTask,
) -> None:
    """The role of jobs reads the images and signs the requests; a retry finds the job again."""
    as_run(load_test_on="ml.m5.large")
    samples: Any = {"samples": [{"key": f"{installation.project}/{slug}/{name}"} for name in IMAGES]}
    request = load_job.request_load.function({}, deployed, samples)
    job = with_settings(RunProcessingJobOperator(task_id="a", config=request)).execute(airflow_task.context())
    again = with_settings(RunProcessingJobOperator(task_id="b", config=request)).execute(airflow_task.retry())
    assert again == job
    assert (job["instances"], job["instance_type"]) == (1, "ml.m5.large")
    assert job["seconds"] >= job["billed_seconds"] >= 2
    result = load_test.load_test.function({}, deployed, samples, job)
    assert (result["sent"], result["failed"], result["dropped"], result["is_complete"]) == (30, 10, 0, True)
    assert result["instances"][0] | {"at_s": 0} == {"at_s": 0, "current": 1, "desired": 1}
    assert result["job"] == job
    load_test.judge_load.function(result)
    record = stored(installation, slug)
    bucket = names.bucket(installation)
    assert record["images"] == [f"s3://{bucket}/{sample['key']}" for sample in samples["samples"]]
    assert (record["scaling"]["max_instances"], record["instance_type"]) == (3, "ml.m5.large")
    assert stop_processing_jobs(sagemaker_hook(installation), name=job["job_name"]) == []


def test_a_cancelled_job_ends_early_and_leaves_what_it_had_measured(
    slug: str, installation: Settings, with_settings: Make, airflow_task: FakeTask
) -> None:
    """No endpoint is needed: requests that find none count as failures."""
    image = f"{installation.project}/{slug}/cancelled.png"
    upload(s3_hook(installation), installation, key=image, data=b"good", content_type="image/png")
    params = {**LOAD, "load_test_on": "ml.m5.large", "load_test_s": 600}
    run = Run(
        settings=installation,
        dag_id="load_test_endpoint",
        run_id=uuid.uuid4().hex,
        started_at=datetime.now(UTC),
        params=params,
    )
    uri = names.s3_uri(installation, key=image)
    target = LoadTarget(kind="endpoint", name="opstest-none", images=(uri,))
    request = load_job_plan.request_job(run, target)
    operator = with_settings(RunProcessingJobOperator(task_id="a", config=request, deferrable=True))
    with pytest.raises(TaskDeferred):
        operator.execute(airflow_task.context())
    name, hook = request["ProcessingJobName"], sagemaker_hook(installation)
    wait_for_line(installation, job=name, part="Sending for 600 s")

    airflow_task.state = "failed"
    operator.on_kill()
    waiter = hook.get_waiter("ProcessingJobEnded")
    assert not wait_until(waiter, arguments={"ProcessingJobName": name}, delay_s=0.2, timeout_s=120)
    job = hook.find_processing_job(name)
    assert job is not None
    assert job["ProcessingJobStatus"] == "Stopped"
    left = json.loads(download(s3_hook(installation), uri=result_uri(job)))
    assert not left["measured"]["is_complete"]
    assert set(left["measured"]["errors"]) <= {"http_400", "http_404", "unfinished"}


def wait_for_line(settings: Settings, *, job: str, part: str) -> None:
    """Wait until a job has logged a line that holds this."""
    tail = LogTail(group=names.PROCESSING_LOG_GROUP, prefix=f"{job}/")
    client, deadline = logs_hook(settings).conn, time.monotonic() + 120
    while part not in last_lines(tail, client):
        assert time.monotonic() < deadline, f"{job} has not logged {part!r}"
        time.sleep(0.3)


def test_sigterm_ends_a_load_test_and_keeps_what_was_measured(
    measure: Make, slug: str, installation: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The signal comes with the second look at the instances, and with each later one."""
    looks = itertools.count(1)

    def look() -> None:
        if next(looks) > 1:
            os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(load_measurement, "look_at", lambda hook, target: look)
    monkeypatch.setattr(load_measurement, "get_current_context", lambda: {"ti": SimpleNamespace()})
    monkeypatch.setattr(load_measurement, "is_given_up", lambda instance: True)
    airflows, before = (lambda number, frame: None), signal.getsignal(signal.SIGTERM)
    signal.signal(signal.SIGTERM, airflows)
    try:
        with pytest.raises(AirflowFailException, match=r"was cancelled; what was measured is at s3://"):
            measure(load_test_s=600)
        assert signal.getsignal(signal.SIGTERM) is airflows
    finally:
        signal.signal(signal.SIGTERM, before)
    record = stored(installation, slug)
    assert not record["measured"]["is_complete"]
    assert 0 < record["measured"]["sent"] < 9000


def test_steps_and_schedules_come_and_go(deployed: dict[str, str], installation: Settings) -> None:
    scaler, watcher, name = autoscaling_hook(installation), cloudwatch_hook(installation), deployed["name"]
    plan = find_scaling(scaler, endpoint_name=name)
    assert plan is not None
    requests = {"target": build_target(plan), "policy": build_policy(plan)}
    [alarm_name] = scale_by_steps(scaler, watcher, plan=plan, steps=[(200.0, 1), (400.0, 2)])
    scale(scaler, **requests, actions=build_actions(["cron(0 8 ? * MON-FRI *) 2 3"], endpoint_name=name))
    place = {key: requests["target"][key] for key in ("ServiceNamespace", "ResourceId")}
    policies = scaler.conn.describe_scaling_policies(**place)["ScalingPolicies"]
    [policy] = [policy for policy in policies if policy["PolicyType"] == "StepScaling"]
    [alarm] = watcher.conn.describe_alarms(AlarmNames=[alarm_name])["MetricAlarms"]
    assert alarm["AlarmActions"] == [policy["PolicyARN"]]
    [action] = scaler.conn.describe_scheduled_actions(**place)["ScheduledActions"]
    assert action["ScalableTargetAction"] == {"MinCapacity": 2, "MaxCapacity": 3}
    for _ in range(2):
        scale(scaler, **requests)
        assert scale_by_steps(scaler, watcher, plan=plan, steps=[]) == []
    assert len(scaler.conn.describe_scaling_policies(**place)["ScalingPolicies"]) == 1
    assert scaler.conn.describe_scheduled_actions(**place)["ScheduledActions"] == []
    assert watcher.conn.describe_alarms(AlarmNames=[alarm_name])["MetricAlarms"] == []
