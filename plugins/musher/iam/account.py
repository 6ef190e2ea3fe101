"""A snapshot of what an account has, as the rules look at it. Nothing here changes, and nothing asks AWS.

What could not be looked at is None where a list or a setting would be, and is named in `Account.unseen`: a
rule says nothing about it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from musher.iam.documents import Document
from musher.iam.grants import Grant, Policy

IDENTITY, TRUST, RESOURCE = "identity", "trust", "resource"
"""Kinds of policy documents."""


@dataclass(frozen=True, kw_only=True)
class AccessKey:
    """A user's access key; `last_used_at` is None where it never was, or where `is_use_known` is False."""

    id: str
    is_active: bool
    created_at: datetime
    last_used_at: datetime | None = None
    is_use_known: bool = True


@dataclass(frozen=True, kw_only=True)
class Principal:
    """What a role, a user and a group have in common."""

    kind: str
    """role, user or group."""
    name: str
    arn: str
    created_at: datetime
    policies: tuple[Policy, ...] = ()
    """Inline ones and attached ones."""
    boundary_arn: str = ""

    @property
    def inline(self) -> tuple[Policy, ...]:
        """Return the policies that are part of it."""
        return tuple(policy for policy in self.policies if not policy.arn)

    @property
    def attached(self) -> tuple[Policy, ...]:
        """Return its managed policies."""
        return tuple(policy for policy in self.policies if policy.arn)


@dataclass(frozen=True, kw_only=True)
class Role(Principal):
    """A role."""

    trust: Document
    last_used_at: datetime | None = None
    path: str = "/"

    @property
    def is_of_service(self) -> bool:
        """Return whether it belongs to a service of AWS's, and nobody else can change it."""
        return self.path.startswith("/aws-service-role/")

    def trusts(self, service: str) -> bool:
        """Return whether a service may assume it."""
        return service in self.services

    @property
    def services(self) -> frozenset[str]:
        """Return the services that may assume it."""
        allowing = (found for found in self.trust.statements if found.is_allow)
        return frozenset(name for found in allowing for name in found.principals.get("Service", ()))


@dataclass(frozen=True, kw_only=True)
class User(Principal):
    """A user; None for what the credential report would have said, and for keys that were not listed."""

    groups: tuple[str, ...] = ()
    keys: tuple[AccessKey, ...] | None = ()
    has_console: bool | None = None
    has_mfa: bool | None = None


@dataclass(frozen=True, kw_only=True)
class Root:
    """The account's root user; None for what could not be read."""

    has_keys: bool | None = None
    has_mfa: bool | None = None


@dataclass(frozen=True, kw_only=True)
class Bucket:
    """A bucket's settings; None where one could not be looked at."""

    name: str
    is_encrypted: bool | None = None
    is_versioned: bool | None = None
    is_public_blocked: bool | None = None
    """Whether all four of its public access block are on."""
    has_policy: bool | None = None
    policy: Document | None = None


@dataclass(frozen=True, kw_only=True)
class Function:
    """A Lambda function."""

    name: str
    arn: str
    role_arn: str
    is_limit_known: bool = True
    reserved: int | None = None
    """Reserved concurrency; None: it may take all that the account has left."""
    policy: Document | None = None


@dataclass(frozen=True, kw_only=True)
class Named:
    """An endpoint, or a repository with its policy."""

    name: str
    arn: str
    policy: Document | None = None


@dataclass(frozen=True, kw_only=True)
class Analysis:
    """What Access Analyzer says of a document."""

    arn: str
    document: Document
    severity: str
    text: str
    line: int
    column: int
    page: str


@dataclass(frozen=True, kw_only=True)
class Unseen:
    """What could not be looked at, and why."""

    what: str
    reason: str


