"""BuildImageOperator: found by content, built where missing, adopted where another run builds."""

import dataclasses
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException, TaskDeferred
from botocore.exceptions import ClientError

from musher.operators import images
from musher.operators.images import BuildImageOperator
from musher.packaging import pack_image_context
from musher.payloads.builds import plan_image, source_location
from musher.settings import Settings
from musher.triggers.builds import BuildCompleteTrigger
from musher.triggers.here import run_here
from musher.triggers.waits import WaitTrigger
from tests.unit.musher.operators.fakes import FakeClock, FakeHook, FakeTask


class FakeRegistry:
    """ECR with the tags that are in it."""

    def __init__(self) -> None:
        self.tags: dict[str, dict[str, Any]] = {}

    def describe_images(self, *, registryId: str, repositoryName: str, imageIds: Any) -> dict[str, Any]:  # noqa: N803
        assert (registryId, repositoryName) == ("123456789012", "musher-model")
        [wanted] = imageIds
        if wanted["imageTag"] not in self.tags:
            raise ClientError(
                {"Error": {"Code": "ImageNotFoundException", "Message": "no"}}, "DescribeImages"
            )
        return {"imageDetails": [self.tags[wanted["imageTag"]]]}


class FakeCodeBuild:
    """A build project whose builds end as told, after one look, and perhaps leave an image."""

    def __init__(self, registry: FakeRegistry) -> None:
        self.registry = registry
        self.builds: dict[str, dict[str, Any]] = {}
        self.ends_as, self.pushes, self.has_project = "SUCCEEDED", True, True
        self.started: list[dict[str, Any]] = []

    def list_builds_for_project(self, **_: str) -> dict[str, Any]:
        if not self.has_project:
            raise ClientError({"Error": {"Code": "ResourceNotFoundException", "Message": "no"}}, "List")
        return {"ids": list(self.builds)}

    def batch_get_builds(self, *, ids: list[str]) -> dict[str, Any]:
        return {"builds": [self.builds[build_id] for build_id in ids]}

    def start_build(self, **request: Any) -> dict[str, Any]:
        self.started.append(request)
        build = {
            "id": f"musher-image:{len(self.started)}",
            "buildStatus": "IN_PROGRESS",
            "source": {"location": request["sourceLocationOverride"]},
            "logs": {"deepLink": "https://console/log"},
        }
        self.builds[build["id"]] = build
        return {"build": build}

    def end_all(self) -> None:
        """End all builds."""
        for build in self.builds.values():
            build["buildStatus"] = self.ends_as
            if self.pushes:
                tag = build["source"]["location"].split("/")[-2][:16]
                self.registry.tags[tag] = {"imageDigest": "sha256:0"}


class Account(SimpleNamespace):
    """What the operator meets in the account."""

    registry: FakeRegistry
    codebuild: FakeCodeBuild
    uploads: dict[str, bytes]


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch, fake_clock: FakeClock) -> Account:
    """An account without the image, whose builds end while somebody sleeps."""
    registry = FakeRegistry()
    codebuild = FakeCodeBuild(registry)
    uploads: dict[str, bytes] = {}
    fake_clock.on_sleep = codebuild.end_all
    monkeypatch.setattr(images, "ecr_hook", lambda settings: SimpleNamespace(conn=registry))
    monkeypatch.setattr(images, "s3_hook", lambda settings: None)
    monkeypatch.setattr(images, "upload_once", lambda hook, settings, key, data: uploads.update({key: data}))
    hook = FakeHook(codebuild, "codebuild")
    monkeypatch.setattr(WaitTrigger, "hook", hook)
    return Account(registry=registry, codebuild=codebuild, uploads=uploads, hook=hook)


@pytest.fixture
def build(account: Account, settings: Settings) -> Callable[..., dict[str, Any]]:
    """Run the operator."""

    def run(*, deferrable: bool = False, **changes: Any) -> dict[str, Any]:
        operator = BuildImageOperator(task_id="build_image", deferrable=deferrable)
        operator.__dict__ |= {"hook": account.hook, "settings": dataclasses.replace(settings, **changes)}
        result: dict[str, Any] = operator.execute(FakeTask().context())
        return result

    return run


def plan(settings: Settings) -> Any:
    """Return the plan of the image of this checkout."""
    return plan_image(settings, context_hash=pack_image_context(folder=settings.training_dir).code_hash)


