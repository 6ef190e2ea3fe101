"""Whether localaws evaluates IAM's policies as others do, and how quickly.

First the cases of benchmarks/iam_cases.py, each from a page of AWS's; then random
requests under random policies of all kinds, which npm's @cloud-copilot/iam-simulate judges, too, in a process
of its own. It is under the AGPL and no part of this project: it is installed into a temporary folder, and
where it cannot be had the comparison is skipped, with the reason.

cases         cases and random requests that were judged
agree         the share of them in which both agree; of the cases alone where the other is missing
checks_per_s  verdicts a second, of the random requests
"""

import argparse
import json
import random
import shutil
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.iam_cases import CASES
from benchmarks.iam_requests import ALICE, AWAY, HOME, ROLE, SESSION, Case
from benchmarks.tables import print_table
from localaws.iam.evaluation import Asked, Caller, Known, Policies, evaluate

PACKAGE = "@cloud-copilot/iam-simulate@0.1.173"
INSTALL_S, ANSWER_S = 120.0, 600.0
ACTIONS = ("s3:GetObject", "s3:PutObject", "s3:DeleteObject")
ACTION_PATTERNS = (
    "s3:GetObject",
    "s3:Get*",
    "s3:*Object",
    "s3:*",
    "*",
    "S3:PUTOBJECT",
    "s3:?etObject",
    "iam:*",
)
RESOURCES = (
    "arn:aws:s3:::bucket/folder/photo.jpg",
    "arn:aws:s3:::bucket/red/photo.png",
    "arn:aws:s3:::other/blue/a",
)
RESOURCE_PATTERNS = (
    *RESOURCES,
    *("*", "arn:aws:s3:::bucket/*", "arn:aws:s3:::*/photo.???", "arn:aws:s3:::b*t/*/photo*"),
    *("arn:aws:s3:::*/${aws:PrincipalTag/team}/*", "arn:aws:s3:::*/${aws:PrincipalTag/none, 'blue'}/*"),
)
PRINCIPALS = (ALICE, SESSION)
NAMED: tuple[Any, ...] = (
    "*",
    {"AWS": "*"},
    {"AWS": ALICE},
    {"AWS": ROLE},
    {"AWS": SESSION},
    {"AWS": [ALICE, SESSION]},
    {"AWS": f"arn:aws:iam::{HOME}:root"},
    {"AWS": HOME},
    {"AWS": f"arn:aws:iam::{AWAY}:root"},
    {"Service": "lambda.amazonaws.com"},
)
FOR_SESSIONS = tuple(named for named in NAMED if SESSION not in str(named))
"""AWS's page says that a session's own policy does not limit what names the session; the other has it so that
it does. They are not compared on it."""
TEXTS = ("red", "Red", "blue", "blueish", "r*d")
VALUES: dict[str, tuple[str, ...]] = {
    "aws:PrincipalTag/team": TEXTS,
    "aws:MultiFactorAuthAge": ("5", "10", "10.5", "200"),
    "aws:CurrentTime": ("2026-11-29T12:00:00Z", "2026-01-01T00:00:00Z", "2027-06-01T00:00:00Z"),
    "aws:SecureTransport": ("true", "false"),
    "aws:SourceIp": ("203.0.113.5", "10.1.2.3", "192.0.2.77"),
    "aws:SourceArn": (
        f"arn:aws:lambda:us-east-1:{HOME}:function:classify",
        f"arn:aws:lambda:eu-central-1:{HOME}:function:other",
        "arn:aws:s3:::bucket",
    ),
}
MANY = "aws:TagKeys"
WANTED: dict[str, tuple[str, ...]] = {
    **VALUES,
    "aws:PrincipalTag/team": (*TEXTS, "r?d", "b*", "*"),
    "aws:SourceIp": (*VALUES["aws:SourceIp"], "203.0.113.0/24", "10.0.0.0/8"),
    "aws:SourceArn": (*VALUES["aws:SourceArn"], "arn:aws:lambda:*:*:function:*", "arn:*:s3:::b*"),
}
COMPARE = ("Equals", "NotEquals", "LessThan", "LessThanEquals", "GreaterThan", "GreaterThanEquals")
OPERATORS: dict[str, tuple[str, ...]] = {
    "aws:PrincipalTag/team": (
        *("StringEquals", "StringNotEquals", "StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase"),
        *("StringLike", "StringNotLike"),
    ),
    "aws:MultiFactorAuthAge": tuple(f"Numeric{name}" for name in COMPARE),
    "aws:CurrentTime": tuple(f"Date{name}" for name in COMPARE),
    "aws:SecureTransport": ("Bool",),
    "aws:SourceIp": ("IpAddress", "NotIpAddress"),
    "aws:SourceArn": ("ArnEquals", "ArnLike", "ArnNotEquals", "ArnNotLike"),
}


