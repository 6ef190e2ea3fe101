"""Requests and policies whose verdict AWS's pages tell, each with its page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

GUIDE = "https://docs.aws.amazon.com/IAM/latest/UserGuide/"
OPERATORS = f"{GUIDE}reference_policies_elements_condition_operators.html"
SETS = f"{GUIDE}reference_policies_condition-single-vs-multi-valued-context-keys.html"
LOGIC = f"{GUIDE}reference_policies_evaluation-logic_policy-eval-denyallow.html"
CROSS = f"{GUIDE}reference_policies_evaluation-logic-cross-account.html"
VARIABLES = f"{GUIDE}reference_policies_variables.html"
ACTION, NOT_ACTION = (
    f"{GUIDE}reference_policies_elements_action.html",
    f"{GUIDE}reference_policies_elements_notaction.html",
)
RESOURCE, NOT_RESOURCE = (
    f"{GUIDE}reference_policies_elements_resource.html",
    f"{GUIDE}reference_policies_elements_notresource.html",
)
PRINCIPAL, NOT_PRINCIPAL = (
    f"{GUIDE}reference_policies_elements_principal.html",
    f"{GUIDE}reference_policies_elements_notprincipal.html",
)
BOUNDARIES = f"{GUIDE}access_policies_boundaries.html"
SESSIONS = f"{GUIDE}access_policies.html#policies_session"

HOME, AWAY = "111122223333", "444455556666"
ALICE = f"arn:aws:iam::{HOME}:user/Alice"
ROLE, SESSION = f"arn:aws:iam::{HOME}:role/Job", f"arn:aws:sts::{HOME}:assumed-role/Job/run-1"
ROOT = f"arn:aws:iam::{HOME}:root"
OBJECT = "arn:aws:s3:::bucket/folder/photo.jpg"
ENDPOINT = f"arn:aws:sagemaker:us-east-1:{HOME}:endpoint/musher-live"

Statement = Mapping[str, Any]
Rows = Sequence[tuple[Any, Any, bool]]
"""The request's value (None: it has none), the policy's, and the verdict."""
T, F = True, False


@dataclass(frozen=True, kw_only=True)
class Case:
    """One request, all policies that have a say, and what AWS says of it."""

    page: str
    is_allowed: bool
    action: str = "s3:GetObject"
    resource: str = OBJECT
    owner: str = HOME
    """The resource's account."""
    principal: str = ALICE
    facts: Mapping[str, Any] = field(default_factory=dict)
    identity: Sequence[Statement] = ()
    boundary: Sequence[Statement] | None = None
    session: Sequence[Statement] | None = None
    by_resource: Sequence[Statement] | None = None


def allow(action: str | list[str] = "s3:*", resource: str | list[str] = "*", **more: Any) -> Statement:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def deny(action: str | list[str] = "s3:*", resource: str | list[str] = "*", **more: Any) -> Statement:
    return {"Effect": "Deny", "Action": action, "Resource": resource, **more}


def for_whom(principal: Any, statement: Statement | None = None) -> Statement:
    return {**(statement or allow()), "Principal": principal}


def conditions(page: str, operator: str, key: str, rows: Sequence[tuple[Any, Any, bool]]) -> Iterator[Case]:
    """Give a case for each row: the request's value (None: it has none), the policy's, and the verdict."""
    for given, wanted, is_met in rows:
        yield Case(
            page=page,
            is_allowed=is_met,
            facts={} if given is None else {key: given},
            identity=[allow(Condition={operator: {key: wanted}})],
        )


TAG, TAGS, ARN, IP, DATE, NUMBER, FLAG = (
    "aws:PrincipalTag/team",
    "aws:TagKeys",
    "aws:SourceArn",
    "aws:SourceIp",
    "aws:CurrentTime",
    "s3:max-keys",
    "aws:SecureTransport",
)
FUNCTION = f"arn:aws:lambda:us-east-1:{HOME}:function:classify"


def of_operators() -> Iterator[Case]:
    """Each operator, with a value that meets it, one that does not, several wanted ones, and none."""
    yield from conditions(
        OPERATORS,
        "StringEquals",
        TAG,
        [
            ("a", "a", T),
            ("a", "A", F),
            ("a", ["b", "a"], T),
            ("a", ["b"], F),
            (None, "a", F),
        ],
    )
    yield from conditions(OPERATORS, "StringEquals", TAG, [("a*", "a*", T), ("ab", "a*", F), ("", "", T)])
    yield from conditions(
        OPERATORS,
        "StringNotEquals",
        TAG,
        [
            ("a", "b", T),
            ("a", "a", F),
            ("a", ["b", "a"], F),
            ("a", ["b", "c"], T),
            (None, "a", T),
        ],
    )
    yield from conditions(
        OPERATORS,
        "StringEqualsIgnoreCase",
        TAG,
        [("a", "A", T), ("Ab", "aB", T), ("a", "b", F), (None, "a", F)],
    )
    yield from conditions(
        OPERATORS,
        "StringNotEqualsIgnoreCase",
        TAG,
        [("a", "A", F), ("a", "b", T), ("a", ["B", "A"], F), (None, "a", T)],
    )
    yield from conditions(
        OPERATORS,
        "StringLike",
        TAG,
        [
            *(("abc", "a*", T), ("abc", "a?c", T), ("abc", "*", T), ("abc", "a?", F)),
            *(("abc", "A*", F), ("a", "a*", T), ("abc", ["x*", "*c"], T), (None, "*", F)),
            *(
                ("a.c", "a.c", T),
                ("abc", "a.c", F),
                ("a[b]c", "a[b]c", T),
                ("aXbXc", "a*b*c", T),
            ),
        ],
    )
    yield from conditions(
        OPERATORS,
        "StringNotLike",
        TAG,
        [("abc", "a*", F), ("abc", "b*", T), ("abc", ["b*", "a*"], F), (None, "*", T)],
    )
    yield from of_numbers()
    yield from of_dates()
    yield from of_other_types()


