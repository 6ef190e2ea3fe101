"""Read a document as it is now, just before it is replaced: an audit's own fixes, and people, change them."""

import json
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import unquote

from musher.iam.findings import Call
from musher.iam.looks import unless

ABSENT = ("NoSuchEntity", "NoSuchBucketPolicy")
READERS: dict[str, tuple[str, tuple[str, ...], tuple[str, ...]]] = {
    "put_role_policy": ("get_role_policy", ("RoleName", "PolicyName"), ("PolicyDocument",)),
    "put_user_policy": ("get_user_policy", ("UserName", "PolicyName"), ("PolicyDocument",)),
    "put_group_policy": ("get_group_policy", ("GroupName", "PolicyName"), ("PolicyDocument",)),
    "update_assume_role_policy": ("get_role", ("RoleName",), ("Role", "AssumeRolePolicyDocument")),
    "put_bucket_policy": ("get_bucket_policy", ("Bucket",), ("Policy",)),
}
"""Call that replaces a document -> the one that reads it, with which arguments, and where it has it."""


def has_changed(client: Any, call: Call) -> bool:
    """Return whether the document that a call replaces is another one than the audit has seen."""
    if call.method == "create_policy_version":
        return bool(_read_version(client, call.arguments["PolicyArn"]) != call.before)
    if call.method not in READERS:
        return False
    return bool(_read(client, call) != call.before)


def _read(client: Any, call: Call) -> Any:
    method, names, path = READERS[call.method]
    ask: Callable[..., Mapping[str, Any]] = getattr(client, method)
    found: Any = unless(ABSENT, lambda: ask(**{name: call.arguments[name] for name in names}))
    for name in path if found is not None else ():
        found = found[name]
    return _as_object(found)


def _read_version(client: Any, arn: str) -> Any:
    default = client.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
    version = client.get_policy_version(PolicyArn=arn, VersionId=default)["PolicyVersion"]
    return _as_object(version["Document"])


def _as_object(document: Any) -> Any:
    """Return a document as an object, whichever way the service writes it."""
    return json.loads(unquote(document)) if isinstance(document, str) else document
