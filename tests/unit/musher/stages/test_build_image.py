"""build_image: found by content, built where missing, adopted where another run builds."""

import dataclasses
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException
from botocore.exceptions import ClientError

from musher.packaging import pack_image_context
from musher.payloads.builds import plan_image, source_location
from musher.settings import Settings
from musher.stages import image
from musher.stages.run import Run


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

    def end(self, build_id: str) -> None:
        """End a build."""
        build = self.builds[build_id]
        build["buildStatus"] = self.ends_as
        if self.pushes:
            tag = build["source"]["location"].split("/")[-2][:16]
            self.registry.tags[tag] = {"imageDigest": "sha256:0"}


class Account(SimpleNamespace):
    """What the stage meets in the account."""

    registry: FakeRegistry
    codebuild: FakeCodeBuild
    uploads: dict[str, bytes]


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Account:
    """An account without the image."""
    registry = FakeRegistry()
    codebuild = FakeCodeBuild(registry)
    uploads: dict[str, bytes] = {}

    def wait(hook: Any, *, build_id: str, delay_s: float) -> dict[str, Any]:
        codebuild.end(build_id)
        return codebuild.builds[build_id]

    monkeypatch.setattr(image, "ecr_hook", lambda settings: SimpleNamespace(conn=registry))
    monkeypatch.setattr(image, "hook_parameters", lambda settings: {})
    monkeypatch.setattr(image, "MusherCodeBuildHook", lambda: SimpleNamespace(conn=codebuild))
    monkeypatch.setattr(image, "s3_hook", lambda settings: None)
    monkeypatch.setattr(image, "upload_once", lambda hook, settings, key, data: uploads.update({key: data}))
    monkeypatch.setattr(image, "wait_for_build", wait)
    return Account(registry=registry, codebuild=codebuild, uploads=uploads)


@pytest.fixture
def build(monkeypatch: pytest.MonkeyPatch, form_run: Callable[..., Run]) -> Callable[..., dict[str, Any]]:
    """Run the task."""

    def run(**changes: Any) -> dict[str, Any]:
        found = form_run()
        found = dataclasses.replace(found, settings=dataclasses.replace(found.settings, **changes))
        monkeypatch.setattr(image, "current_run", lambda: found)
        result: dict[str, Any] = image.build_image.function()
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