@dataclass(frozen=True, kw_only=True, eq=False)
class Account:
    """All that was looked at."""

    account_id: str
    region: str
    taken_at: datetime
    partition: str = "aws"
    roles: tuple[Role, ...] = ()
    users: tuple[User, ...] = ()
    groups: tuple[Principal, ...] = ()
    managed: tuple[Policy, ...] = ()
    """The account's own managed policies, attached or not."""
    of_aws: tuple[Policy, ...] = ()
    """AWS's own managed policies that somebody has, or has as a boundary."""
    root: Root | None = None
    buckets: tuple[Bucket, ...] | None = None
    functions: tuple[Function, ...] | None = None
    endpoints: tuple[Named, ...] | None = None
    repositories: tuple[Named, ...] | None = None
    analyses: tuple[Analysis, ...] = ()
    """Of Access Analyzer, where it was asked."""
    unseen: tuple[Unseen, ...] = ()

    @property
    def principals(self) -> Iterator[Principal]:
        """Give all whom policies are attached to, but for the roles of AWS's services."""
        yield from (role for role in self.roles if not role.is_of_service)
        yield from self.users
        yield from self.groups

    @cached_property
    def actors(self) -> tuple[Principal, ...]:
        """Return roles and users, who make requests, and groups without members, who may get some."""
        used = {name for user in self.users for name in user.groups}
        return tuple(found for found in self.principals if found.kind != "group" or found.name not in used)

    @cached_property
    def grants(self) -> Mapping[str, tuple[Grant, ...]]:
        """Return ARN -> the statements of all policies that count for a role, a user or a group."""
        groups = {group.name: group for group in self.groups}
        found = {}
        for principal in self.principals:
            names = principal.groups if isinstance(principal, User) else ()
            sources = (principal, *(groups[name] for name in names if name in groups))
            found[principal.arn] = tuple(
                Grant(policy=policy, statement=statement)
                for source in sources
                for policy in source.policies
                for statement in policy.document.statements
            )
        return found

    @property
    def documents(self) -> Iterator[tuple[str, str, Document]]:
        """Give whose it is, its kind (identity, trust, resource), and each document of the account's own."""
        for role in self.roles:
            if not role.is_of_service:
                yield role.arn, TRUST, role.trust
        for principal in self.principals:
            yield from ((principal.arn, IDENTITY, policy.document) for policy in principal.inline)
        yield from ((policy.arn, IDENTITY, policy.document) for policy in self.managed)
        for bucket in self.buckets or ():
            if bucket.policy:
                yield f"arn:{self.partition}:s3:::{bucket.name}", RESOURCE, bucket.policy
        for function in self.functions or ():
            if function.policy:
                yield function.arn, RESOURCE, function.policy
        for repository in self.repositories or ():
            if repository.policy:
                yield repository.arn, RESOURCE, repository.policy

    @cached_property
    def boundaries(self) -> Mapping[str, Document]:
        """Return ARN -> document of the managed policies that are boundaries, as far as they are known."""
        return {policy.arn: policy.document for policy in (*self.managed, *self.of_aws)}

    @cached_property
    def in_use(self) -> frozenset[str]:
        """Return the ARNs of the managed policies that somebody has."""
        return frozenset(policy.arn for found in self.principals for policy in found.attached)

    def allowing(self, principal: Principal, action: str) -> tuple[Grant, ...]:
        """Return what allows an action, which nothing denies altogether and the boundary lets through."""
        grants = self.grants[principal.arn]
        if any(_denies(grant, action) for grant in grants) or not self._is_within(principal, action):
            return ()
        return tuple(
            grant for grant in grants if grant.statement.is_allow and grant.statement.is_about(action)
        )

    def _is_within(self, principal: Principal, action: str) -> bool:
        """Return whether the boundary allows an action; one that could not be read counts as if it did."""
        boundary = self.boundaries.get(principal.boundary_arn)
        if boundary is None:
            return True
        denied = any(not found.is_allow and found.is_about(action) for found in boundary.statements)
        return not denied and any(boundary.allows(action))


def _denies(grant: Grant, action: str) -> bool:
    statement = grant.statement
    is_whole = statement.effect == "Deny" and not statement.conditions and "*" in statement.resources
    return is_whole and statement.is_about(action)
