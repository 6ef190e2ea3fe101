"""Conditions, their operators and variables: cases whose verdict AWS's pages tell."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from benchmarks.iam_requests import (
    ARN,
    DATE,
    FLAG,
    FUNCTION,
    HOME,
    IP,
    NUMBER,
    OPERATORS,
    SETS,
    TAG,
    TAGS,
    VARIABLES,
    Case,
    F,
    Rows,
    T,
    allow,
)


def conditions(page: str, operator: str, key: str, rows: Sequence[tuple[Any, Any, bool]]) -> Iterator[Case]:
    """Give a case for each row: the request's value (None: it has none), the policy's, and the verdict."""
    for given, wanted, is_met in rows:
        yield Case(
            page=page,
            is_allowed=is_met,
            facts={} if given is None else {key: given},
            identity=[allow(Condition={operator: {key: wanted}})],
        )


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
    yield from of_patterns()
    yield from of_numbers()
    yield from of_dates()
    yield from of_other_types()


def of_patterns() -> Iterator[Case]:
    """Patterns, in which a star and a question mark have a meaning."""
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
    yield from of_arns()
    yield from conditions(
        OPERATORS,
        "Null",
        TAG,
        [("a", "false", T), ("a", "true", F), (None, "true", T), (None, "false", F)],
    )


def of_arns() -> Iterator[Case]:
    """ARNs, part by part."""
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
