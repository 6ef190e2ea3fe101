"""A task that is killed between a paid call and its recording goes on with what that call has made.

Each operation is broken off after each of its calls that make or change something, in two ways, and tried
again: one job, one version, one update, and the same end.
"""

import uuid
from collections.abc import Callable, Generator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from musher import names
from musher.hooks.alarms import put_alarms
from musher.hooks.autoscaling import scale, stop_scaling
from musher.hooks.connection import (
    autoscaling_hook,
    cloudwatch_hook,
    lambda_hook,
    s3_hook,
    sagemaker_hook,
)
from musher.hooks.endpoints import remove_endpoint, remove_versions, tags_of
from musher.hooks.functions import remove_function, tags_of_function
from musher.hooks.objects import upload, upload_once
from musher.hooks.registry import ensure_group, register
from musher.operators.endpoints import DeployEndpointOperator
from musher.operators.functions import DeployFunctionOperator
from musher.operators.processing import RunProcessingJobOperator
from musher.operators.training import RunTrainingJobOperator
from musher.operators.transform import RunTransformJobOperator
from musher.operators.tuning import RunTuningJobOperator
from musher.packaging import pack_function
from musher.payloads.alarms import AlarmLimits, alarm_names, build_alarms
from musher.payloads.autoscaling import ScalingPlan, build_policy, build_target, place
from musher.payloads.endpoints import EndpointPlan, build_endpoint
from musher.payloads.functions import FunctionPlan, build_function
from musher.payloads.registry import RUN, PackagePlan, build_package, build_package_group
from musher.payloads.schedules import build_actions
from musher.payloads.tags import PREVIOUS_TAG, resource_tags
from musher.payloads.training import build_training_job
from musher.payloads.tuning import TuningPlan, build_tuning_job
from musher.payloads.updates import UpdatePolicy, build_update
from musher.settings import Settings
from musher.stages import load_job_plan
from musher.traffic.targets import LoadTarget
from tests.archives import pack
from tests.functional.musher.crashes import CRASHES, LOST, Crash, cancel_deferred, run_tries
from tests.functional.musher.scripts import NEVER_ENDS, serve_script
from tests.functional.musher.test_batch_on_localaws import make_request
from tests.unit.musher.operators.fakes import FakeTask
from tests.unit.musher.stages.test_stages import make_run

Make = Callable[..., Any]

pytestmark = pytest.mark.timeout(600)


@pytest.fixture
def crash(fault_rules: Any) -> Generator[Crash, None, None]:
    """Watch the calls of the test's tasks."""
    with Crash(fault_rules).watching() as watched:
        yield watched


@pytest.fixture
def slug() -> str:
    """A run of the test's own."""
    return uuid.uuid4().hex[:8]


def tags(settings: Settings, slug: str) -> dict[str, str]:
    """Return the tags of a run that begins now."""
    return resource_tags(settings, slug=slug, started_at=datetime.now(UTC))


@pytest.fixture
def job_requests(
    installation: Settings, plan_for: Make, slug: str, tmp_path: Path, monkeypatch: Any
) -> dict[str, Callable[[], Any]]:
    """Return for each kind of job what makes its request; none of them ends by itself."""

    def tuning() -> Any:
        values = {"type": "categorical", "values": [32, 64]}
        searched = {"batch_size": values}
        plan = TuningPlan(
            trial=plan_for(NEVER_ENDS),
            strategy="Random",
            ranges=searched,
            trials=1,
            parallel=1,
            seed=1,
            max_epochs=3,
        )
        return build_tuning_job(installation, plan=plan)

    def transform() -> Any:
        params = {
            "batch_input": "test",
            "endpoint_instance_type": "ml.m5.large",
            "endpoint_instance_count": 1,
            "max_runtime_s": 600,
        }
        run = replace(make_run(installation, **params), run_id=slug)
        return make_request(run, tmp_path, monkeypatch=monkeypatch)

    def processing() -> Any:
        key = f"{installation.project}/{slug}/a.png"
        upload(s3_hook(installation), installation, key=key, data=b"a", content_type="image/png")
        params = {
            "load_test_on": "ml.m5.large",
            "load_test_s": 600,
            "load_test_rate": 15,
            "load_test_profile": "constant",
            "load_test_peak_rate": 20,
        }
        run = replace(make_run(installation, **params), run_id=slug)
        target = LoadTarget(kind="endpoint", name="none", images=(names.s3_uri(installation, key=key),))
        return load_job_plan.request_job(run, target)

    return {
        "training": lambda: build_training_job(installation, plan=plan_for(NEVER_ENDS)),
        "embed": lambda: build_training_job(installation, plan=plan_for(NEVER_ENDS, is_compressed=False)),
        "tuning": tuning,
        "transform": transform,
        "processing": processing,
    }


