"""Find out what a request needs."""

import asyncio
import functools
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from moto.utilities.utils import get_partition

from localaws.faults.asked import Asked, place_of
from localaws.iam.needs.arns import ALL, ARN_PARTS, Asking
from localaws.iam.needs.facts import RequestFacts, read_members, read_tags, tag_facts
from localaws.iam.needs.instances import LAUNCH, complete, find_new_tags, find_tagging, kind_of
from localaws.iam.needs.need import Need, UnknownOperationError
from localaws.iam.needs.objects import Pair, find_pairs, is_elsewhere, object_facts
from localaws.iam.needs.state import find_bucket_account
from localaws.iam.needs.tables import Table, Wanted, find_table
from localaws.iam.needs.trees import (
    Tree,
    find,
    find_texts,
    has_members_in_body,
    read_form,
    read_json,
    read_labels,
)
from localaws.protocols import Call, Protocol, read_call
from localaws.wire.bodies import find_limit
from localaws.wire.cbor import MALFORMED, as_json, read_cbor
from localaws.wire.readers import UnreadableError, is_gzip, unzip

LARGE_BYTES = 64 * 1024
"""Larger bodies are read in a thread, so that other requests go on."""
REST = (Protocol.REST_JSON, Protocol.REST_XML)
FORMS = (Protocol.QUERY, Protocol.EC2)
ELSEWHERE = ("x-amz-target", "content-type")
"""Headers by which other protocols are told: a REST service goes by the path, whatever they say."""
QUEUES = "sqs"
"""The service whose forms may be sent to a queue's own address."""

OF_AWS = "aws"
"""The account in the ARNs of AWS's own policies: what an account may do with them, its own policies say."""
NONE_GIVEN: Mapping[str, Any] = {}

partition_of = functools.lru_cache(maxsize=256)(get_partition)  # regions come from requests


async def find_needs(asked: Asked) -> tuple[Need, ...]:
    """Return what a request needs, all of it; nothing where AWS asks for no permission.

    Raises UnknownOperationError.
    """
    table = find_table(asked.call.service)
    call = _read_again(asked, table)
    wanted = table.operations.get(call.action) if table else None
    if table is None or wanted is None or (call.service == "s3" and is_elsewhere(asked)):
        raise UnknownOperationError(f"nothing says what {asked.call.service}:{call.action} needs")
    if not wanted:
        return ()
    tree = await _read_tree(asked, call)
    asking = Asking(
        tree=tree,
        service=call.service,
        operation=call.action,
        partition=partition_of(asked.region),
        region=asked.region,
        account_id=asked.account_id,
        caller_arn=asked.principal.arn,
    )
    return tuple(await _make(asked, table, wanted, asking))


def _read_again(asked: Asked, table: Table | None) -> Call:
    """Return the call as the service itself reads it: by path, if it is a REST service.

    Raises UnknownOperationError where it speaks another protocol than the request.
    """
    call, request = asked.call, asked.request
    protocols = table.protocols if table else frozenset()
    is_root = asked.is_cbor or request.path in ("", "/") or call.service == QUEUES
    if call.protocol.value in protocols and (is_root or call.protocol in REST):
        return call
    if table is None or not protocols & {each.value for each in REST}:
        raise UnknownOperationError(f"{call.service}:{call.action} is asked in {call.protocol.value}")
    headers = {name: text for name, text in request.headers.items() if name not in ELSEWHERE}
    scope = f"Credential=-/00000000/{asked.region}/{call.service}/aws4_request"
    path = place_of(request, call)
    found = read_call(
        method=request.method,
        path=path,
        query=request.query,
        headers=headers | {"authorization": scope},
        body=b"",
    )
    return found or call


async def _read_tree(asked: Asked, call: Call) -> Tree:
    """Return the members of a request; none of a body that nobody can read."""
    request = asked.request
    if call.protocol in REST:
        path = place_of(request, call)
        labels = read_labels(call.service, call.action, path=path, query=request.query)
        if call.protocol is Protocol.REST_XML or not has_members_in_body(call.service, call.action):
            return labels
        return {**await _read_body(asked, call), **labels}
    return await _read_body(asked, call)


async def _read_body(asked: Asked, call: Call) -> Tree:
    body = await asked.read_body()
    if len(body) > LARGE_BYTES:
        return await asyncio.to_thread(_read_members, asked, call, body)
    return _read_members(asked, call, body)