class Dice:
    """Draws requests and policies; the same ones for the same seed."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def case(self) -> Case:
        """Draw a request, and the policies that have a say in it; what becomes of it is not known."""
        chance, pick = self._random.random, self._random.choice
        principal = pick(PRINCIPALS)
        has_session = principal == SESSION and chance() < 0.3
        return Case(
            page="",
            is_allowed=False,
            action=pick(ACTIONS),
            resource=pick(RESOURCES),
            owner=HOME if chance() < 0.75 else AWAY,
            principal=principal,
            facts=self._facts(),
            identity=self._statements(),
            boundary=self._statements() if chance() < 0.3 else None,
            session=self._statements() if has_session else None,
            by_resource=(
                self._statements(named=FOR_SESSIONS if has_session else NAMED) if chance() < 0.5 else None
            ),
        )

    def _facts(self) -> dict[str, Any]:
        facts: dict[str, Any] = {
            key: self._random.choice(values) for key, values in VALUES.items() if self._random.random() < 0.8
        }
        if self._random.random() < 0.7:
            facts[MANY] = self._random.sample(TEXTS[:4], self._random.randint(1, 3))
        return facts

    def _statements(self, *, named: Sequence[Any] = ()) -> list[dict[str, Any]]:
        return [self._statement(named=named) for _ in range(self._random.randint(1, 3))]

    def _statement(self, *, named: Sequence[Any]) -> dict[str, Any]:
        chance = self._random.random
        statement: dict[str, Any] = {
            "Effect": "Allow" if chance() < 0.75 else "Deny",
            "Action" if chance() < 0.85 else "NotAction": self._some(ACTION_PATTERNS),
            "Resource" if chance() < 0.85 else "NotResource": self._some(RESOURCE_PATTERNS),
        }
        if named:
            statement["Principal"] = self._random.choice(named)
        if chance() < 0.5:
            statement["Condition"] = self._conditions()
        return statement

    def _some(self, values: Sequence[str]) -> list[str]:
        return self._random.sample(values, self._random.randint(1, 2))

    def _conditions(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key in self._random.sample([*VALUES, MANY, "Null"], self._random.randint(1, 2)):
            operator, named, wanted = self._condition(key)
            found.setdefault(operator, {})[named] = wanted
        return found

    def _condition(self, key: str) -> tuple[str, str, Any]:
        if key == "Null":
            return "Null", self._random.choice(list(VALUES)), self._random.choice(("true", "false"))
        if key == MANY:
            over = self._random.choice(("ForAllValues", "ForAnyValue"))
            test = self._random.choice(
                ("StringEquals", "StringLike", "StringNotEquals", "StringEqualsIgnoreCase")
            )
            return f"{over}:{test}", key, self._some((*TEXTS[:4], "b*"))
        operator = self._random.choice(OPERATORS[key])
        optional = "IfExists" if self._random.random() < 0.3 else ""
        return f"{operator}{optional}", key, self._some(WANTED[key])


def judge(case: Case) -> bool:
    """Return our verdict."""
    caller, asked, policies = prepare(case)
    return evaluate(caller, asked, policies).is_allowed


def prepare(case: Case) -> tuple[Caller, Asked, Policies]:
    """Return a case in the evaluator's words."""
    role = ROLE if case.principal == SESSION else ""
    caller = Caller(arn=case.principal, role_arn=role, account_id=case.principal.split(":")[4])
    facts = Known({key.lower(): value for key, value in case.facts.items()})
    asked = Asked(action=case.action, resource=case.resource, account_id=case.owner, facts=facts)
    return (
        caller,
        asked,
        Policies(
            identity=case.identity, boundary=case.boundary, session=case.session, resource=case.by_resource
        ),
    )


