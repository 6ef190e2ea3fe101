"""Build the StartBuild request for the serving image, and read what CodeBuild and ECR answer.

https://docs.aws.amazon.com/codebuild/latest/APIReference/API_StartBuild.html
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from musher import names
from musher.errors import ImageError
from musher.settings import Settings

IMAGE_VARIABLE = "IMAGE_URI"
"""Where the project's buildspec (infra/bootstrap.yaml) finds the address to push to."""

DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
"""The one kind of manifest that CreateModel takes."""

RUNNING, SUCCEEDED = "IN_PROGRESS", "SUCCEEDED"


@dataclass(frozen=True, kw_only=True)
class ImagePlan:
    """An image, by its content: where it is to lie, and the key of the archive that it is built from."""

    tag: str
    uri: str
    context_key: str


def plan_image(settings: Settings, *, context_hash: str) -> ImagePlan:
    """Return the plan of the image that is built from a context with this hash."""
    tag = names.image_tag(context_hash)
    return ImagePlan(
        tag=tag,
        uri=names.image_uri(settings, tag=tag),
        context_key=names.image_context_key(settings, context_hash=context_hash),
    )


def build_start_build(settings: Settings, *, plan: ImagePlan) -> dict[str, Any]:
    """Return the StartBuild request."""
    return {
        "projectName": names.build_project(settings),
        "sourceTypeOverride": "S3",
        "sourceLocationOverride": source_location(settings, plan=plan),
        "environmentVariablesOverride": [{"name": IMAGE_VARIABLE, "value": plan.uri, "type": "PLAINTEXT"}],
    }


def source_location(settings: Settings, *, plan: ImagePlan) -> str:
    """Return the archive's address as CodeBuild writes it; it tells one image's builds from another's."""
    return f"{names.bucket(settings)}/{plan.context_key}"


def find_running(builds: Iterable[Mapping[str, Any]], *, location: str) -> str | None:
    """Return the id of a build that is making the image of this source, or None."""
    for build in builds:
        if build["buildStatus"] == RUNNING and build.get("source", {}).get("location") == location:
            return str(build["id"])
    return None


def check_manifest(image: Mapping[str, Any], *, uri: str) -> None:
    """Raise ImageError for an image that CreateModel would refuse, such as BuildKit's default, an OCI index.

    An answer without a media type, as ECR gives for old images, passes.
    """
    found = image.get("imageManifestMediaType", DOCKER_MANIFEST)
    if found != DOCKER_MANIFEST:
        raise ImageError(
            f"{uri} has a manifest of type {found}, and SageMaker takes {DOCKER_MANIFEST} only. Build it "
            "with --platform linux/amd64 --provenance=false --sbom=false and Docker's media types, or delete "
            "it: the next run builds it."
        )


def explain_failure(build: Mapping[str, Any]) -> str:
    """Return what failed in a build, with what its phases say and where its log is."""
    said = [
        f"{phase['phaseType']}: {context.get('message') or context.get('statusCode')}"
        for phase in build.get("phases", [])
        for context in phase.get("contexts", [])
        if phase.get("phaseStatus") not in (None, "SUCCEEDED") and context.get("statusCode")
    ]
    log = build.get("logs", {}).get("deepLink") or "CloudWatch Logs, group /aws/codebuild"
    reasons = "; ".join(said) or "CodeBuild gives no reason"
    return f"Build {build['id']} ended as {build['buildStatus']}. {reasons}. Its log: {log}"
