"""Requests and policies whose verdict AWS's pages tell, each with its page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from benchmarks.iam_condition_cases import of_operators, of_optional_keys, of_sets, of_variables
from benchmarks.iam_requests import (
    ACTION,
    ALICE,
    AWAY,
    BOUNDARIES,
    CROSS,
    FLAG,
    HOME,
    LOGIC,
    NOT_ACTION,
    NOT_PRINCIPAL,
    NOT_RESOURCE,
    OBJECT,
    OPERATORS,
    PRINCIPAL,
    RESOURCE,
    ROLE,
    ROOT,
    SESSION,
    SESSIONS,
    TAG,
    Case,
    F,
    Statement,
    T,
    allow,
    deny,
    for_whom,
)


def of_elements() -> Iterator[Case]:
    """Action, Resource, and their opposites."""
    for action, is_allowed in (
        *(("s3:GetObject", T), ("s3:getobject", T), ("S3:GETOBJECT", T), ("s3:Get*", T)),
        *(("s3:*Object", T), ("s3:Get?bject", T), ("*", T), ("s3:GetObjectAcl", F)),
        *(("s3:Put*", F), ("sagemaker:*", F), ("s3:Get", F), ("*:GetObject", F)),
    ):
        if action != "*:GetObject":  # AWS takes no star for a service
            yield Case(page=ACTION, is_allowed=is_allowed, identity=[allow(action)])
    yield Case(page=ACTION, is_allowed=T, identity=[allow(["s3:PutObject", "s3:GetObject"])])
    for action, is_allowed in (
        *(
            ("s3:PutObject", T),
            ("s3:GetObject", F),
            ("s3:*", F),
            ("iam:*", T),
            ("s3:Get*", F),
        ),
    ):
        statement = {"Effect": "Allow", "NotAction": action, "Resource": "*"}
        yield Case(page=NOT_ACTION, is_allowed=is_allowed, identity=[statement])
    yield Case(
        page=NOT_ACTION,
        is_allowed=F,
        identity=[allow("*"), {"Effect": "Deny", "NotAction": "iam:*", "Resource": "*"}],
    )
    yield Case(
        page=NOT_ACTION,
        is_allowed=T,
        identity=[allow("*"), {"Effect": "Deny", "NotAction": ["iam:*", "s3:Get*"], "Resource": "*"}],
    )
    for resource, is_allowed in (
        *((OBJECT, T), ("*", T), ("arn:aws:s3:::bucket/*", T), ("arn:aws:s3:::bucket", F)),
        *(("arn:aws:s3:::bucket/folder/*.jpg", T), ("arn:aws:s3:::bucket/folder/*.png", F)),
        *(("arn:aws:s3:::bucket/folder/photo.???", T), ("arn:aws:s3:::Bucket/*", F)),
        *(
            ("arn:aws:s3:::buck*", T),
            ("arn:aws:s3:::bucket/folder", F),
            ("arn:aws:s3:::*/folder/*", T),
        ),
        *(("arn:aws:s3:::bucket/folder/photo.jpg/*", F), ("arn:aws:sagemaker:::bucket/*", F)),
    ):
        yield Case(page=RESOURCE, is_allowed=is_allowed, identity=[allow(resource=resource)])
    yield Case(page=RESOURCE, is_allowed=T, identity=[allow(resource=["arn:aws:s3:::x", OBJECT])])
    for resource, is_allowed in (
        *((OBJECT, F), ("arn:aws:s3:::bucket/*", F), ("arn:aws:s3:::other/*", T), ("*", F)),
    ):
        statement = {"Effect": "Allow", "Action": "s3:*", "NotResource": resource}
        yield Case(page=NOT_RESOURCE, is_allowed=is_allowed, identity=[statement])
    yield Case(
        page=NOT_RESOURCE,
        is_allowed=F,
        identity=[allow(), {"Effect": "Deny", "Action": "s3:*", "NotResource": "arn:aws:s3:::other/*"}],
    )


def of_logic() -> Iterator[Case]:
    """Which policy wins, of those of one account."""
    yield Case(page=LOGIC, is_allowed=False)
    yield Case(page=LOGIC, is_allowed=True, identity=[allow()])
    yield Case(page=LOGIC, is_allowed=False, identity=[allow(), deny()])
    yield Case(page=LOGIC, is_allowed=False, identity=[deny(), allow()])
    yield Case(page=LOGIC, is_allowed=True, identity=[allow(), deny("s3:PutObject")])
    yield Case(page=LOGIC, is_allowed=True, identity=[allow(), deny(resource="arn:aws:s3:::other/*")])
    insecure = {"Bool": {FLAG: "false"}}
    yield Case(
        page=LOGIC, is_allowed=False, identity=[allow(), deny(Condition=insecure)], facts={FLAG: "false"}
    )
    yield Case(
        page=LOGIC, is_allowed=True, identity=[allow(), deny(Condition=insecure)], facts={FLAG: "true"}
    )
    yield Case(page=LOGIC, is_allowed=True, by_resource=[for_whom({"AWS": ALICE})])
    yield Case(page=LOGIC, is_allowed=True, identity=[allow()], by_resource=[])
    yield Case(
        page=LOGIC, is_allowed=False, identity=[allow()], by_resource=[for_whom({"AWS": ALICE}, deny())]
    )
    yield Case(page=LOGIC, is_allowed=False, identity=[deny()], by_resource=[for_whom({"AWS": ALICE})])
    yield Case(page=LOGIC, is_allowed=False, identity=[allow()], by_resource=[for_whom("*", deny())])
    two = {"StringEquals": {TAG: "a"}, "Bool": {FLAG: "true"}}
    for facts, is_allowed in (
        ({TAG: "a", FLAG: "true"}, True),
        ({TAG: "b", FLAG: "true"}, False),
        ({TAG: "a", FLAG: "false"}, False),
        ({TAG: "a"}, False),
    ):
        yield Case(page=OPERATORS, is_allowed=is_allowed, identity=[allow(Condition=two)], facts=facts)
    keys = {"StringEquals": {TAG: "a", "aws:PrincipalTag/cost": "1"}}
    for facts, is_allowed in (({TAG: "a", "aws:PrincipalTag/cost": "1"}, True), ({TAG: "a"}, False)):
        yield Case(page=OPERATORS, is_allowed=is_allowed, identity=[allow(Condition=keys)], facts=facts)


def limited(
    kind: str, page: str, principal: str, is_allowed: bool, limit: Sequence[Statement], **more: Any
) -> Case:
    limits: dict[str, Any] = {kind: limit}
    return Case(page=page, is_allowed=is_allowed, principal=principal, **limits, **more)


def of_boundaries() -> Iterator[Case]:
    """What a boundary or a session's policy does not allow is not allowed, whoever else allows it."""
    for kind, page in (("boundary", BOUNDARIES), ("session", SESSIONS)):
        principal = SESSION if kind == "session" else ALICE
        case = partial(limited, kind, page, principal)
        yield case(True, [allow()], identity=[allow()])
        yield case(False, [], identity=[allow()])
        yield case(False, [allow("s3:PutObject")], identity=[allow()])
        yield case(False, [allow("*")])
        yield case(False, [allow("*"), deny("s3:GetObject")], identity=[allow()])
        yield case(False, [allow(resource="arn:aws:s3:::other/*")], identity=[allow()])
        yield case(True, [allow("s3:Get*")], identity=[allow("s3:*")])
        yield case(False, [allow()], identity=[deny()])
    both: dict[str, Any] = {"principal": SESSION, "identity": [allow()]}
    yield Case(page=SESSIONS, is_allowed=True, boundary=[allow()], session=[allow()], **both)
    yield Case(page=SESSIONS, is_allowed=False, boundary=[allow()], session=[allow("s3:Put*")], **both)
    yield Case(page=SESSIONS, is_allowed=False, boundary=[allow("s3:Put*")], session=[allow()], **both)
    # A resource's policy that names the user, or the session itself, is not limited by what is not allowed.
    by_session = [for_whom({"AWS": SESSION})]
    yield Case(page=BOUNDARIES, is_allowed=True, boundary=[], by_resource=[for_whom({"AWS": ALICE})])
    yield Case(page=LOGIC, is_allowed=True, principal=SESSION, boundary=[], by_resource=by_session)
    yield Case(page=LOGIC, is_allowed=True, principal=SESSION, session=[], by_resource=by_session)
    yield Case(page=LOGIC, is_allowed=False, principal=SESSION, session=[deny()], by_resource=by_session)
    yield Case(page=PRINCIPAL, is_allowed=True, boundary=[], by_resource=[for_whom("*")])
    yield Case(page=PRINCIPAL, is_allowed=False, boundary=[deny()], by_resource=[for_whom("*")])
    by_role = [for_whom({"AWS": ROLE})]
    yield Case(page=LOGIC, is_allowed=True, principal=SESSION, by_resource=by_role)
    yield Case(page=LOGIC, is_allowed=False, principal=SESSION, boundary=[], by_resource=by_role)
    yield Case(page=LOGIC, is_allowed=False, principal=SESSION, session=[], by_resource=by_role)
    yield Case(page=LOGIC, is_allowed=True, principal=SESSION, session=[allow()], by_resource=by_role)


