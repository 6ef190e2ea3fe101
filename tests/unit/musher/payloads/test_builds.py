"""The request that builds the serving image, and what is read from CodeBuild's and ECR's answers."""

from typing import Any

import pytest
from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.validate import ParamValidator

from musher.errors import ImageError
from musher.payloads.builds import (
    DOCKER_MANIFEST,
    build_start_build,
    check_manifest,
    explain_failure,
    find_running,
    plan_image,
    source_location,
)
from musher.settings import Settings
from tests.objections import objection

SETTINGS = Settings(account_id="123456789012", region="eu-west-1")
PLAN = plan_image(SETTINGS, context_hash="0123456789abcdef" * 4)
LOCATION = f"musher-123456789012-eu-west-1/musher/code/{'0123456789abcdef' * 4}/image.zip"


def test_the_build_gets_its_source_and_the_address_of_its_image() -> None:
    request = build_start_build(SETTINGS, plan=PLAN)
    image = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/musher-model:0123456789abcdef"
    assert request == {
        "projectName": "musher-image",
        "sourceTypeOverride": "S3",
        "sourceLocationOverride": LOCATION,
        "environmentVariablesOverride": [{"name": "IMAGE_URI", "value": image, "type": "PLAINTEXT"}],
    }
    shape = ServiceModel(Loader().load_service_model("codebuild", "service-2")).operation_model("StartBuild")
    report = ParamValidator().validate(request, shape.input_shape)
    assert not report.has_errors(), report.generate_report()


def build(status: str, location: str = LOCATION, **more: Any) -> dict[str, Any]:
    """Return a build as BatchGetBuilds answers it."""
    return {"id": f"musher-image:{status}", "buildStatus": status, "source": {"location": location}, **more}


def test_a_running_build_of_the_same_source_is_found() -> None:
    builds = [build("FAILED"), build("IN_PROGRESS", "b/other.zip"), build("IN_PROGRESS")]
    assert find_running(builds, location=source_location(SETTINGS, plan=PLAN)) == "musher-image:IN_PROGRESS"
    assert find_running(builds[:2], location=LOCATION) is None


@pytest.mark.parametrize(
    "media_type", ["application/vnd.oci.image.index.v1+json", "application/vnd.oci.image.manifest.v1+json"]
)
def test_a_manifest_that_create_model_refuses_is_refused_first(media_type: str) -> None:
    with pytest.raises(
        ImageError, match=r"musher-model:0123.* has a manifest of type application/vnd\.oci.*"
    ) as e:
        check_manifest({"imageManifestMediaType": media_type}, uri=PLAN.uri)
    assert "--provenance=false" in str(e.value)


@pytest.mark.parametrize("image", [{}, {"imageManifestMediaType": DOCKER_MANIFEST}])
def test_dockers_manifest_passes(image: dict[str, Any]) -> None:
    assert objection(check_manifest, image, uri=PLAN.uri) is None


def test_a_failure_says_phase_reason_and_log() -> None:
    phases = [
        {"phaseType": "SUBMITTED", "phaseStatus": "SUCCEEDED"},
        {
            "phaseType": "BUILD",
            "phaseStatus": "FAILED",
            "contexts": [{"statusCode": "COMMAND_EXECUTION_ERROR", "message": "exit status 1"}],
        },
        {"phaseType": "COMPLETED"},
    ]
    failed = build("FAILED", phases=phases, logs={"deepLink": "https://console/log"})
    assert explain_failure(failed) == (
        "Build musher-image:FAILED ended as FAILED. BUILD: exit status 1. Its log: https://console/log"
    )


def test_a_failure_without_reasons_says_so() -> None:
    text = explain_failure(build("FAULT"))
    assert "CodeBuild gives no reason" in text
    assert text.endswith("group /aws/codebuild")
