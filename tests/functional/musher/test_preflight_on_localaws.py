"""preflight and build_image against an AWS over the wire: what is there passes, no success is invented."""

import dataclasses
import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException

from musher import names
from musher.operators.images import BuildImageOperator, has_image
from musher.packaging import pack_image_context
from musher.params.form import SECTIONS
from musher.payloads.builds import DOCKER_MANIFEST, ImagePlan, plan_image
from musher.settings import Settings
from musher.stages import account_checks
from musher.stages.checks import Check, look_at_all
from tests.unit.musher.operators.fakes import FakeTask

PARAMS = {name: param.value for section in SECTIONS for name, param in section.items()}
MAX_LOOK_S = 30.0
"""All looks together, on a busy machine: what an AWS lacks must not be asked for minutes."""


def look(settings: Settings) -> tuple[list[str], list[str]]:
    """Look at everything in the account."""
    checks = account_checks.account_checks(settings, PARAMS)
    return look_at_all(Check(about=about, look=one) for about, one in checks)


@pytest.fixture(scope="module")
def plan(installation: Settings) -> ImagePlan:
    """The serving image of this checkout."""
    context = pack_image_context(folder=installation.training_dir)
    return plan_image(installation, context_hash=context.code_hash)


@pytest.fixture
def project(localaws: Any, installation: Settings) -> Iterator[str]:
    """The build project, which the stack leaves out here; its builds succeed at once, doing nothing."""
    client, name = localaws.client("codebuild"), names.build_project(installation)
    client.create_project(
        name=name,
        source={"type": "S3", "location": "b/k"},
        artifacts={"type": "NO_ARTIFACTS"},
        environment={"type": "LINUX_CONTAINER", "image": "i", "computeType": "BUILD_GENERAL1_SMALL"},
        serviceRole=names.role_arn(installation, role="codebuild"),
    )
    yield name
    client.delete_project(name=name)


def test_a_deployed_stack_passes_and_what_is_no_service_here_only_warns(installation: Settings) -> None:
    started = time.monotonic()
    own = dataclasses.replace(installation, model_image="localaws/code-of-the-archive")
    problems, warnings = look(own)
    assert problems == []
    assert [warning.split(" (")[0] for warning in warnings if warning.startswith("quotas")] == ["quotas"]
    assert time.monotonic() - started < MAX_LOOK_S


def test_more_concurrency_than_the_account_has_is_refused_with_the_values(installation: Settings) -> None:
    fits = account_checks.check_concurrency(installation, {**PARAMS, "function_reserved": 5})
    [found] = account_checks.check_concurrency(installation, {**PARAMS, "function_reserved": 901})
    assert fits == []
    assert "function_reserved is 901" in found
    assert "its limit is 1000" in found


@pytest.mark.parametrize(
    ("lifetime", "changes", "refused"),
    [
        ("live", {"function_scale_max": 5}, False),
        ("live", {"function_scale_max": 901}, True),
        ("live", {"function_scale_max": 5, "function_scale_schedule": ["rate(1 day) 1 99"]}, False),
        ("trial", {"function_scale_max": 901}, False),
    ],
)
def test_growth_that_nothing_is_reserved_for_must_have_room_in_the_account(
    installation: Settings, lifetime: str, changes: dict[str, Any], refused: bool
) -> None:
    asked = {**PARAMS, "function_reserved": 0, "function_provisioned": 1, "lifetime": lifetime, **changes}
    found = account_checks.check_concurrency(installation, asked)
    assert [sentence for sentence in found if "which may grow to 901" in sentence] == found
    assert bool(found) is refused


def test_a_stack_that_was_never_deployed_is_found_part_by_part(installation: Settings) -> None:
    problems, _ = look(dataclasses.replace(installation, project="nowhere"))
    text = "\n".join(problems)
    roles = ("role/nowhere-sagemaker", "role/nowhere-endpoint", "role/nowhere-lambda")
    for part in (*roles, "bucket nowhere-", "project nowhere-image"):
        assert part in text


def test_a_build_that_says_it_succeeded_is_not_believed_without_its_image(
    with_settings: Callable[..., Any], airflow_task: FakeTask, project: str, plan: ImagePlan
) -> None:
    operator = with_settings(BuildImageOperator(task_id="build_image"))
    with pytest.raises(
        AirflowFailException, match=rf"Build {project}:.* succeeded, but {plan.uri} is not in"
    ):
        operator.execute(airflow_task.context())


def test_an_image_in_the_registry_is_found(localaws: Any, installation: Settings, plan: ImagePlan) -> None:
    assert not has_image(installation, plan=plan)
    manifest = {"schemaVersion": 2, "mediaType": DOCKER_MANIFEST, "layers": []}
    localaws.client("ecr").put_image(
        repositoryName=names.image_repository(installation),
        imageManifest=json.dumps(manifest),
        imageTag=plan.tag,
    )
    assert has_image(installation, plan=plan)
    assert account_checks.check_image(installation) == []