def of_principals() -> Iterator[Case]:
    """Who a resource's policy is about."""
    for principal, named, is_allowed in (
        *((ALICE, "*", True), (ALICE, {"AWS": "*"}, True), (ALICE, {"AWS": ALICE}, True)),
        *((ALICE, {"AWS": ROOT}, False), (ALICE, {"AWS": HOME}, False)),
        *((ALICE, {"AWS": f"arn:aws:iam::{HOME}:user/Bob"}, False), (ALICE, {"AWS": [ROLE, ALICE]}, True)),
        *((ALICE, {"Service": "lambda.amazonaws.com"}, False), (SESSION, {"AWS": SESSION}, True)),
        *((SESSION, {"AWS": ROLE}, True), (SESSION, {"AWS": f"{ROLE}2"}, False)),
        *((SESSION, {"AWS": f"arn:aws:iam::{AWAY}:root"}, False),),
    ):
        yield Case(page=PRINCIPAL, is_allowed=is_allowed, principal=principal, by_resource=[for_whom(named)])
    for named in ({"AWS": ROOT}, {"AWS": HOME}):
        yield Case(page=PRINCIPAL, is_allowed=True, identity=[allow()], by_resource=[for_whom(named)])
    for named, is_allowed in (
        *(({"AWS": [ALICE, ROOT]}, True), ({"AWS": [f"arn:aws:iam::{HOME}:user/Bob", ROOT]}, False)),
    ):
        statement = {**deny(), "NotPrincipal": named}
        yield Case(page=NOT_PRINCIPAL, is_allowed=is_allowed, identity=[allow()], by_resource=[statement])