def of_numbers() -> Iterator[Case]:
    """Numbers."""
    table: dict[str, Rows] = {
        "NumericEquals": [("10", "10", T), ("10", "10.0", T), ("10", "11", F), (None, "10", F)],
        "NumericNotEquals": [
            ("10", "10", F),
            ("10", "11", T),
            (None, "10", T),
            ("10", ["9", "10"], F),
        ],
        "NumericLessThan": [("9", "10", T), ("10", "10", F), ("11", "10", F), (None, "10", F)],
        "NumericLessThanEquals": [
            ("9", "10", T),
            ("10", "10", T),
            ("11", "10", F),
            ("-1", "10", T),
        ],
        "NumericGreaterThan": [
            ("11", "10", T),
            ("10", "10", F),
            ("9", "10", F),
            (None, "10", F),
        ],
        "NumericGreaterThanEquals": [
            ("11", "10", T),
            ("10", "10", T),
            ("9", "10", F),
            ("9", ["10", "8"], T),
        ],
    }
    for operator, rows in table.items():
        yield from conditions(OPERATORS, operator, NUMBER, rows)


def of_dates() -> Iterator[Case]:
    """Dates, in ISO 8601 or as seconds since 1970."""
    now, before, after = "2026-11-29T12:00:00Z", "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z"
    table: dict[str, Rows] = {
        "DateEquals": [
            (now, now, T),
            (now, before, F),
            (now, [before, now], T),
            (None, now, F),
        ],
        "DateNotEquals": [(now, now, F), (now, before, T), (None, now, T)],
        "DateLessThan": [(now, after, T), (now, before, F), (now, now, F), (None, after, F)],
        "DateLessThanEquals": [(now, now, T), (now, after, T), (now, before, F)],
        "DateGreaterThan": [
            (now, before, T),
            (now, after, F),
            (now, now, F),
            (None, before, F),
        ],
        "DateGreaterThanEquals": [(now, now, T), (now, before, T), (now, after, F)],
    }
    for operator, rows in table.items():
        yield from conditions(OPERATORS, operator, DATE, rows)


def of_other_types() -> Iterator[Case]:
    """Truth values, addresses, ARNs, bytes, and whether a key is there at all."""
    yield from conditions(
        OPERATORS,
        "Bool",
        FLAG,
        [("true", "true", T), ("true", "false", F), ("false", "false", T), (None, "true", F)],
    )
    yield from conditions(OPERATORS, "Bool", FLAG, [("true", T, T), ("false", T, F), (None, "false", F)])
    yield from conditions(
        OPERATORS,
        "IpAddress",
        IP,
        [
            *(("203.0.113.5", "203.0.113.0/24", T), ("203.0.114.5", "203.0.113.0/24", F)),
            *(("203.0.113.5", "203.0.113.5", T), ("203.0.113.5", ["10.0.0.0/8", "203.0.113.0/24"], T)),
            *(
                (None, "0.0.0.0/0", F),
                ("2001:db8::1", "2001:db8::/32", T),
                ("203.0.113.5", "2001:db8::/32", F),
            ),
        ],
    )
    yield from conditions(
        OPERATORS,
        "NotIpAddress",
        IP,
        [
            ("203.0.113.5", "203.0.113.0/24", F),
            ("203.0.114.5", "203.0.113.0/24", T),
            (None, "10.0.0.0/8", T),
        ],
    )
    for operator in ("ArnEquals", "ArnLike"):
        yield from conditions(
            OPERATORS,
            operator,
            ARN,
            [
                *((FUNCTION, FUNCTION, T), (FUNCTION, f"arn:aws:lambda:*:{HOME}:function:*", T)),
                *(
                    (FUNCTION, "arn:aws:lambda:*:*:function:class?fy", T),
                    (FUNCTION, "arn:aws:s3:::*", F),
                ),
                *((None, "arn:aws:lambda:*:*:*", F), (FUNCTION, "arn:aws:lambda:*", F)),
                *(
                    (FUNCTION, ["arn:aws:s3:::x", "arn:*:lambda:*:*:*"], T),
                    (FUNCTION, FUNCTION.upper(), F),
                ),
            ],
        )
    for operator in ("ArnNotEquals", "ArnNotLike"):
        yield from conditions(
            OPERATORS,
            operator,
            ARN,
            [(FUNCTION, FUNCTION, F), (FUNCTION, "arn:aws:s3:::x", T), (None, FUNCTION, T)],
        )
    yield from conditions(
        OPERATORS,
        "Null",
        TAG,
        [("a", "false", T), ("a", "true", F), (None, "true", T), (None, "false", F)],
    )