def _read_members(asked: Asked, call: Call, body: bytes) -> Tree:
    try:
        if is_gzip(asked.request.headers):
            body = unzip(body, max_bytes=find_limit(asked.request))
        if asked.is_cbor:
            found: Any = as_json(read_cbor(body))
            return found if isinstance(found, dict) else {}
    except (UnreadableError, *MALFORMED):
        return {}
    return read_form(body) if call.protocol in FORMS else read_json(body)


async def _make(asked: Asked, table: Table, wanted: tuple[Wanted, ...], asking: Asking) -> list[Need]:
    """Return the needs that the table says; the operation's own come first."""
    if asking.service == "ec2" and asking.operation == LAUNCH:
        complete(asking)
    tags = read_tags(asking.tree, table.tags)
    keys = [text for path in table.tags.keys for text in find_texts(asking.tree, path)]
    facts = dict(read_members(asking.tree, table.facts)) | tag_facts(tags, keys=keys)
    make = functools.partial(_need, asked, table.prefix)
    pairs = _own_pairs([each for each in wanted if each.is_own], asking)
    if asking.service == "s3":
        pairs, facts = await find_pairs(asked, asking, pairs), facts | object_facts(asked, asking)
    by_kind = find_new_tags(asking) if asking.service == "ec2" else {}
    needs = [
        make(action, resource, facts | tag_facts(by_kind.get(kind_of(resource), {})))
        for action, resource in pairs
    ]
    if tags and (action := table.tags.actions.get(asking.operation)):
        resources = dict.fromkeys(each.resource for each in needs)
        needs += [make(action, resource, tag_facts(tags)) for resource in resources]
    needs += [
        make("ec2:CreateTags", resource, given | tag_facts(by_kind[kind_of(resource)]))
        for resource, given in find_tagging(asking, by_kind)
    ]
    return [*needs, *_other_needs(make, wanted, asking, facts)]


def _own_pairs(wanted: list[Wanted], asking: Asking) -> list[Pair]:
    """Return what the operation is authorised on; everything, where it names nothing that is known."""
    found = [(each.action, resource) for each in wanted for resource in each.on.resources(asking)]
    return list(dict.fromkeys(found)) or [(each.action, "*") for each in wanted[:1]]


def _other_needs(
    make: Callable[..., Need],
    wanted: tuple[Wanted, ...],
    asking: Asking,
    facts: Mapping[str, Any],
) -> Iterator[Need]:
    for each in wanted:
        if each.is_own or (each.when and not any(find(asking.tree, each.when))):
            continue
        for resource in dict.fromkeys(each.on.resources(asking)):
            yield make(each.action, resource, facts, each.given)


def _need(
    asked: Asked,
    prefix: str,
    action: str,
    resource: str,
    facts: Mapping[str, Any],
    given: Mapping[str, Any] = NONE_GIVEN,
) -> Need:
    """Return a need; a service's condition keys are in no request to another's actions."""
    service = action.partition(":")[0]
    account_id = find_account(resource, default=asked.account_id)
    return Need(
        action=action,
        resource=resource,
        account_id=account_id,
        facts=RequestFacts(
            {**(facts if service == prefix else {}), **given},
            asked=asked,
            resource=resource,
            account_id=account_id,
        ),
        resource_policy_of=_find_policy_owner(resource, find_table(service)),
    )


def find_account(resource: str, *, default: str) -> str:
    """Return the account of a resource: its ARN's, or the bucket's owner; of what is AWS's, who asks."""
    parts = resource.split(":", ARN_PARTS - 1)
    if len(parts) < ARN_PARTS:
        return default
    if parts[2] == "s3":
        return find_bucket_account(parts[5].partition("/")[0]) or default
    return default if parts[4] in ("", OF_AWS) else parts[4]


def _find_policy_owner(resource: str, table: Table | None) -> str | None:
    """Return the ARN of the resource whose own policy has a say."""
    parts = resource.split(":", ARN_PARTS - 1)
    if table is None or len(parts) < ARN_PARTS or not parts[5].startswith(table.policies):
        return None
    if parts[5] == ALL:
        return None
    return resource.partition("/")[0] if parts[2] == "s3" else resource
