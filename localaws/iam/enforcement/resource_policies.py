"""The policies of resources: of buckets, functions, roles, repositories, queues and topics."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from localaws.iam.enforcement.principals import Statements, select


@dataclass(frozen=True, kw_only=True)
class ResourcePolicy:
    """What a resource's own policy says of an action; None where it has no policy."""

    statements: Statements | None = None
    is_trust: bool = False
    """Whether it is a role's, which must allow."""


@dataclass(frozen=True, kw_only=True)
class Named:
    """An ARN, taken apart."""

    partition: str
    region: str
    account_id: str
    rest: str
    """What follows the account."""


NONE = ResourcePolicy()


def find_policy(arn: str, *, action: str) -> ResourcePolicy:
    """Return the policy of a resource; nothing where there is no such resource."""
    parts = arn.split(":", 5)
    if len(parts) < 6 or parts[2] not in READERS:
        return NONE
    named = Named(partition=parts[1], region=parts[3], account_id=parts[4], rest=parts[5])
    found = READERS[parts[2]](named)
    is_trust = parts[2] == "iam"
    if found is None:
        return ResourcePolicy(is_trust=is_trust)
    return ResourcePolicy(statements=select((found,), action), is_trust=is_trust)


def find_existing(backends: Any, *, account_id: str, region: str) -> Any:
    """Return a backend of moto's; None where there is none, and none is made for whoever names it."""
    account = backends.get(account_id)
    return None if account is None else account.get(region)


def _of_bucket(named: Named) -> str | None:
    from moto.s3.models import s3_backends

    name = named.rest.partition("/")[0]
    partition, account_id = s3_backends.bucket_accounts.get(name, (named.partition, ""))
    backend = find_existing(s3_backends, account_id=account_id, region=partition)
    bucket = backend.buckets.get(name) if backend else None
    return None if bucket is None or bucket.policy is None else str(bucket.policy.decode())


def _of_function(named: Named) -> str | None:
    """Return the policy of a function, or of the version or alias that the ARN names."""
    from localaws.functions.lookup import backends

    _, name, *qualifier = named.rest.split(":")
    for backend in backends():
        if (backend.account_id, backend.region_name) == (named.account_id, named.region):
            return backend.find_policy_document(name, qualifier[0] if qualifier else None)
    return None


def _of_role(named: Named) -> str | None:
    from moto.iam.exceptions import NotFoundException
    from moto.iam.models import iam_backends

    backend = find_existing(iam_backends, account_id=named.account_id, region=named.partition)
    try:
        role = backend.get_role(named.rest.rpartition("/")[2]) if backend else None
    except NotFoundException:
        return None
    return None if role is None else str(role.assume_role_policy_document)


def _of_repository(named: Named) -> str | None:
    from moto.ecr.models import ecr_backends

    name = named.rest.partition("/")[2]
    backend = find_existing(ecr_backends, account_id=named.account_id, region=named.region)
    repository = backend.repositories.get(name) if backend else None
    return repository.policy if repository else None


def _of_queue(named: Named) -> str | None:
    from moto.sqs.models import sqs_backends

    backend = find_existing(sqs_backends, account_id=named.account_id, region=named.region)
    queue = backend.queues.get(named.rest) if backend else None
    policy: Any = queue.policy if queue else None
    return json.dumps(policy) if isinstance(policy, dict) else policy or None


def _of_topic(named: Named) -> str | None:
    from moto.sns.models import sns_backends

    arn = f"arn:{named.partition}:sns:{named.region}:{named.account_id}:{named.rest}"
    backend = find_existing(sns_backends, account_id=named.account_id, region=named.region)
    topic = backend.topics.get(arn) if backend else None
    return topic.policy if topic else None


READERS: Mapping[str, Callable[[Named], str | None]] = {
    "s3": _of_bucket,
    "lambda": _of_function,
    "iam": _of_role,
    "ecr": _of_repository,
    "sqs": _of_queue,
    "sns": _of_topic,
}
"""The service of an ARN -> what reads the policy of its resources."""
