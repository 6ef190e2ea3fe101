"""Write and read the versions of the model registry."""

import logging
from collections.abc import Iterator, Mapping
from typing import Any

from botocore.exceptions import ClientError

from musher.hooks.endpoints import tags_of_config
from musher.hooks.sagemaker import MISSING_CODES, MusherSageMakerHook
from musher.payloads.approval import REJECTED
from musher.payloads.registry import DATA, RECIPE, RUN
from musher.payloads.tags import PACKAGE_TAG

logger = logging.getLogger(__name__)


def ensure_group(hook: MusherSageMakerHook, *, request: Mapping[str, Any]) -> None:
    """Create a package group where there is none."""
    group = request["ModelPackageGroupName"]
    try:
        hook.conn.describe_model_package_group(ModelPackageGroupName=group)
    except ClientError as error:
        if error.response["Error"]["Code"] not in MISSING_CODES:
            raise
        hook.conn.create_model_package_group(**request)
        logger.info("%s: model package group created", group)


def register(hook: MusherSageMakerHook, *, request: Mapping[str, Any]) -> dict[str, Any]:
    """Create a version, or return the one that an earlier try of the run has made of the same model.

    Returns DescribeModelPackage's answer.
    """
    if found := _find_own(hook, request):
        logger.info("%s: version adopted", found["ModelPackageArn"])
        return found
    arn = hook.conn.create_model_package(**request)["ModelPackageArn"]
    logger.info("%s: version created", arn)
    created: dict[str, Any] = hook.conn.describe_model_package(ModelPackageName=arn)
    return created


def _find_own(hook: MusherSageMakerHook, request: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the version that is this run's, of this model, among the newest of the group."""
    wanted = request["CustomerMetadataProperties"][RUN], model_of(request)
    for found in _list_newest(hook, group=request["ModelPackageGroupName"]):
        if (found.get("CustomerMetadataProperties", {}).get(RUN), model_of(found)) == wanted:
            return found
    return None


def find_refused(
    hook: MusherSageMakerHook, *, group: str, data_hash: str, recipe: str
) -> dict[str, Any] | None:
    """Return the newest version of these data and Params where it was rejected; None where there is none."""
    try:
        newest = list(_list_newest(hook, group=group))
    except ClientError as error:
        if error.response["Error"]["Code"] not in MISSING_CODES:
            raise
        return None  # no group: nothing was ever registered
    for found in newest:
        known = found.get("CustomerMetadataProperties", {})
        if (known.get(DATA), known.get(RECIPE)) == (data_hash, recipe):
            return found if found["ModelApprovalStatus"] == REJECTED else None
    return None


def _list_newest(hook: MusherSageMakerHook, *, group: str) -> Iterator[dict[str, Any]]:
    """Give the descriptions of a group's ten newest versions, the newest first."""
    listed = hook.conn.list_model_packages(
        ModelPackageGroupName=group, SortBy="CreationTime", SortOrder="Descending", MaxResults=10
    )["ModelPackageSummaryList"]
    for summary in listed:
        yield hook.conn.describe_model_package(ModelPackageName=summary["ModelPackageArn"])


def model_of(package: Mapping[str, Any]) -> str:
    """Return the address of the archive that a version stands for."""
    [container] = package["InferenceSpecification"]["Containers"]
    return str(container["ModelDataUrl"])


def data_hash_of(package: Mapping[str, Any] | None) -> str | None:
    """Return the hash of the data that a version was trained with; None where nothing tells it."""
    known: dict[str, str] = (package or {}).get("CustomerMetadataProperties", {})
    return known.get(DATA)


def find_served_package(hook: MusherSageMakerHook, *, config_name: str) -> dict[str, Any] | None:
    """Return the version that an endpoint configuration serves, as the registry describes it.

    None where the configuration or the version is gone, or where the configuration names none.
    """
    arn = tags_of_config(hook, config_name).get(PACKAGE_TAG)
    return hook.find_package(arn) if arn else None
