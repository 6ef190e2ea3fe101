"""The tags of what is there already, by its ARN: `READERS` has a function for each service."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from moto.core.exceptions import ServiceException
from werkzeug.exceptions import HTTPException

from localaws.iam.needs.arns import ARN_PARTS, is_arn
from localaws.iam.needs.state import GLOBAL, find_backend

Tags = Mapping[str, str]
NO_TAGS: Tags = {}
ABSENT = (ServiceException, HTTPException)
"""What moto's backends raise for what is not there."""
Reader = Callable[[str, str, str, str], Tags]
"""Return the tags of a resource, by ARN, account, region and the last part of the ARN."""


def find_tags(arn: str, *, account_id: str) -> Tags:
    """Return the tags of a resource; none where it is not there."""
    if not is_arn(arn):
        return NO_TAGS
    _, _, service, region, _, name = arn.split(":", ARN_PARTS - 1)
    reader = READERS.get(service)
    try:
        return NO_TAGS if reader is None else reader(arn, account_id, region, name)
    except ABSENT:
        return NO_TAGS


def find_principal_tags(arn: str, *, account_id: str) -> Tags:
    """Return the tags of a user or a role. Those of a session are not here."""
    return find_tags(arn, account_id=account_id)


def _pairs(entries: Iterable[Mapping[str, Any]]) -> Tags:
    return {str(each["Key"]): str(each.get("Value") or "") for each in entries}


def _sagemaker(arn: str, account_id: str, region: str, name: str) -> Tags:
    backend = find_backend("sagemaker", "sagemaker_backends", account_id=account_id, region=region)
    if backend is None:
        return NO_TAGS
    try:
        found, _ = backend.list_tags(arn)
    except (
        AttributeError,
        ValueError,
    ):  # moto: not there, or of a kind without tags
        return NO_TAGS
    return _pairs(found or ())


def _lambda(arn: str, account_id: str, region: str, name: str) -> Tags:
    backend = find_backend("awslambda", "lambda_backends", account_id=account_id, region=region)
    kind, _, rest = name.partition(":")
    if backend is None or kind != "function":
        return NO_TAGS
    function = rest.partition(":")[0]
    return dict(backend.list_tags(arn.removesuffix(rest) + function))


def _ec2(arn: str, account_id: str, region: str, name: str) -> Tags:
    backend = find_backend("ec2", "ec2_backends", account_id=account_id, region=region)
    return NO_TAGS if backend is None else dict(backend.tags.get(name.partition("/")[2], NO_TAGS))


def _logs(arn: str, account_id: str, region: str, name: str) -> Tags:
    backend = find_backend("logs", "logs_backends", account_id=account_id, region=region)
    group = arn.partition(":log-stream:")[0].removesuffix(":*")
    return NO_TAGS if backend is None else dict(backend.list_tags_for_resource(group))


def _cloudwatch(arn: str, account_id: str, region: str, name: str) -> Tags:
    backend = find_backend("cloudwatch", "cloudwatch_backends", account_id=account_id, region=region)
    return NO_TAGS if backend is None else dict(backend.list_tags_for_resource(arn))


def _iam(arn: str, account_id: str, region: str, name: str) -> Tags:
    backend = find_backend("iam", "iam_backends", account_id=account_id, region=GLOBAL)
    kind, _, rest = name.partition("/")
    if backend is None or kind not in ("role", "user"):
        return NO_TAGS
    if kind == "user":
        return _pairs(backend.list_user_tags(rest.rpartition("/")[2]))
    tags: Any = backend.get_role_by_arn(arn).tags
    return _pairs(tags.values() if isinstance(tags, dict) else tags)


def _ecr(arn: str, account_id: str, region: str, name: str) -> Tags:
    backend = find_backend("ecr", "ecr_backends", account_id=account_id, region=region)
    return NO_TAGS if backend is None else _pairs(backend.list_tags_for_resource(arn)["tags"])


def _s3(arn: str, account_id: str, region: str, name: str) -> Tags:
    backend = find_backend("s3", "s3_backends", account_id=account_id, region=GLOBAL)
    bucket, _, key = name.partition("/")
    if backend is None or key:  # of an object, S3 asks for s3:ExistingObjectTag
        return NO_TAGS
    return dict(backend.tagger.get_tag_dict_for_resource(f"arn:aws:s3:::{bucket}"))


READERS: Mapping[str, Reader] = {
    "cloudwatch": _cloudwatch,
    "ec2": _ec2,
    "ecr": _ecr,
    "iam": _iam,
    "lambda": _lambda,
    "logs": _logs,
    "s3": _s3,
    "sagemaker": _sagemaker,
}
"""Service -> what reads its resources' tags."""
