"""Find the serving image in the account's registry, and have CodeBuild make it where it is missing."""

import logging
import uuid
from os import PathLike
from typing import Any

from airflow.providers.amazon.aws.hooks.base_aws import AwsBaseHook
from botocore.exceptions import ClientError

from musher import names
from musher.errors import ImageError
from musher.hooks.answers import WholeAnswers
from musher.hooks.waits import WAITERS
from musher.payloads.builds import (
    RUNNING,
    SUCCEEDED,
    ImagePlan,
    build_start_build,
    explain_failure,
    find_running,
    source_location,
)
from musher.settings import Settings

logger = logging.getLogger(__name__)

MISSING_IMAGE = ("ImageNotFoundException", "RepositoryNotFoundException")
MISSING_PROJECT = "ResourceNotFoundException"
LATEST_BUILDS = 20
"""How many of the latest builds are looked through; they last minutes, so more never run at once."""


class MusherCodeBuildHook(WholeAnswers, AwsBaseHook):
    """Add waits as data to a hook for CodeBuild."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Take the parameters of every AWS hook."""
        super().__init__(*args, **{**kwargs, "client_type": "codebuild"})

    @property
    def waiter_path(self) -> PathLike[str]:
        """Return the file of Musher's own CodeBuild waiters."""
        return WAITERS / "codebuild.json"


def find_image(ecr: Any, *, account_id: str, repository: str, tag: str) -> dict[str, Any] | None:
    """Return ECR's description of an image, or None where the image or its repository is missing."""
    try:
        answer = ecr.describe_images(
            registryId=account_id, repositoryName=repository, imageIds=[{"imageTag": tag}]
        )
    except ClientError as error:
        if error.response["Error"]["Code"] in MISSING_IMAGE:
            return None
        raise
    found: dict[str, Any] = answer["imageDetails"][0]
    return found


def adopt_or_start(hook: MusherCodeBuildHook, settings: Settings, *, plan: ImagePlan) -> str:
    """Return the id of a build of this image: one that another task has started, or a new one."""
    project = names.build_project(settings)
    try:
        ids = hook.conn.list_builds_for_project(projectName=project, sortOrder="DESCENDING")["ids"]
        builds = hook.conn.batch_get_builds(ids=ids[:LATEST_BUILDS])["builds"] if ids else []
        running = find_running(builds, location=source_location(settings, plan=plan))
        if running is not None:
            logger.info("%s: build adopted", running)
            return running
        request = build_start_build(settings, plan=plan)
        token = (
            uuid.uuid4().hex
        )  # botocore may repeat the call, and gives none itself: one build all the same
        build_id = str(hook.conn.start_build(**request, idempotencyToken=token)["build"]["id"])
    except ClientError as error:
        if error.response["Error"]["Code"] == MISSING_PROJECT:
            raise _missing_project(project, plan) from error
        raise
    logger.info("%s: build of %s started", build_id, plan.uri)
    return build_id


def describe_build(hook: MusherCodeBuildHook, *, build_id: str) -> dict[str, Any]:
    """Return a build as it is now."""
    build: dict[str, Any] = hook.conn.batch_get_builds(ids=[build_id])["builds"][0]
    return build


def build_failure(build: dict[str, Any], *, uri: str) -> ImageError:
    """Return the error of a build after which there is no image."""
    name, status = build["id"], build["buildStatus"]
    if status == SUCCEEDED:
        return ImageError(
            f"Build {name} succeeded, but {uri} is not in the registry. Deploy infra/bootstrap.yaml again: "
            "its build pushes to the address that it is given."
        )
    if status == RUNNING:
        return ImageError(f"Build {name} has not ended in time. Stop it in CodeBuild, then clear this task.")
    return ImageError(f"{explain_failure(build)}. Correct the cause, then clear this task.")


def _missing_project(project: str, plan: ImagePlan) -> ImageError:
    return ImageError(
        f"There is no image {plan.uri}, and no CodeBuild project {project} that could build it. Deploy "
        "infra/bootstrap.yaml, or set MUSHER_MODEL_IMAGE to an image of your own."
    )