def as_simulation(case: Case) -> dict[str, Any]:
    """Return a case in the other's words."""

    def policy(statements: Sequence[Any]) -> dict[str, Any]:
        return {"Version": "2012-10-17", "Statement": list(statements)}

    found: dict[str, Any] = {
        "request": {
            "principal": case.principal,
            "action": case.action,
            "resource": {"resource": case.resource, "accountId": case.owner},
            "contextVariables": dict(case.facts),
        },
        "identityPolicies": [{"name": "identity", "policy": policy(case.identity)}],
        "serviceControlPolicies": [],
        "resourceControlPolicies": [],
    }
    if case.boundary is not None:
        found["permissionBoundaryPolicies"] = [{"name": "boundary", "policy": policy(case.boundary)}]
    if case.session is not None:
        found["sessionPolicy"] = policy(case.session)
    if case.by_resource is not None:
        found["resourcePolicy"] = policy(case.by_resource)
    return found


def ask_the_other(cases: Sequence[Case], folder: Path) -> list[str]:
    """Return the other's verdicts; RuntimeError where it cannot be had."""
    if shutil.which("npm") is None or shutil.which("node") is None:
        raise RuntimeError("npm and node are not installed")
    install = ["npm", "install", "--no-audit", "--no-fund", "--prefix", str(folder), PACKAGE]
    try:
        subprocess.run(install, check=True, capture_output=True, timeout=INSTALL_S)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        raise RuntimeError(f"{PACKAGE} cannot be installed: {error}") from error
    shutil.copy(Path(__file__).with_name("iam_oracle.mjs"), folder)
    lines = "".join(json.dumps(as_simulation(case)) + "\n" for case in cases)
    argv = ["node", "iam_oracle.mjs"]
    done = subprocess.run(
        argv, cwd=folder, input=lines, capture_output=True, text=True, check=True, timeout=600
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def measure_speed(cases: Sequence[Case]) -> float:
    """Return verdicts a second, of policies that were read before."""
    prepared = [prepare(case) for case in cases]
    for each in prepared:
        evaluate(*each)
    started = time.perf_counter()
    for each in prepared:
        evaluate(*each)
    return len(prepared) / (time.perf_counter() - started)


def main() -> None:
    """Judge, compare, print a table and the JSON line."""
    parser = argparse.ArgumentParser(description="Compare verdicts on policies.")
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    dice = Dice(arguments.seed)
    drawn = [dice.case() for _ in range(arguments.requests)]
    agreed = sum(judge(case) is case.is_allowed for case in CASES)
    judged, allowed, odd = len(CASES), 0, list[tuple[Case, str]]()
    with tempfile.TemporaryDirectory() as folder:
        try:
            verdicts = ask_the_other(drawn, Path(folder))
        except RuntimeError as error:
            print(f"not compared with {PACKAGE}: {error}")
        else:
            for case, verdict in zip(drawn, verdicts, strict=True):
                is_same = judge(case) is (verdict == "Allowed")
                judged, agreed, allowed = judged + 1, agreed + is_same, allowed + (verdict == "Allowed")
                odd += [] if is_same else [(case, verdict)]
    for case, verdict in odd[:5]:
        print(f"they say {verdict}: {json.dumps(as_simulation(case))}")
    results = {
        "cases": judged,
        "agree": agreed / judged,
        "checks_per_s": round(measure_speed(drawn)),
        "of_pages": len(CASES),
        "allowed": allowed,
    }
    print_table(["figure", "value"], [(name, str(value)) for name, value in results.items()])
    print(json.dumps(results))


if __name__ == "__main__":
    main()
