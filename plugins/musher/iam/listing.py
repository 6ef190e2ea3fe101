"""List buckets, functions, endpoints and repositories with the settings that rules look at."""

import json
from collections.abc import Callable
from functools import partial
from typing import Any

from musher.iam.account import Bucket, Function, Named
from musher.iam.documents import Document, read_document
from musher.iam.looks import Looks, unless

NO_BLOCK = ("NoSuchPublicAccessBlockConfiguration",)
NO_ENCRYPTION = ("ServerSideEncryptionConfigurationNotFoundError",)
NO_BUCKET_POLICY = ("NoSuchBucketPolicy",)
NO_FUNCTION_POLICY = ("ResourceNotFoundException",)
NO_REPOSITORY_POLICY = ("RepositoryPolicyNotFoundException",)


def list_buckets(s3: Any, looks: Looks) -> tuple[Bucket, ...]:
    """Return all buckets of the account."""
    return tuple(_read_bucket(s3, looks, found["Name"]) for found in s3.list_buckets()["Buckets"])


def _read_bucket(s3: Any, looks: Looks, name: str) -> Bucket:
    def ask(what: str, look: Callable[[], Any]) -> Any:
        return looks.at(f"{what} of bucket {name}", look)

    policy = ask("policy", lambda: unless(NO_BUCKET_POLICY, lambda: s3.get_bucket_policy(Bucket=name)) or {})
    return Bucket(
        name=name,
        is_encrypted=ask("encryption", lambda: _has_encryption(s3, name)),
        is_versioned=ask("versioning", lambda: _is_versioned(s3, name)),
        is_public_blocked=ask("public access block", lambda: _is_blocked(s3, name)),
        has_policy=None if policy is None else "Policy" in policy,
        policy=_document(f"bucket/{name}/policy.json", (policy or {}).get("Policy")),
    )


def _document(path: str, text: str | None) -> Document | None:
    """Return a policy of which AWS has the text, on lines of its own where it is JSON."""
    if text is None:
        return None
    try:
        return read_document(path, json.loads(text))
    except (ValueError, RecursionError):
        return read_document(path, text)


def _has_encryption(s3: Any, name: str) -> bool:
    return unless(NO_ENCRYPTION, lambda: s3.get_bucket_encryption(Bucket=name)) is not None


def _is_versioned(s3: Any, name: str) -> bool:
    return bool(s3.get_bucket_versioning(Bucket=name).get("Status") == "Enabled")


def _is_blocked(s3: Any, name: str) -> bool:
    answer = unless(NO_BLOCK, lambda: s3.get_public_access_block(Bucket=name))
    return answer is not None and all(answer["PublicAccessBlockConfiguration"].values())


def list_functions(client: Any, looks: Looks) -> tuple[Function, ...]:
    """Return the functions of the region."""
    pages = client.get_paginator("list_functions").paginate()
    return tuple(_read_function(client, looks, found) for page in pages for found in page["Functions"])


def _read_function(client: Any, looks: Looks, found: dict[str, Any]) -> Function:
    name = found["FunctionName"]
    limit = looks.at(
        f"concurrency of function {name}", lambda: client.get_function_concurrency(FunctionName=name)
    )
    policy = looks.at(
        f"policy of function {name}",
        lambda: unless(NO_FUNCTION_POLICY, lambda: client.get_policy(FunctionName=name)) or {},
    )
    return Function(
        name=name,
        arn=found["FunctionArn"],
        role_arn=found["Role"],
        is_limit_known=limit is not None,
        reserved=(limit or {}).get("ReservedConcurrentExecutions"),
        policy=_document(f"function/{name}/policy.json", (policy or {}).get("Policy")),
    )


def list_endpoints(client: Any) -> tuple[Named, ...]:
    """Return the endpoints of the region."""
    pages = client.get_paginator("list_endpoints").paginate()
    return tuple(
        Named(name=found["EndpointName"], arn=found["EndpointArn"])
        for page in pages
        for found in page["Endpoints"]
    )


def list_repositories(client: Any, looks: Looks) -> tuple[Named, ...]:
    """Return the registry's repositories with their policies."""
    pages = client.get_paginator("describe_repositories").paginate()
    return tuple(_read_repository(client, looks, found) for page in pages for found in page["repositories"])


def _read_repository(client: Any, looks: Looks, found: dict[str, Any]) -> Named:
    name = found["repositoryName"]
    look = partial(client.get_repository_policy, repositoryName=name)
    answer = looks.at(f"policy of repository {name}", lambda: unless(NO_REPOSITORY_POLICY, look) or {})
    return Named(
        name=name,
        arn=found["repositoryArn"],
        policy=_document(f"repository/{name}/policy.json", (answer or {}).get("policyText")),
    )