def test_an_image_that_is_there_is_not_built_again(account: Account, build: Any, settings: Settings) -> None:
    account.registry.tags[plan(settings).tag] = {"imageDigest": "sha256:1"}
    result = build()
    assert (result["uri"], result["is_built"]) == (plan(settings).uri, False)
    assert account.codebuild.started == []
    assert account.uploads == {}


def test_a_missing_image_is_built_from_the_uploaded_context(
    account: Account, build: Any, settings: Settings
) -> None:
    result = build()
    assert (result["uri"], result["is_built"]) == (plan(settings).uri, True)
    [request] = account.codebuild.started
    assert request["sourceLocationOverride"] == source_location(settings, plan=plan(settings))
    assert list(account.uploads) == [plan(settings).context_key]
    assert not result["uri"].endswith(":latest")


def test_another_runs_build_of_the_same_image_is_adopted(
    account: Account, build: Any, settings: Settings
) -> None:
    account.codebuild.start_build(
        projectName="musher-image", sourceLocationOverride=source_location(settings, plan=plan(settings))
    )
    assert build()["is_built"]
    assert len(account.codebuild.started) == 1


def test_a_failed_build_shows_reason_and_log(account: Account, build: Any) -> None:
    account.codebuild.ends_as, account.codebuild.pushes = "FAILED", False
    with pytest.raises(
        AirflowFailException, match=r"ended as FAILED\. .*https://console/log.*clear this task"
    ):
        build()


def test_a_build_that_lost_the_race_is_no_failure(account: Account, build: Any) -> None:
    """Tags are immutable: of two builds of one image, the second push is refused."""
    account.codebuild.ends_as = "FAILED"
    assert build()["is_built"]


def test_a_success_without_an_image_is_a_failure(account: Account, build: Any) -> None:
    account.codebuild.pushes = False
    with pytest.raises(AirflowFailException, match=r"succeeded, but .* is not in the registry"):
        build()


def test_an_image_that_sagemaker_refuses_is_refused(account: Account, build: Any, settings: Settings) -> None:
    media_type = "application/vnd.oci.image.index.v1+json"
    account.registry.tags[plan(settings).tag] = {"imageManifestMediaType": media_type}
    with pytest.raises(AirflowFailException, match="SageMaker takes"):
        build()


def test_without_the_stacks_project_the_ways_out_are_named(account: Account, build: Any) -> None:
    account.codebuild.has_project = False
    with pytest.raises(AirflowFailException, match=r"no CodeBuild project musher-image.*MUSHER_MODEL_IMAGE"):
        build()


def test_an_image_of_ones_own_is_taken_as_it_is(account: Account, build: Any) -> None:
    result = build(model_image="registry/mine:1")
    assert result == {"uri": "registry/mine:1", "is_built": False, "seconds": 0.0}
    assert account.codebuild.started == []


def test_a_wait_that_is_deferred_goes_on_with_what_it_carries(
    account: Account, build: Any, settings: Settings, fake_clock: FakeClock
) -> None:
    with pytest.raises(TaskDeferred) as deferred:
        build(deferrable=True)
    trigger = deferred.value.trigger
    assert isinstance(trigger, BuildCompleteTrigger)
    assert trigger.arguments == {"ids": ["musher-image:1"]}
    again = BuildCompleteTrigger(**trigger.serialize()[1])
    account.codebuild.end_all()
    operator = BuildImageOperator(task_id="build_image")
    operator.__dict__ |= {"hook": account.hook, "settings": settings}
    result = operator.resume(FakeTask().context(), run_here(again, must_leave=lambda: False))
    assert (result["uri"], result["is_built"]) == (plan(settings).uri, True)


def test_a_wait_has_an_end(account: Account, build: Any, fake_clock: FakeClock) -> None:
    account.codebuild.ends_as, account.codebuild.pushes = "IN_PROGRESS", False
    with pytest.raises(AirflowFailException, match=r"has not ended in time\. Stop it in CodeBuild"):
        build(poll_interval_s=60.0)
    assert 3500 < sum(fake_clock.slept) <= 3600


@pytest.mark.parametrize("status", ["FAILED", "FAULT", "TIMED_OUT", "STOPPED"])
def test_every_bad_end_ends_the_wait(
    account: Account, build: Any, fake_clock: FakeClock, status: str
) -> None:
    account.codebuild.ends_as, account.codebuild.pushes = status, False
    with pytest.raises(AirflowFailException, match=f"ended as {status}"):
        build()
    assert len(fake_clock.slept) == 1
