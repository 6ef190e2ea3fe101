"""Take a snapshot of an account: every list that AWS lets us have, and the names of the others."""

from datetime import datetime
from functools import partial
from typing import Any

from musher.iam.account import Account
from musher.iam.credentials import Credentials, read_credentials
from musher.iam.listing import list_buckets, list_endpoints, list_functions, list_repositories
from musher.iam.looks import Looks, MakeClient
from musher.iam.principals import Principals
from musher.partitions import partition_of

KINDS = ["User", "Role", "Group", "LocalManagedPolicy"]
"""Not AWSManagedPolicy: of AWS's 1,600 policies only those are read that somebody has."""


def take_snapshot(make_client: MakeClient, *, account_id: str, region: str, now: datetime) -> Account:
    """Return what an account has. Nothing is raised for what AWS refuses: it is in `unseen`."""
    looks, iam = Looks(), make_client("iam")
    details = looks.at("roles, users, groups and policies", partial(_read_details, iam)) or {}
    principals = Principals(iam, looks, details)
    read = partial(read_credentials, iam, looks, has_details=bool(details))
    credentials = read(user_names=[user["UserName"] for user in details.get("UserDetailList", [])])
    return Account(
        account_id=account_id,
        region=region,
        taken_at=now,
        partition=partition_of(region),
        roles=principals.roles(),
        users=_with_credentials(principals, credentials),
        groups=principals.groups(),
        managed=principals.managed,
        of_aws=principals.of_aws,
        root=credentials.root,
        buckets=looks.at("buckets", partial(list_buckets, make_client("s3"), looks)),
        functions=looks.at("functions", partial(list_functions, make_client("lambda"), looks)),
        endpoints=looks.at("endpoints", partial(list_endpoints, make_client("sagemaker"))),
        repositories=looks.at("repositories", partial(list_repositories, make_client("ecr"), looks)),
        unseen=tuple(looks.unseen),
    )


def _with_credentials(principals: Principals, credentials: Credentials) -> tuple[Any, ...]:
    return tuple(
        principals.user(
            detail,
            keys=credentials.keys.get(detail["UserName"]),
            report=credentials.report.get(detail["UserName"], {}),
        )
        for detail in principals.details.get("UserDetailList", [])
    )


def _read_details(iam: Any) -> dict[str, list[Any]]:
    """Return the lists of all pages."""
    found: dict[str, list[Any]] = {}
    for page in iam.get_paginator("get_account_authorization_details").paginate(Filter=KINDS):
        for name in ("UserDetailList", "GroupDetailList", "RoleDetailList", "Policies"):
            found.setdefault(name, []).extend(page.get(name, []))
    return found