OPERATORS: dict[str, tuple[type[Any], dict[str, Any]]] = {
    "training": (RunTrainingJobOperator, {}),
    "embed": (RunTrainingJobOperator, {"marker": "features.json"}),
    "tuning": (RunTuningJobOperator, {}),
    "transform": (RunTransformJobOperator, {}),
    "processing": (RunProcessingJobOperator, {}),
}


@pytest.mark.parametrize("how", CRASHES)
@pytest.mark.parametrize(
    ("kind", "action"),
    [
        ("training", "CreateTrainingJob"),
        ("embed", "CreateTrainingJob"),
        ("embed", "AddTags"),
        ("tuning", "CreateHyperParameterTuningJob"),
        ("transform", "CreateModel"),
        ("transform", "CreateTransformJob"),
        ("processing", "CreateProcessingJob"),
    ],
)
def test_a_job_is_started_once_and_a_persons_cancel_stops_it(
    kind: str, action: str, how: str, job_requests: Any, with_settings: Make, crash: Crash, installation: Any
) -> None:
    operator_class, changes = OPERATORS[kind]
    request = job_requests[kind]()

    def run(context: Any) -> Any:
        operator = operator_class(task_id="run_job", config=request, deferrable=True, **changes)
        return with_settings(operator).execute(context)

    crash.after(how=how, service="sagemaker", action=action)
    trigger = run_tries(run)
    assert crash.happened(how=how, action=action)
    created = f"Create{operator_class.noun.title().replace(' ', '')}"
    created = {"CreateTuningJob": "CreateHyperParameterTuningJob"}.get(created, created)
    assert crash.count(created) == 1
    name = trigger.arguments[operator_class.name_key]
    operator = with_settings(operator_class(task_id="a", config=request, **changes))
    assert operator.find(names.next_attempt(name, limit=operator_class.max_name)) is None
    cancel_deferred(trigger)
    states = ("Completed",) if kind == "transform" else ("Stopping", "Stopped")  # four images are soon done
    assert operator.find(name)[operator_class.status_key] in ("Stopping", "Stopped", *states)


@pytest.fixture
def endpoint_for(installation: Settings, slug: str) -> Generator[Make, None, None]:
    """Return a function that returns the requests of an endpoint with a model of its own; remove it all."""
    name = names.endpoint(installation, slug=slug)

    def make(content_hash: str) -> dict[str, Any]:
        archive = pack({"code/serve.py": serve_script('b"[]"'), "hash.txt": content_hash})
        key = f"{installation.project}/jobs/{slug}-{content_hash}/model.tar.gz"
        version = names.endpoint_version(installation, slug=slug, content_hash=content_hash)
        plan = EndpointPlan(
            model_name=version,
            endpoint_config_name=version,
            endpoint_name=name,
            image="registry/serve:1",
            model_uri=upload_once(s3_hook(installation), installation, key=key, data=archive),
            package_arn="arn:any",
            instance_type="ml.m5.large",
            instance_count=1,
            tags=tags(installation, slug),
        )
        policy = UpdatePolicy(kind="all_at_once", share_percent=50, bake_s=0, alarms=())
        update = build_update(endpoint_name=name, endpoint_config_name=version, policy=policy, instances=1)
        return {**build_endpoint(installation, plan=plan), "Update": update, "Alarms": []}

    yield make
    hook = sagemaker_hook(installation)
    remove_endpoint(hook, name=name, delay_s=0.1)
    for kind in ("EndpointConfig", "Model"):
        remove_versions(hook, kind=kind, prefix=names.endpoint_versions(installation, slug=slug))


