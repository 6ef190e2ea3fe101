"""What preflight looks at in the account: instances and quotas, roles, bucket, serving image."""

import logging
import re
from collections.abc import Callable, Mapping, Sequence

from botocore.client import BaseClient

from musher import names
from musher.errors import SettingsError
from musher.hooks.account import (
    find_bucket_flaw,
    find_denial,
    find_role,
    look_client,
    read_caller,
    read_quotas,
    simulate_pass_role,
)
from musher.hooks.builds import find_image
from musher.hooks.concurrency import read_concurrency, read_room
from musher.hooks.connection import lambda_hook
from musher.packaging import pack_image_context
from musher.partitions import dns_suffix_of, partition_of
from musher.payloads.builds import check_manifest, plan_image
from musher.payloads.choices import ASYNC
from musher.payloads.concurrency import Concurrency, judge_room, plan_concurrency
from musher.payloads.function_scaling import FunctionScaling, build_scaling
from musher.payloads.quotas import SERVICE, judge_quotas, list_needs
from musher.payloads.tags import LIVE
from musher.results import Params
from musher.settings import Settings

logger = logging.getLogger(__name__)

STACK = "Deploy infra/bootstrap.yaml as docs/aws.md says."
PASSED_ROLES = {
    "sagemaker": "sagemaker.amazonaws.com",
    "endpoint": "sagemaker.amazonaws.com",
    "lambda": "lambda.amazonaws.com",
}

Look = Callable[[], Sequence[str]]


def account_checks(settings: Settings, params: Params) -> list[tuple[str, Look]]:
    """Return what each look is about, and the look, which returns its findings."""
    return [
        ("quotas", lambda: check_quotas(settings, params)),
        ("concurrency", lambda: check_concurrency(settings, params)),
        ("roles", lambda: check_roles(settings)),
        ("passing roles", lambda: check_passing(settings)),
        ("bucket", lambda: check_bucket(settings)),
        ("serving image", lambda: check_image(settings)),
        ("training image", lambda: check_training_image(settings)),
    ]


def check_quotas(settings: Settings, params: Params) -> list[str]:
    """Return which quotas are too small for the run's instances."""
    needs = list_needs(params)
    quotas = read_quotas(
        look_client(settings, "service-quotas"), service=SERVICE, names={need.quota for need in needs}
    )
    return judge_quotas(needs, quotas=quotas, region=settings.region)


def check_concurrency(settings: Settings, params: Params) -> list[str]:
    """Return whether the account has too little concurrency for the function, beside what it has already."""
    if params["endpoint_kind"] == ASYNC:  # has no function
        return []
    hook, live = lambda_hook(settings), names.live_function(settings)
    has, members = Concurrency(reserved=None, provisioned=0), None
    if params["lifetime"] == LIVE:
        members = build_scaling(params)
        if hook.find_function(live):
            has = read_concurrency(hook, name=live)
    return judge_room(
        plan_concurrency(params),
        has=has,
        account=read_room(look_client(settings, "lambda")),
        scaling=FunctionScaling(**members) if members else None,
    )


def check_roles(settings: Settings, *, roles: Mapping[str, str] = PASSED_ROLES) -> list[str]:
    """Return which of the roles (name -> service) are missing, or not trusted to their service."""
    iam, problems = look_client(settings, "iam"), []
    for name, service in roles.items():
        arn = names.role_arn(settings, role=name)
        role = find_role(iam, name=arn.rpartition("/")[2])
        if role is None:
            problems.append(f"The role {arn} does not exist. {STACK}")
        elif service not in str(role["AssumeRolePolicyDocument"]):
            problems.append(f"The role {arn} does not trust {service}. {STACK}")
    return problems


def check_passing(settings: Settings, *, roles: Mapping[str, str] = PASSED_ROLES) -> list[str]:
    """Return which roles Airflow's identity may not give to their service, as IAM's simulation says."""
    iam, caller = look_client(settings, "iam"), read_caller(look_client(settings, "sts"))
    if caller.split(":")[4] != settings.account_id:
        return [
            f"The connection {settings.aws_conn_id} works as {caller}, and MUSHER_ACCOUNT_ID is "
            f"{settings.account_id}. Correct one of them."
        ]
    problems = []
    for name, service in roles.items():
        arn = names.role_arn(settings, role=name)
        decision = simulate_pass_role(iam, caller=caller, role_arn=arn, service=service)
        if decision is None:
            logger.warning("not checked: whether %s may pass %s", caller, arn)
        elif decision != "allowed":
            problems.append(
                f"{caller} may not pass {arn} to {service} ({decision}). Let the connection "
                f"{settings.aws_conn_id} assume {names.role_arn(settings, role='airflow')}, or allow "
                "iam:PassRole."
            )
    return problems


