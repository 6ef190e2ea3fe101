"""A canary that goes well, and one that its alarm takes back, as the report tells them from AWS's words."""

import contextlib
import threading
import time
import uuid
from collections.abc import Callable, Generator
from datetime import UTC, datetime
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException

from musher import names
from musher.hooks.alarms import remove_alarms
from musher.hooks.autoscaling import scale, stop_scaling
from musher.hooks.connection import autoscaling_hook, cloudwatch_hook, s3_hook, sagemaker_hook
from musher.hooks.endpoints import remove_endpoint
from musher.hooks.objects import upload_once
from musher.operators.endpoints import DeployEndpointOperator
from musher.payloads.alarms import KINDS, AlarmLimits, build_alarms
from musher.payloads.autoscaling import ScalingPlan, build_policy, build_target
from musher.payloads.endpoints import EndpointPlan, build_endpoint
from musher.payloads.tags import live_tags
from musher.payloads.updates import UpdatePolicy, build_update
from musher.report.timeline import draw_timeline
from musher.results import STEPS_KEY
from musher.settings import Settings
from musher.stages.report_timeline import read_happenings
from musher.stages.run import Run
from tests.archives import pack
from tests.functional.musher.test_releases_on_localaws import SERVES
from tests.unit.musher.operators.fakes import FakeTask

pytestmark = pytest.mark.timeout(600)

Make = Callable[..., Any]
INSTANCES = 2
WAIT_S = 300.0
REASON = "2 of 3 answers were <500>"


@pytest.fixture
def release(installation: Settings, with_settings: Make) -> Generator[Make]:
    """Return a function that deploys as one run does and returns its steps; all of it goes at the end."""
    endpoint = names.live_endpoint(installation)

    def make(*, bake_s: int) -> list[dict[str, Any]]:
        slug = uuid.uuid4().hex[:8]
        key = f"{installation.project}/jobs/{slug}/model.tar.gz"
        version = names.endpoint_version(installation, slug=slug, content_hash="89abcdef")
        plan = EndpointPlan(
            model_name=version,
            endpoint_config_name=version,
            endpoint_name=endpoint,
            image="registry/serve:1",
            model_uri=upload_once(
                s3_hook(installation), installation, key=key, data=pack({"code/serve.py": SERVES})
            ),
            package_arn="arn:any",
            instance_type="ml.m5.large",
            instance_count=INSTANCES,
            tags=live_tags(installation, slug=slug),
        )
        limits = AlarmLimits(max_error_percent=5, max_latency_ms=60_000)
        alarms = build_alarms(installation, slug=slug, limits=limits)
        policy = UpdatePolicy(
            kind="canary", share_percent=50, bake_s=bake_s, alarms=tuple(a["AlarmName"] for a in alarms)
        )
        update = build_update(
            endpoint_name=endpoint, endpoint_config_name=version, policy=policy, instances=INSTANCES
        )
        config = {**build_endpoint(installation, plan=plan), "Update": update, "Alarms": alarms}
        context, left = FakeTask().context(), dict[str, Any]()
        context["ti"].xcom_push = lambda *, key, value: left.update({key: value})
        operator = with_settings(DeployEndpointOperator(task_id="run_endpoint", config=config))
        with contextlib.suppress(AirflowFailException):  # what the steps say of it is looked at
            operator.execute(context)
        return list(left[STEPS_KEY])

    yield make
    stop_scaling(autoscaling_hook(installation), endpoint_name=endpoint)
    remove_endpoint(sagemaker_hook(installation), name=endpoint, delay_s=0.1)
    alarm_names = [names.live_alarm(installation, what=kind) for kind in KINDS]
    remove_alarms(cloudwatch_hook(installation), names=alarm_names)


def ring_while_it_bakes(localaws: Any, *, endpoint: str, alarm: str) -> None:
    """Let an alarm ring once the canary has traffic."""
    sagemaker, cloudwatch = localaws.client("sagemaker"), localaws.client("cloudwatch")
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        pending = sagemaker.describe_endpoint(EndpointName=endpoint).get("PendingDeploymentSummary", {})
        if "Baking" in str(pending):
            cloudwatch.set_alarm_state(AlarmName=alarm, StateValue="ALARM", StateReason=REASON)
            return
        time.sleep(0.1)


def read(installation: Settings, steps: Any) -> Any:
    """Return what the report reads and draws after a run."""
    run = Run(
        settings=installation,
        dag_id="d",
        run_id="r",
        started_at=datetime.now(UTC),
        params={"lifetime": "live"},
    )
    endpoint = names.live_endpoint(installation)
    happenings = read_happenings(run, endpoint_name=endpoint, steps=steps, function=None)
    assert happenings["gaps"] == []
    assert happenings["now"] == {"status": "InService", "config_name": steps[-1]["config_name"]}
    drawn = draw_timeline(happenings)
    assert drawn is not None
    return drawn


@pytest.mark.slow
def test_a_canary_and_a_rollback_are_told_step_by_step(
    localaws: Any, installation: Settings, release: Make
) -> None:
    endpoint = names.live_endpoint(installation)
    alarm = names.live_alarm(installation, what=KINDS[0])
    release(bake_s=0)

    good = read(installation, release(bake_s=2))
    seen = [bar["kind"] for bar in good["lanes"][0]["bars"]]
    assert seen.count("step-bake") == 2
    assert seen[0] == "step-start"
    assert good["outcome"].startswith("In service ")
    whats = [row["what"] for row in good["rows"]]
    assert (whats[0], whats[-1]) == ("Endpoint: Creating", "Endpoint: InService")
    assert {lane["name"] for lane in good["lanes"]} >= {endpoint, alarm}

    ringing = threading.Thread(
        target=ring_while_it_bakes, args=(localaws,), kwargs={"endpoint": endpoint, "alarm": alarm}
    )
    ringing.start()
    steps = release(bake_s=600)
    ringing.join()
    plan = ScalingPlan(
        endpoint_name=endpoint,
        min_instances=INSTANCES + 1,
        max_instances=INSTANCES + 1,
        metric="invocations",
        target=1000,
        scale_out_cooldown_s=30,
        scale_in_cooldown_s=30,
    )
    scale(autoscaling_hook(installation), target=build_target(plan), policy=build_policy(plan))
    waiter = localaws.client("sagemaker").get_waiter("endpoint_in_service")  # AWS adds the third at once
    waiter.wait(EndpointName=endpoint, WaiterConfig={"Delay": 1, "MaxAttempts": 60})
    bad = read(installation, steps)
    assert bad["outcome"].startswith("The update was taken back within ")
    assert f"{alarm} rang" in bad["outcome"]
    rows = {row["what"]: row for row in bad["rows"]}
    back = next(row for row in bad["rows"] if row["what"] == "Endpoint: InService")
    assert (back["detail"], back["kind"]) == (good["rows"][-1]["detail"], "bad")
    rang = next(row for what, row in rows.items() if what.startswith(f"Alarm {alarm}: ") and row["kind"])
    assert rang["detail"] == REASON
    assert "Scaling: Setting desired instance count to 3." in rows
    assert "alarm-rings" in [bar["kind"] for lane in bad["lanes"] for bar in lane["bars"]]
