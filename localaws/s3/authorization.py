"""What the policy of a bucket says of one request.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/amazon-s3-policy-keys.html
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote

from moto.iam.access_control import PermissionResult
from moto.s3.models import FakeBucket, s3_backends

from localaws.iam import evaluation
from localaws.iam.callers import Principal, find_principal
from localaws.iam.patterns import Facts
from localaws.iam.policies import read_statements
from localaws.s3.target import read_caller, read_query

HEADER_KEYS = (
    "s3:x-amz-acl",
    "s3:x-amz-content-sha256",
    "s3:x-amz-copy-source",
    "s3:x-amz-metadata-directive",
    "s3:x-amz-server-side-encryption",
    "s3:x-amz-server-side-encryption-aws-kms-key-id",
    "s3:x-amz-server-side-encryption-customer-algorithm",
    "s3:x-amz-storage-class",
)
"""Condition keys that are headers of the request."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What a policy may look at in a request; names of headers are lower case."""

    headers: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    address: str = ""

    @classmethod
    def of(cls, headers: Mapping[str, str], *, query: str, address: str) -> "Asked":
        """Read a request."""
        names = {name.lower(): value for name, value in headers.items()}
        return cls(headers=names, query=read_query(query), address=address)

    def find_principal(self) -> Principal | None:
        """Return who asks; None for anybody who does not say."""
        caller = read_caller(self.headers, self.query)
        return find_principal(caller.access_key_id) if caller and caller.access_key_id else None

    def facts(self, principal: Principal | None) -> Facts:
        """Return the condition keys that are known, in lower case.

        A request over plain HTTP on loopback stands for one over HTTPS. Of a part of an upload nothing is
        known that was said when the upload began.
        """
        facts: dict[str, str | None] = {
            "aws:securetransport": "true",
            "aws:sourceip": self.address or None,
            "aws:referer": self.headers.get("referer"),
            "aws:useragent": self.headers.get("user-agent"),
            "aws:principalarn": principal.condition_arn if principal else None,
            "aws:principalaccount": principal.account_id if principal else None,
            "aws:userid": principal.user_id if principal else None,
            "aws:sourcearn": None,  # no service of AWS asks by HTTP here
            "aws:sourceaccount": None,
        }
        if "uploadId" not in self.query:
            facts |= {key: self.headers.get(key.removeprefix("s3:")) for key in HEADER_KEYS}
        return facts


def find_permission(bucket: FakeBucket, *, action: str, resource: str, asked: Asked) -> PermissionResult:
    """Return what a bucket's policy says of an action; NEUTRAL where it says nothing."""
    if bucket.policy is None:
        return PermissionResult.NEUTRAL
    principal = asked.find_principal()
    verdict = evaluation.evaluate(
        principal.as_caller() if principal else evaluation.Caller(),
        evaluation.Asked(
            action=action, resource=resource, account_id=bucket.account_id, facts=asked.facts(principal)
        ),
        evaluation.Policies(resource=read_statements([bucket.policy.decode()])),
    )
    if verdict.is_allowed:
        return PermissionResult.PERMITTED
    return PermissionResult.DENIED if verdict.is_explicit else PermissionResult.NEUTRAL


def is_readable_by_all(path: str) -> bool:
    """Tell whether the ACL of an object lets everybody read it; `path` is that of its bucket and key."""
    name, _, key = unquote(path[1:]).partition("/")
    partition, account_id = s3_backends.bucket_accounts.get(name, ("", ""))
    bucket = s3_backends[account_id][partition].buckets.get(name) if account_id else None
    if bucket is None:
        return False
    found = bucket.keys.get(key)
    return found is not None and bool(found.acl) and bool(found.acl.public_read)


def get_permission(bucket: FakeBucket, action: str, resource: str) -> PermissionResult:
    """Return what a bucket's policy says of an action of the request that moto answers now."""
    from flask import has_request_context, request

    asked = Asked()
    if has_request_context():
        asked = Asked.of(
            dict(request.headers), query=request.query_string.decode(), address=request.remote_addr or ""
        )
    return find_permission(bucket, action=action, resource=resource, asked=asked)


def install() -> None:
    """Let moto ask for permission here."""
    setattr(FakeBucket, "get_permission", get_permission)  # noqa: B010 - mypy refuses to assign it
