"""Ask AWS itself: Access Analyzer about documents, IAM's simulation about ways to more rights.

https://docs.aws.amazon.com/access-analyzer/latest/APIReference/API_ValidatePolicy.html
https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from musher.iam.account import IDENTITY, TRUST, Account, Analysis
from musher.iam.documents import Document
from musher.iam.findings import Finding
from musher.iam.looks import Looks, MakeClient
from musher.iam.rules.users import ANALYZER_PAGE

SEVERITIES = {"ERROR": "high", "SECURITY_WARNING": "medium", "WARNING": "low"}
"""Suggestions are left out."""

TRUST_TYPE = "AWS::IAM::AssumeRolePolicyDocument"


def with_analyses(account: Account, make_client: MakeClient) -> Account:
    """Return the account with what Access Analyzer says; where it refuses once, it is not asked again."""
    looks, found = Looks(), []
    client = make_client("accessanalyzer")
    for arn, kind, document in account.documents:
        if not document.flaws:
            answer = looks.at("Access Analyzer", partial(_validate, client, kind, document))
            if answer is None:
                break
            found += [_read(arn, document, each) for each in answer if each["findingType"] in SEVERITIES]
    return replace(account, analyses=tuple(found), unseen=(*account.unseen, *looks.unseen))


def _validate(client: Any, kind: str, document: Document) -> list[Mapping[str, Any]]:
    arguments = {"policyType": "IDENTITY_POLICY" if kind == IDENTITY else "RESOURCE_POLICY"}
    if kind == TRUST:
        arguments["validatePolicyResourceType"] = TRUST_TYPE
    pages = client.get_paginator("validate_policy").paginate(policyDocument=document.text, **arguments)
    return [found for page in pages for found in page["findings"]]


def _read(arn: str, document: Document, found: Mapping[str, Any]) -> Analysis:
    """Return a finding; Access Analyzer counts columns from 0."""
    start = next((place["span"]["start"] for place in found.get("locations", [])), {"line": 1, "column": 0})
    return Analysis(
        arn=arn,
        document=document,
        severity=SEVERITIES[found["findingType"]],
        text=f"{found['issueCode']}: {found['findingDetails']}",
        line=start["line"],
        column=start["column"] + 1,
        page=found.get("learnMoreLink", ANALYZER_PAGE),
    )


def simulate(findings: Iterable[Finding], make_client: MakeClient, looks: Looks) -> Iterator[str]:
    """Give what IAM's own simulation decides about each way to more rights, in words."""
    client = make_client("iam")
    for finding in findings:
        if finding.rule != "privilege-escalation":
            continue
        actions = [f"{service}:{name}" for service, name in _actions(finding)]
        ask = partial(client.simulate_principal_policy, PolicySourceArn=finding.resource, ActionNames=actions)
        answer = looks.at("IAM's simulation", ask)
        if answer is None:
            return
        said = ", ".join(
            f"{each['EvalActionName']} {each['EvalDecision']}" for each in answer["EvaluationResults"]
        )
        yield f"IAM's simulation of {finding.resource}: {said}"


def _actions(finding: Finding) -> Iterator[tuple[str, str]]:
    """Give service and name of the actions in a finding's title: ... (iam:PassRole + ec2:RunInstances)."""
    yield from re.findall(r"([a-z0-9-]+):(\w+)", finding.title.rpartition("(")[2])