@pytest.mark.slow
@pytest.mark.parametrize("how", CRASHES)
@pytest.mark.parametrize("action", ["CreateModel", "CreateEndpointConfig", "CreateEndpoint"])
def test_an_endpoint_is_created_once(
    action: str, how: str, endpoint_for: Make, with_settings: Make, crash: Crash
) -> None:
    config = endpoint_for("89abcdef")
    crash.after(how=how, service="sagemaker", action=action)
    result = run_tries(
        lambda context: with_settings(DeployEndpointOperator(task_id="e", config=config)).execute(context)
    )
    assert crash.happened(how=how, action=action)
    assert result["config_name"] == config["EndpointConfig"]["EndpointConfigName"]
    assert [crash.count(f"Create{kind}") for kind in ("Model", "EndpointConfig", "Endpoint")] == [1, 1, 1]


@pytest.mark.slow
@pytest.mark.parametrize("how", CRASHES)
@pytest.mark.parametrize("action", ["CreateModel", "CreateEndpointConfig", "AddTags", "UpdateEndpoint"])
def test_an_endpoint_is_updated_once(
    action: str, how: str, endpoint_for: Make, with_settings: Make, crash: Crash, installation: Settings
) -> None:
    first, second = endpoint_for("89abcdef"), endpoint_for("01234567")
    run_tries(
        lambda context: with_settings(DeployEndpointOperator(task_id="e", config=first)).execute(context)
    )
    crash.after(how=how, service="sagemaker", action=action)
    result = run_tries(
        lambda context: with_settings(DeployEndpointOperator(task_id="e", config=second)).execute(context)
    )
    assert crash.happened(how=how, action=action)
    is_repeated = (how, action) == (LOST, "UpdateEndpoint")
    # The update may be over here before botocore asks again, for the same configuration.
    assert crash.count("UpdateEndpoint") in ((1, 2) if is_repeated else (1,))
    was, now = (config["EndpointConfig"]["EndpointConfigName"] for config in (first, second))
    assert result["config_name"] == now
    hook = sagemaker_hook(installation)
    described = hook.find_endpoint_config(now)
    assert described is not None
    assert tags_of(hook, arn=described["EndpointConfigArn"])[PREVIOUS_TAG] == was


FUNCTION_ACTIONS = [
    ("CreateFunction", 0),
    ("PublishVersion", 0),
    ("CreateAlias", 0),
    ("UpdateFunctionCode", 1),
    ("UpdateFunctionConfiguration", 1),
    ("PublishVersion", 1),
    ("TagResource", 1),
    ("UpdateAlias", 1),
]
"""A call, and whether the first deployment of a function makes it, or the second."""


@pytest.mark.slow
@pytest.mark.parametrize("how", CRASHES)
@pytest.mark.parametrize(("action", "deployment"), FUNCTION_ACTIONS)
def test_a_function_gets_one_version_for_each_deployment(
    action: str,
    deployment: int,
    how: str,
    installation: Settings,
    with_settings: Make,
    crash: Crash,
    slug: str,
) -> None:
    archive = pack_function(folder=installation.lambda_dir)
    key = names.function_key(installation, code_hash=archive.code_hash)
    upload_once(s3_hook(installation), installation, key=key, data=archive.body)
    name, hook = names.function(installation, slug=slug), lambda_hook(installation)
    for number, endpoint_name in enumerate(("one", "two")):
        own = tags(installation, f"{slug}{number}")
        plan = FunctionPlan(name=name, code_key=key, endpoint_name=endpoint_name, tags=own)
        concurrency = {"reserved": None, "provisioned": 0}
        config = {"Function": build_function(installation, plan=plan), "Concurrency": concurrency}
        if number == deployment:
            crash.after(how=how, service="lambda", action=action)
        result = run_tries(lambda context, config=config: deploy_function(with_settings, config, context))
    assert crash.happened(how=how, action=action)
    versions = [
        found["Version"] for found in hook.conn.list_versions_by_function(FunctionName=name)["Versions"]
    ]
    assert versions == ["$LATEST", "1", "2"]
    assert (result["version"], result["previous_version"]) == ("2", "1")
    alias = hook.find_alias(name, alias="live")
    assert alias is not None
    assert alias["FunctionVersion"] == "2"
    assert tags_of_function(hook, arn=result["function_arn"].rpartition(":")[0])
    remove_function(hook, name=name)


