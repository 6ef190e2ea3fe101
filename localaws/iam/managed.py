"""AWS's own managed policies, of which moto has a copy: read when one is first asked for.

To read the 1,600 documents takes some tenths of a second, which only a client that uses them has to wait.
"""

import json
import threading
from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any

from moto.core.exceptions import AccessDeniedError
from moto.iam.aws_managed_policies import aws_managed_policies_data
from moto.iam.exceptions import DeleteConflictException
from moto.iam.models import AWSManagedPolicy, Group, IAMBackend, ManagedPolicy, Role, User

AWS_OWN = ":iam::aws:policy/"
CHANGES = (
    "create_policy_version",
    "delete_policy",
    "delete_policy_version",
    "set_default_policy_version",
    "tag_policy",
    "untag_policy",
)
"""What is done to a policy, and to none of AWS's own."""


class ManagedPolicies(dict[str, ManagedPolicy]):
    """A backend's managed policies by ARN, AWS's own among them as soon as anybody looks."""

    def __init__(self, backend: IAMBackend) -> None:
        super().__init__()
        self._backend = backend
        self._lock = threading.Lock()
        self._is_loaded = False

    def load(self) -> "list[ManagedPolicy]":
        """Read AWS's own policies, once; return them."""
        with self._lock:
            if not self._is_loaded:
                self._is_loaded = True
                self.update({policy.arn: policy for policy in read_policies(self._backend)})
        return [policy for arn, policy in list(dict.items(self)) if AWS_OWN in arn]

    def __contains__(self, arn: object) -> bool:
        if AWS_OWN in str(arn):
            self.load()
        return super().__contains__(arn)

    def __getitem__(self, arn: str) -> ManagedPolicy:
        if AWS_OWN in arn:
            self.load()
        return super().__getitem__(arn)

    def get(self, arn: str, default: Any = None) -> Any:
        """Return a policy, or a default."""
        if AWS_OWN in arn:
            self.load()
        return super().get(arn, default)

    def __iter__(self) -> Iterator[str]:
        self.load()
        return super().__iter__()

    def keys(self) -> Any:
        """Return all ARNs."""
        self.load()
        return super().keys()

    def values(self) -> Any:
        """Return all policies."""
        self.load()
        return super().values()

    def items(self) -> Any:
        """Return all ARNs and policies."""
        self.load()
        return super().items()


def read_policies(backend: IAMBackend) -> list[AWSManagedPolicy]:
    """Return AWS's own policies, made for a backend."""
    documents = json.loads(aws_managed_policies_data)
    account_id, region = backend.account_id, backend.region_name
    return [AWSManagedPolicy.from_data(name, account_id, region, each) for name, each in documents.items()]


def install_managed_policies() -> None:
    """Give moto's IAM AWS's own policies, in backends that are made from now on, and guard them."""
    for change in CHANGES:
        setattr(IAMBackend, change, _guarded(getattr(IAMBackend, change), change))
    setattr(ManagedPolicy, "attach_to", attach_to)  # noqa: B010 - mypy refuses to assign it
    setattr(IAMBackend, "_init_aws_policies", lambda backend: [])  # noqa: B010 - the next line has them
    setattr(IAMBackend, "_init_managed_policies", _make_policies)  # noqa: B010
    setattr(IAMBackend, "aws_managed_policies", property(_own_policies, _set_nothing))  # noqa: B010


def attach_to(policy: ManagedPolicy, principal: Role | User | Group) -> None:
    """Attach a policy; one that is attached already is not counted twice."""
    policy.attachment_count += policy.arn not in principal.managed_policies
    principal.managed_policies[policy.arn] = policy


def _guarded(change: Callable[..., Any], name: str) -> Callable[..., Any]:
    """Return a change of a policy that is denied for AWS's own, and for what is still in use."""

    @wraps(change)
    def guarded(backend: IAMBackend, policy_arn: str, *args: Any) -> Any:
        if AWS_OWN in policy_arn:
            action = "".join(word.capitalize() for word in name.split("_"))
            raise AccessDeniedError(
                user_arn=f"arn:aws:iam::{backend.account_id}:root",
                action=f"iam:{action} on resource: policy {policy_arn}",
            )
        if name == "delete_policy":
            _require_unused(backend.get_policy(policy_arn))
        return change(backend, policy_arn, *args)

    return guarded


def _require_unused(policy: ManagedPolicy) -> None:
    """Refuse to delete a policy that is attached, or has versions beside the default one."""
    if policy.attachment_count > 0:
        raise DeleteConflictException("Cannot delete a policy attached to entities.")
    if len(policy.versions) > 1:
        raise DeleteConflictException(
            "This policy has more than one version. Before you delete a policy, you must delete the policy's "
            "versions. The default version is deleted with the policy."
        )


def _make_policies(backend: IAMBackend) -> ManagedPolicies:
    return ManagedPolicies(backend)


def _own_policies(backend: IAMBackend) -> list[ManagedPolicy]:
    policies = backend.managed_policies
    return policies.load() if isinstance(policies, ManagedPolicies) else []


def _set_nothing(backend: IAMBackend, policies: list[ManagedPolicy]) -> None:
    """Take what moto's constructor sets: the list is the managed policies' business."""