def check_bucket(settings: Settings) -> list[str]:
    """Return what is wrong with the project's bucket."""
    bucket = names.bucket(settings)
    flaw = find_bucket_flaw(
        look_client(settings, "s3"), bucket=bucket, account_id=settings.account_id, region=settings.region
    )
    if flaw is None:
        return []
    return [f"The bucket {bucket} {flaw}. {STACK} Where the name is taken, set another MUSHER_PROJECT."]


def refuse_denied_source(settings: Settings, *, source: str, s3: BaseClient) -> None:
    """Raise SettingsError where AWS denies an s3:// source, naming what lets Musher read it."""
    bucket, _, prefix = source.removeprefix("s3://").partition("/")
    if not source.startswith("s3://") or bucket == names.bucket(settings):
        return
    code = find_denial(s3, bucket=bucket, prefix=prefix)
    if code is None:
        return
    if bucket in settings.source_buckets:
        remedy = (
            f"MUSHER_SOURCE_BUCKETS names {bucket}: name it in the stack's parameter SourceBucketArns, too, "
            "and its key, if it is encrypted with one, in SourceKmsKeyArns; its own policy must allow the "
            "account."
        )
    else:
        remedy = (
            f"Name {bucket} in MUSHER_SOURCE_BUCKETS and arn:{partition_of(settings.region)}:s3:::{bucket} "
            "in the stack's parameter SourceBucketArns, and deploy infra/bootstrap.yaml again."
        )
    raise SettingsError(f"source is {source}, and AWS denies it ({code}). {remedy}")


def check_image(settings: Settings) -> list[str]:
    """Return why there will be no image to serve with; one that can be built is none."""
    if settings.model_image:
        return check_given_image(settings, uri=settings.model_image, variable="MUSHER_MODEL_IMAGE")
    plan = plan_image(settings, context_hash=pack_image_context(folder=settings.training_dir).code_hash)
    image = find_image(
        look_client(settings, "ecr"),
        account_id=settings.account_id,
        repository=names.image_repository(settings),
        tag=plan.tag,
    )
    if image is not None:
        check_manifest(image, uri=plan.uri)
        return []
    project = names.build_project(settings)
    found = look_client(settings, "codebuild").batch_get_projects(names=[project])["projects"]
    if not found:
        return [
            f"There is no image {plan.uri}, and no CodeBuild project {project} that could build it. {STACK} "
            "Or set MUSHER_MODEL_IMAGE to an image of your own."
        ]
    logger.info("%s is missing: build_image will have it built, once", plan.uri)
    return []


def check_training_image(settings: Settings) -> list[str]:
    """Return why an image of one's own cannot be trained with; AWS's are known by region and type."""
    if not settings.training_image:
        return []
    return check_given_image(settings, uri=settings.training_image, variable="MUSHER_TRAINING_IMAGE")


def check_given_image(settings: Settings, *, uri: str, variable: str) -> list[str]:
    """Return whether an image of this account's registry is missing; other registries are not ours to ask."""
    registry = f"{settings.account_id}.dkr.ecr.{settings.region}.{dns_suffix_of(settings.region)}"
    found = re.fullmatch(rf"{re.escape(registry)}/([^:@]+):([^:@]+)", uri)
    if found is None:
        logger.info("%s is %s: not a tag in this account's registry, so it is not looked for", variable, uri)
        return []
    repository, tag = found.groups()
    if not repository.startswith(f"{settings.project}-"):
        logger.warning(
            "%s is in %s, and the stack lets jobs pull from %s-* only", variable, repository, settings.project
        )
    image = find_image(
        look_client(settings, "ecr"), account_id=settings.account_id, repository=repository, tag=tag
    )
    if image is None:
        return [f"{variable} is {uri}, which is not in the registry. Push it, or unset {variable}."]
    check_manifest(image, uri=uri)
    return []