def deploy_function(with_settings: Make, config: Any, context: Any) -> Any:
    """Run one try of a function's deployment."""
    return with_settings(DeployFunctionOperator(task_id="f", config=config, alias="live")).execute(context)


@pytest.mark.parametrize("how", CRASHES)
@pytest.mark.parametrize("action", ["CreateModelPackageGroup", "CreateModelPackage"])
def test_a_model_is_registered_once(
    action: str, how: str, installation: Settings, crash: Crash, slug: str
) -> None:
    group = f"{installation.project}-{slug}"
    key = f"{installation.project}/jobs/{slug}/model.tar.gz"
    plan = PackagePlan(
        group=group,
        image="registry/serve:1",
        model_uri=upload_once(s3_hook(installation), installation, key=key, data=b"model"),
        metadata={RUN: slug},
        instance_type="ml.m5.large",
        tags=tags(installation, slug),
    )

    def run(_: Any) -> Any:
        hook = sagemaker_hook(installation)
        ensure_group(hook, request=build_package_group(group=group, tags=tags(installation, slug)))
        return register(hook, request=build_package(plan))

    crash.after(how=how, service="sagemaker", action=action)
    package = run_tries(run)
    assert crash.happened(how=how, action=action)
    listed = sagemaker_hook(installation).conn.list_model_packages(ModelPackageGroupName=group)
    assert [found["ModelPackageArn"] for found in listed["ModelPackageSummaryList"]] == [
        package["ModelPackageArn"]
    ]


@pytest.mark.slow
@pytest.mark.parametrize("how", CRASHES)
def test_scaling_and_alarms_are_put_once(
    how: str, installation: Settings, endpoint_for: Make, with_settings: Make, crash: Crash
) -> None:
    """They are put by name, so that each call may take place twice."""
    config = endpoint_for("89abcdef")
    with_settings(DeployEndpointOperator(task_id="e", config=config)).execute(FakeTask().context())
    name = config["Endpoint"]["EndpointName"]
    plan = ScalingPlan(
        endpoint_name=name,
        min_instances=1,
        max_instances=3,
        metric="invocations",
        target=1000,
        scale_out_cooldown_s=30,
        scale_in_cooldown_s=30,
    )
    schedule: Any = ["cron(0 8 ? * MON-FRI *) 2 3"]
    limits = AlarmLimits(max_error_percent=5, max_latency_ms=2000)
    alarms = build_alarms(installation, slug="0123abcd", limits=limits)

    def run(_: Any) -> Any:
        actions = build_actions(schedule, endpoint_name=name)
        scale(
            autoscaling_hook(installation),
            target=build_target(plan),
            policy=build_policy(plan),
            actions=actions,
        )
        put_alarms(cloudwatch_hook(installation), requests=alarms)
        return True

    steps = [
        ("application-autoscaling", "RegisterScalableTarget"),
        ("application-autoscaling", "PutScalingPolicy"),
        ("application-autoscaling", "PutScheduledAction"),
        ("cloudwatch", "PutMetricAlarm"),
    ]
    for service, action in steps:
        crash.after(how=how, service=service, action=action)
        assert run_tries(run)
        assert crash.happened(how=how, action=action)
        scaler = autoscaling_hook(installation)
        where = place(name)
        targets = scaler.conn.describe_scalable_targets(
            ServiceNamespace=where["ServiceNamespace"], ResourceIds=[where["ResourceId"]]
        )
        assert len(targets["ScalableTargets"]) == 1
        assert len(scaler.conn.describe_scaling_policies(**where)["ScalingPolicies"]) == 1
        assert len(scaler.conn.describe_scheduled_actions(**where)["ScheduledActions"]) == 1
        watched = cloudwatch_hook(installation).conn.describe_alarms(AlarmNames=alarm_names(installation))
        assert len(watched["MetricAlarms"]) == len(alarms)
    stop_scaling(autoscaling_hook(installation), endpoint_name=name)
