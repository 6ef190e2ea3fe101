"""Make roles, users, groups and their policies of what GetAccountAuthorizationDetails answers.

https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetAccountAuthorizationDetails.html
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any
from urllib.parse import unquote

from musher.iam.account import AccessKey, Principal, Role, User
from musher.iam.documents import Document, read_document
from musher.iam.grants import OWN_BY_AWS, Policy
from musher.iam.looks import Looks

Detail = Mapping[str, Any]
KINDS = {"RoleDetailList": "role", "UserDetailList": "user", "GroupDetailList": "group"}


def read(path: str, content: Any) -> Document:
    """Return a document as boto3 has it: read, or URL-encoded where it is no JSON."""
    return read_document(path, unquote(content) if isinstance(content, str) else content)


class Principals:
    """All principals, and the managed policies that they have."""

    def __init__(self, iam: Any, looks: Looks, details: Mapping[str, Sequence[Detail]]) -> None:
        """Read the managed policies, AWS's own among them where somebody has them."""
        self._iam, self._looks, self.details = iam, looks, details
        self.managed = tuple(_managed(detail) for detail in details.get("Policies", []))
        names = sorted(set(self._names_of_aws()))
        found = (looks.at(f"policy {arn}", partial(self._read_policy, arn)) for arn in names)
        self.of_aws = tuple(policy for policy in found if policy is not None)
        self._by_arn = {policy.arn: policy for policy in (*self.managed, *self.of_aws)}

    def _names_of_aws(self) -> Iterator[str]:
        for detail in (detail for name in KINDS for detail in self.details.get(name, [])):
            arns = [attached["PolicyArn"] for attached in detail.get("AttachedManagedPolicies", [])]
            yield from (arn for arn in [*arns, _boundary(detail)] if OWN_BY_AWS in arn)

    def _read_policy(self, arn: str) -> Policy:
        policy = self._iam.get_policy(PolicyArn=arn)["Policy"]
        answer = self._iam.get_policy_version(PolicyArn=arn, VersionId=policy["DefaultVersionId"])
        name = policy["PolicyName"]
        return Policy(
            name=name, arn=arn, document=read(f"policy/{name}.json", answer["PolicyVersion"]["Document"])
        )

    def roles(self) -> tuple[Role, ...]:
        """Return all roles."""
        return tuple(
            Role(
                **self._common("role", detail),
                trust=read(f"role/{detail['RoleName']}/trust.json", detail["AssumeRolePolicyDocument"]),
                last_used_at=detail.get("RoleLastUsed", {}).get("LastUsedDate"),
                path=detail.get("Path", "/"),
            )
            for detail in self.details.get("RoleDetailList", [])
        )

    def groups(self) -> tuple[Principal, ...]:
        """Return all groups."""
        found = self.details.get("GroupDetailList", [])
        return tuple(Principal(**self._common("group", detail)) for detail in found)

    def user(self, detail: Detail, *, keys: tuple[AccessKey, ...] | None, report: Mapping[str, str]) -> User:
        """Return a user with what the credential report says."""
        return User(
            **self._common("user", detail),
            groups=tuple(detail.get("GroupList", [])),
            keys=keys,
            has_console=_truth(report.get("password_enabled")),
            has_mfa=_truth(report.get("mfa_active")),
        )

    def _common(self, kind: str, detail: Detail) -> dict[str, Any]:
        word, name = kind.capitalize(), detail[f"{kind.capitalize()}Name"]
        created_at: datetime = detail["CreateDate"]
        return {
            "kind": kind,
            "name": name,
            "arn": detail["Arn"],
            "created_at": created_at,
            "policies": (
                *self._inline(kind, name, detail.get(f"{word}PolicyList", [])),
                *self._attached(detail),
            ),
            "boundary_arn": _boundary(detail),
        }

    def _inline(self, kind: str, name: str, listed: Sequence[Detail]) -> Iterator[Policy]:
        for found in listed:
            path = f"{kind}/{name}/policies/{found['PolicyName']}.json"
            yield Policy(name=found["PolicyName"], document=read(path, found["PolicyDocument"]))

    def _attached(self, detail: Detail) -> Iterator[Policy]:
        for found in detail.get("AttachedManagedPolicies", []):
            arn, name = found["PolicyArn"], found["PolicyName"]
            unread = Policy(name=name, arn=arn, document=Document(path=f"policy/{name}.json", text=""))
            yield self._by_arn.get(arn, unread)


def _managed(detail: Detail) -> Policy:
    versions = (found for found in detail["PolicyVersionList"] if found["IsDefaultVersion"])
    content = next(versions)["Document"]
    name = detail["PolicyName"] if "PolicyName" in detail else detail["Arn"].rpartition("/")[2]
    return Policy(name=name, arn=detail["Arn"], document=read(f"policy/{name}.json", content))


def _boundary(detail: Detail) -> str:
    return str(detail.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn", ""))


def _truth(text: str | None) -> bool | None:
    """Return a column of the credential report; None where it says nothing."""
    return {"true": True, "false": False}.get(text or "")