def of_optional_keys() -> Iterator[Case]:
    """...IfExists: a key that is not in the request meets the condition."""
    rows: list[tuple[str, str, Any, Any]] = [
        ("StringEquals", TAG, "a", "b"),
        ("StringLike", TAG, "a", "b*"),
        ("NumericLessThan", NUMBER, "9", "8"),
        ("DateLessThan", DATE, "2026-01-01T00:00:00Z", "2025-01-01T00:00:00Z"),
        ("Bool", FLAG, "true", "false"),
        ("IpAddress", IP, "10.0.0.1", "11.0.0.0/8"),
        ("ArnLike", ARN, FUNCTION, "arn:aws:s3:::x"),
        ("StringEqualsIgnoreCase", TAG, "A", "b"),
    ]
    for operator, key, given, other in rows:
        same = "11" if operator.startswith("Numeric") else given
        same = "2026-06-01T00:00:00Z" if operator.startswith("Date") else same
        yield from conditions(
            OPERATORS,
            f"{operator}IfExists",
            key,
            [(None, other, T), (given, other, F), (given, same, T)],
        )


def of_sets() -> Iterator[Case]:
    """ForAllValues and ForAnyValue, over keys of several values."""
    yield from conditions(
        SETS,
        "ForAllValues:StringEquals",
        TAGS,
        [
            *((["a", "b"], ["a", "b", "c"], T), (["a", "d"], ["a", "b", "c"], F), (["a"], "a", T)),
            *((None, "a", T), (["A"], "a", F)),
        ],
    )
    yield from conditions(
        SETS,
        "ForAnyValue:StringEquals",
        TAGS,
        [(["a", "d"], ["a", "b"], T), (["d"], ["a", "b"], F), (None, "a", F), (["a"], "a", T)],
    )
    yield from conditions(
        SETS,
        "ForAllValues:StringLike",
        TAGS,
        [(["a1", "a2"], "a*", T), (["a1", "b2"], "a*", F), (["a1", "b2"], ["a*", "b*"], T)],
    )
    yield from conditions(
        SETS, "ForAnyValue:StringLike", TAGS, [(["x", "a2"], "a*", T), (["x", "y"], "a*", F)]
    )
    yield from conditions(
        SETS,
        "ForAnyValue:StringNotEquals",
        TAGS,
        [(["a", "b"], ["a", "b"], F), (["a", "c"], ["a", "b"], T)],
    )
    yield from conditions(
        SETS,
        "ForAllValues:StringNotEquals",
        TAGS,
        [(["c", "d"], ["a", "b"], T), (["a", "c"], ["a", "b"], F), (None, "a", T)],
    )


def of_variables() -> Iterator[Case]:
    """Variables in resources and conditions, with and without a value or a default."""

    def case(resource: str, is_allowed: bool, **facts: Any) -> Case:
        known = {name.replace("__", "/").replace("_", ":", 1): value for name, value in facts.items()}
        return Case(page=VARIABLES, is_allowed=is_allowed, identity=[allow(resource=resource)], facts=known)

    yield case("arn:aws:s3:::bucket/${aws:username}/*", T, aws_username="folder")
    yield case("arn:aws:s3:::bucket/${aws:username}/*", F, aws_username="other")
    yield case("arn:aws:s3:::bucket/${aws:username}/*", F)
    yield case("arn:aws:s3:::bucket/${aws:PrincipalTag/team}/*", T, aws_PrincipalTag__team="folder")
    yield case("arn:aws:s3:::bucket/${aws:PrincipalTag/team}/*", F, aws_PrincipalTag__team="fold*")
    yield case("arn:aws:s3:::bucket/${aws:PrincipalTag/team, 'folder'}/*", T)
    yield case("arn:aws:s3:::bucket/${aws:PrincipalTag/team, 'folder'}/*", F, aws_PrincipalTag__team="x")
    yield case("arn:aws:s3:::bucket/folder/${*}", F)
    yield case("arn:aws:s3:::bucket/folder/photo${?}jpg", F)
    for given, is_met in (("red", T), ("blue", F), (None, F)):
        yield Case(
            page=VARIABLES,
            is_allowed=is_met,
            identity=[allow(Condition={"StringEquals": {TAG: "${aws:RequestTag/team}"}})],
            facts={TAG: "red"} | ({} if given is None else {"aws:RequestTag/team": given}),
        )
    for given, is_met in (("re", T), ("r*", F)):
        yield Case(
            page=VARIABLES,
            is_allowed=is_met,
            identity=[allow(Condition={"StringLike": {TAG: "${aws:RequestTag/team}*"}})],
            facts={TAG: "red", "aws:RequestTag/team": given},
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
