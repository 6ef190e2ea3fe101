"""Look at what an account has, before anything is paid for. No call here changes anything.

Each function raises botocore's error where AWS refuses the look: the caller decides what that means.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from airflow.providers.amazon.aws.hooks.base_aws import AwsBaseHook
from botocore.config import Config
from botocore.exceptions import ClientError

from musher.hooks.answers import with_whole_answers
from musher.hooks.connection import hook_parameters
from musher.settings import Settings

LOOK = Config(connect_timeout=5, read_timeout=20, retries={"total_max_attempts": 2, "mode": "standard"})
"""A look that fails is a warning, so it is not worth minutes."""

DENIALS = ("403", "AccessDenied", "Forbidden")
NOBODY = ("NoSuchEntity", "404", "NoSuchBucket", "NotFound")
PAGE = 100


def look_client(settings: Settings, service: str) -> Any:
    """Return a client that gives up early."""
    hook = AwsBaseHook(**hook_parameters(settings), client_type=service, config=LOOK)
    return with_whole_answers(hook).conn


def read_quotas(client: Any, *, service: str, names: Collection[str]) -> dict[str, float]:
    """Return quota name -> value: the account's own, and AWS's default for what was never changed.

    Service Quotas has no question by name, so pages are read until every one of `names` has come.
    """
    found: dict[str, float] = {}
    for operation in ("list_service_quotas", "list_aws_default_service_quotas"):
        for quota in _quotas(client, operation, service=service):
            found.setdefault(quota["QuotaName"], float(quota["Value"]))
            if set(names) <= set(found):
                return found
    return found


def _quotas(client: Any, operation: str, *, service: str) -> Iterator[Mapping[str, Any]]:
    pages = client.get_paginator(operation).paginate(ServiceCode=service, PaginationConfig={"PageSize": PAGE})
    for page in pages:
        yield from page["Quotas"]


def find_role(iam: Any, *, name: str) -> dict[str, Any] | None:
    """Return a role, or None."""
    try:
        role: dict[str, Any] = iam.get_role(RoleName=name)["Role"]
    except ClientError as error:
        if error.response["Error"]["Code"] in NOBODY:
            return None
        raise
    return role


def read_caller(sts: Any) -> str:
    """Return the ARN of the role or user that Airflow's connection works as."""
    arn: str = sts.get_caller_identity()["Arn"]
    prefix, found, rest = arn.partition(":assumed-role/")
    if not found:
        return arn
    return f"{prefix.replace(':sts:', ':iam:')}:role/{rest.partition('/')[0]}"


def simulate_pass_role(iam: Any, *, caller: str, role_arn: str, service: str) -> str | None:
    """Return IAM's decision on whether the caller may give a role to a service: allowed, implicitDeny, ...

    None: it depends on something that the simulation was not told.
    """
    passed_to = {
        "ContextKeyName": "iam:PassedToService",
        "ContextKeyValues": [service],
        "ContextKeyType": "string",
    }
    answer = iam.simulate_principal_policy(
        PolicySourceArn=caller,
        ActionNames=["iam:PassRole"],
        ResourceArns=[role_arn],
        ContextEntries=[passed_to],
    )
    result: dict[str, Any] = answer["EvaluationResults"][0]
    is_open = result["EvalDecision"] == "implicitDeny" and bool(result.get("MissingContextValues"))
    return None if is_open else str(result["EvalDecision"])


def find_bucket_flaw(s3: Any, *, bucket: str, account_id: str, region: str) -> str | None:
    """Return what is wrong with the project's bucket, or None."""
    try:
        answer = s3.head_bucket(Bucket=bucket)
    except ClientError as error:
        if error.response["Error"]["Code"] in NOBODY:
            return "does not exist"
        raise
    found = answer.get("BucketRegion") or region
    if found != region:
        return f"is in {found}, not in {region}"
    try:
        s3.head_bucket(Bucket=bucket, ExpectedBucketOwner=account_id)
    except ClientError as error:
        if error.response["Error"]["Code"] not in DENIALS:
            raise
        # The first look was allowed, so only the owner can be what is refused.
        return f"belongs to another account than {account_id}"
    return None


def find_denial(s3: Any, *, bucket: str, prefix: str) -> str | None:
    """Return AWS's code where listing a prefix is denied, or None; other errors are the reader's."""
    try:
        s3.list_objects_v2(Bucket=bucket, Prefix=prefix, MaxKeys=1)
    except ClientError as error:
        code = str(error.response["Error"]["Code"])
        return code if code in ("AccessDenied", "403", "AllAccessDisabled") else None
    return None