def of_accounts() -> Iterator[Case]:
    """Between accounts both sides must allow."""
    theirs: dict[str, Any] = {"page": CROSS, "owner": AWAY}
    yield Case(is_allowed=False, identity=[allow()], **theirs)
    yield Case(is_allowed=False, by_resource=[for_whom({"AWS": ALICE})], **theirs)
    yield Case(is_allowed=True, identity=[allow()], by_resource=[for_whom({"AWS": ALICE})], **theirs)
    yield Case(is_allowed=True, identity=[allow()], by_resource=[for_whom({"AWS": ROOT})], **theirs)
    yield Case(is_allowed=True, identity=[allow()], by_resource=[for_whom("*")], **theirs)
    yield Case(is_allowed=False, by_resource=[for_whom("*")], **theirs)
    yield Case(is_allowed=False, identity=[allow()], by_resource=[for_whom({"AWS": AWAY})], **theirs)
    yield Case(is_allowed=False, identity=[allow(), deny()], by_resource=[for_whom({"AWS": ALICE})], **theirs)
    named = [for_whom({"AWS": SESSION})]
    role: dict[str, Any] = {"principal": SESSION, **theirs}
    yield Case(is_allowed=True, identity=[allow()], by_resource=named, **role)
    yield Case(is_allowed=False, by_resource=named, **role)
    yield Case(is_allowed=False, identity=[allow()], boundary=[], by_resource=named, **role)
    yield Case(is_allowed=True, identity=[allow()], by_resource=[for_whom({"AWS": ROLE})], **role)
    yield Case(
        is_allowed=False, identity=[allow()], session=[], by_resource=[for_whom({"AWS": ROLE})], **role
    )


CASES: Sequence[Case] = [
    *of_operators(),
    *of_optional_keys(),
    *of_sets(),
    *of_variables(),
    *of_elements(),
    *of_logic(),
    *of_boundaries(),
    *of_principals(),
    *of_accounts(),
]
