"""What is known of a request, as policies may ask for it; each is looked up when one does.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
"""

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from localaws.faults.asked import Asked
from localaws.iam.evaluation import Known
from localaws.iam.needs.arns import is_arn
from localaws.iam.needs.state import find_vpc
from localaws.iam.needs.tables import Tags
from localaws.iam.needs.tagged import find_principal_tags, find_tags
from localaws.iam.needs.trees import EACH, Path, Tree, find, find_texts

REQUEST_TAG, RESOURCE_TAG, TAG_KEYS = "aws:requesttag/", ":resourcetag/", "aws:tagkeys"
PRINCIPAL_TAG, VPC = "aws:principaltag/", "ec2:vpc"
Value = str | Sequence[str] | None


class RequestFacts(Known):
    """The condition keys of one need; nothing else is in its request."""

    def __init__(self, given: Mapping[str, Any], *, asked: Asked, resource: str, account_id: str) -> None:
        super().__init__(given)
        self.asked = asked
        self.resource = resource
        self.account_id = account_id

    def __missing__(self, key: str) -> Value:
        value = self[key] = self._find(key)
        return value

    def get(self, key: str, default: Any = None) -> Any:
        """Return a value, or a default; variables of policies are read so."""
        value = self[key]
        return default if value is None else value

    def _find(self, key: str) -> Value:
        if key in GLOBAL:
            return GLOBAL[key](self)
        if key == VPC and is_arn(self.resource):
            return find_vpc(self.resource, account_id=self.account_id)
        if RESOURCE_TAG in key:
            return self._tags.get(key.partition(RESOURCE_TAG)[2])
        if key.startswith(PRINCIPAL_TAG):
            return self._principal_tags.get(key.removeprefix(PRINCIPAL_TAG))
        return None

    @functools.cached_property
    def _tags(self) -> Mapping[str, str]:
        return _lower(find_tags(self.resource, account_id=self.account_id))

    @functools.cached_property
    def _principal_tags(self) -> Mapping[str, str]:
        principal = self.asked.principal
        return _lower(find_principal_tags(principal.condition_arn, account_id=principal.account_id))


def _lower(tags: Mapping[str, str]) -> dict[str, str]:
    """Return tags as condition keys have them: in their names the case does not count."""
    return {key.lower(): value for key, value in tags.items()}


def _header(name: str) -> Callable[[RequestFacts], Value]:
    return lambda facts: facts.asked.request.headers.get(name)


def _user_name(facts: RequestFacts) -> Value:
    principal = facts.asked.principal
    return principal.arn.rpartition("/")[2] if ":user/" in principal.arn else None


def _type(facts: RequestFacts) -> str:
    principal = facts.asked.principal
    if principal.role_arn:
        return "AssumedRole"
    return "User" if ":user/" in principal.arn else "Account"


def _now() -> datetime:
    """Return the time that signatures are held against: the machine's own."""
    return datetime.now(UTC)


GLOBAL: Mapping[str, Callable[[RequestFacts], Value]] = {
    "aws:currenttime": lambda facts: _now().strftime("%Y-%m-%dT%H:%M:%SZ"),
    "aws:epochtime": lambda facts: str(int(_now().timestamp())),
    "aws:principalaccount": lambda facts: facts.asked.principal.account_id,
    "aws:principalarn": lambda facts: facts.asked.principal.condition_arn,
    "aws:principalisawsservice": lambda facts: "false",
    "aws:principaltype": _type,
    "aws:referer": _header("referer"),
    "aws:requestedregion": lambda facts: facts.asked.region,
    "aws:resourceaccount": lambda facts: facts.account_id,
    # A request over plain HTTP on loopback stands for one over HTTPS.
    "aws:securetransport": lambda facts: "true",
    "aws:useragent": _header("user-agent"),
    "aws:userid": lambda facts: facts.asked.principal.user_id,
    "aws:username": _user_name,
    "aws:viaawsservice": lambda facts: "false",
}
"""Keys that each request has, or may have, whatever it asks for."""


def read_members(tree: Tree, members: Mapping[str, tuple[Path, ...]]) -> Iterator[tuple[str, Value]]:
    """Yield the condition keys whose values a request's members are."""
    for key, paths in members.items():
        found = [text for path in paths if path[0] in tree for text in find_texts(tree, path)]
        if found:
            has_many = any(EACH in path for path in paths)
            yield key, found if has_many else found[0]


def read_tags(tree: Tree, tags: Tags) -> dict[str, str]:
    """Return the tags that a request brings."""
    return {
        key: value for path in tags.members for node in find(tree, path) for key, value in entries_of(node)
    }


def entries_of(node: Any) -> Iterator[tuple[str, str]]:
    """Yield the tags of a member: a list of keys and values, or a mapping."""
    if isinstance(node, dict):
        yield from ((str(key), value) for key, value in node.items() if isinstance(value, str))
    for each in node if isinstance(node, list) else ():
        if isinstance(each, dict):
            named = {str(name).lower().removeprefix("tag"): value for name, value in each.items()}
            if isinstance(named.get("key"), str):
                yield named["key"], str(named.get("value") or "")


def tag_facts(tags: Mapping[str, str], *, keys: Sequence[str] = ()) -> dict[str, Value]:
    """Return the condition keys of tags that a request brings, and of keys of those that it takes away."""
    names = [*tags, *keys]
    facts: dict[str, Value] = {f"{REQUEST_TAG}{key.lower()}": value for key, value in tags.items()}
    return facts | ({TAG_KEYS: names} if names else {})
