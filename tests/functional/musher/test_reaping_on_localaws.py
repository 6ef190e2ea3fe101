"""What the reaper stops and removes, of jobs that run, endpoints that serve and functions that are there."""

import io
import uuid
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from musher import names
from musher.hooks import inventory
from musher.hooks.connection import autoscaling_hook, lambda_hook, s3_hook, sagemaker_hook
from musher.hooks.endpoints import remove_endpoint
from musher.hooks.functions import remove_function
from musher.hooks.jobs import stop_training_jobs
from musher.hooks.objects import upload_once
from musher.hooks.waits import wait_until
from musher.payloads.autoscaling import place
from musher.payloads.endpoints import EndpointPlan, build_endpoint
from musher.payloads.tags import as_list, as_mapping, resource_tags
from musher.payloads.training import build_training_job
from musher.settings import Settings
from musher.stages.reap_plan import REMOVED, WOULD, Reaper
from tests.archives import pack
from tests.functional.musher.scripts import NEVER_ENDS, SAYS_WHAT_IT_GOT

Found = set[tuple[str, str, str]]


class Leftovers:
    """A job, an endpoint that scales and a function of one run."""

    def __init__(self, settings: Settings, *, hours_ago: float, plan_for: Callable[..., Any]) -> None:
        """Make them as a run does that began so long ago."""
        self.settings, self.slug = settings, uuid.uuid4().hex[:8]
        started_at = datetime.now(UTC) - timedelta(hours=hours_ago)
        self.tags = resource_tags(settings, slug=self.slug, started_at=started_at)
        self.name = f"{settings.project}-reap-{self.slug}"
        self.aws = sagemaker_hook(settings)
        plan = plan_for(NEVER_ENDS, job_name=f"{self.name}-job", tags=self.tags, max_runtime_s=300)
        self.aws.conn.create_training_job(**build_training_job(settings, plan=plan))
        self.make_endpoint()
        self.make_function()

    def make_endpoint(self) -> None:
        """Make an endpoint, wait until it serves, and let it scale."""
        key = f"{self.settings.project}/jobs/{self.slug}/model.tar.gz"
        archive = pack({"code/serve.py": SAYS_WHAT_IT_GOT})
        plan = EndpointPlan(
            model_name=self.name,
            endpoint_config_name=self.name,
            endpoint_name=self.name,
            image="registry/serve:1",
            model_uri=upload_once(s3_hook(self.settings), self.settings, key=key, data=archive),
            package_arn="arn:any",
            instance_type="ml.m5.large",
            instance_count=1,
            tags=self.tags,
        )
        requests = build_endpoint(self.settings, plan=plan)
        self.aws.conn.create_model(**requests["Model"])
        self.aws.conn.create_endpoint_config(**requests["EndpointConfig"])
        self.aws.conn.create_endpoint(**requests["Endpoint"])
        self.aws.conn.get_waiter("endpoint_in_service").wait(
            EndpointName=self.name, WaiterConfig={"Delay": 1, "MaxAttempts": 100}
        )
        scaler = autoscaling_hook(self.settings).conn
        scaler.register_scalable_target(**place(self.name), MinCapacity=1, MaxCapacity=2)

    def make_function(self) -> None:
        """Make a function that nobody calls."""
        code = io.BytesIO()
        with zipfile.ZipFile(code, "w") as archive:
            archive.writestr("handler.py", "def handle(event, context):\n    return event\n")
        lambda_hook(self.settings).conn.create_function(
            FunctionName=self.name,
            Runtime="python3.11",
            Role=names.role_arn(self.settings, role="lambda"),
            Handler="handler.handle",
            Code={"ZipFile": code.getvalue()},
            Tags=as_mapping(as_list(self.tags)),
        )

    def found(self, done: str) -> Found:
        """Return what the reaper is to say of all this."""
        kinds = (inventory.ENDPOINT, inventory.CONFIG, inventory.MODEL, inventory.FUNCTION)
        return {(inventory.TRAINING, f"{self.name}-job", done), *((kind, self.name, done) for kind in kinds)}

    def left(self) -> set[str]:
        """Return what of it is there: a job that runs or is being stopped, and all else."""
        aws, function = self.aws, inventory.list_functions(lambda_hook(self.settings), prefix=self.name)
        job = aws.find_training_job(f"{self.name}-job")
        targets = autoscaling_hook(self.settings).conn.describe_scalable_targets(
            ServiceNamespace="sagemaker", ResourceIds=[place(self.name)["ResourceId"]]
        )
        there = {
            "job": job and job["TrainingJobStatus"] == "InProgress",
            "endpoint": aws.find_endpoint(self.name),
            "configuration": aws.find_endpoint_config(self.name),
            "model": list(aws.list_resources("Model", name_contains=self.name)),
            "function": list(function),
            "scaling": targets["ScalableTargets"],
        }
        return {what for what, is_there in there.items() if is_there}

    def remove(self) -> None:
        """Leave nothing to the tests after this one."""
        stop_training_jobs(self.aws, name=f"{self.name}-job")
        remove_endpoint(self.aws, name=self.name, delay_s=0.1)
        remove_function(lambda_hook(self.settings), name=self.name)


EVERYTHING = {"job", "endpoint", "configuration", "model", "function", "scaling"}


@pytest.fixture
def leave(installation: Settings, plan_for: Callable[..., Any]) -> Iterator[Callable[..., Leftovers]]:
    """Return a function that makes what a run leaves; the rest of it is removed afterwards."""
    made: list[Leftovers] = []

    def make(*, hours_ago: float) -> Leftovers:
        made.append(Leftovers(installation, hours_ago=hours_ago, plan_for=plan_for))
        return made[-1]

    yield make
    for leftovers in made:
        leftovers.remove()


def reap(settings: Settings, *, of: Leftovers, is_dry: bool) -> Found:
    """Go through the account; return what was found of one run."""
    reaper = Reaper(settings, now=datetime.now(UTC), is_dry=is_dry)
    reaper.run()
    assert reaper.failures == []
    return {
        (found["kind"], found["name"], found["done"]) for found in reaper.reaped if of.slug in found["name"]
    }


def test_what_is_over_is_stopped_and_removed_and_a_younger_run_goes_on(
    installation: Settings, leave: Callable[..., Leftovers]
) -> None:
    over, young = leave(hours_ago=installation.ttl_h + 1), leave(hours_ago=0)
    assert reap(installation, of=over, is_dry=True) == over.found(WOULD)
    assert over.left() == EVERYTHING
    assert reap(installation, of=over, is_dry=False) == over.found(REMOVED)
    wait_until(
        over.aws.get_waiter("TrainingJobEnded"),
        arguments={"TrainingJobName": f"{over.name}-job"},
        delay_s=0.1,
        timeout_s=60,
    )
    assert over.left() == set()
    assert young.left() == EVERYTHING
    assert reap(installation, of=over, is_dry=False) == set()


def test_a_reaper_of_another_project_finds_nothing_of_this_one(
    installation: Settings, leave: Callable[..., Leftovers]
) -> None:
    over = leave(hours_ago=installation.ttl_h + 1)
    other = replace(installation, project=f"{installation.project}-reap")
    assert reap(other, of=over, is_dry=False) == set()
    assert over.left() == EVERYTHING
