"""Findings in SARIF 2.1.0, which code hosts and editors show.

https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
"""

from typing import Any
from urllib.parse import quote

from musher.iam.findings import Audit, Evidence, Finding
from musher.iam.rules.catalog import ALL
from musher.iam.rules.rule import Rule

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
LEVELS = {"low": "note", "medium": "warning", "high": "error", "critical": "error"}
SCORES = {"low": "2.0", "medium": "5.0", "high": "8.0", "critical": "9.5"}
"""GitHub's `security-severity`: https://docs.github.com/en/code-security/reference/sarif-support."""


def as_sarif(audit: Audit) -> dict[str, Any]:
    """Return a log of one run; what could not be looked at is a notification of it."""
    index = {rule.id: number for number, rule in enumerate(ALL)}
    results = [
        *(_result(found, index) for found in audit.findings),
        *({**_result(found, index), "suppressions": [{"kind": "external"}]} for found in audit.accepted),
    ]
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": {"name": "musher.iam", "rules": [_rule(rule) for rule in ALL]}},
                "invocations": [
                    {
                        "executionSuccessful": not audit.unseen,
                        "toolExecutionNotifications": [
                            {
                                "level": "warning",
                                "message": {"text": f"{found['what']}: {found['reason']}"},
                            }
                            for found in audit.unseen
                        ],
                    }
                ],
                "results": results,
            }
        ],
    }


def _rule(rule: Rule) -> dict[str, Any]:
    gravest = rule.severities[-1]
    return {
        "id": rule.id,
        "shortDescription": {"text": rule.title},
        "helpUri": rule.page,
        "defaultConfiguration": {"level": LEVELS[gravest]},
        "properties": {"security-severity": SCORES[gravest]},
    }


def _result(finding: Finding, index: dict[str, int]) -> dict[str, Any]:
    return {
        "ruleId": finding.rule,
        "ruleIndex": index[finding.rule],
        "level": LEVELS[finding.severity],
        "message": {"text": f"{finding.title}. {finding.remedy.text}"},
        "locations": [_location(finding, found) for found in finding.evidence],
        "partialFingerprints": {"musherFinding/v1": finding.fingerprint},
        "properties": {"severity": finding.severity},
    }


def _location(finding: Finding, evidence: Evidence) -> dict[str, Any]:
    return {
        "physicalLocation": {
            "artifactLocation": {"uri": quote(evidence.path)},
            "region": {"startLine": evidence.line, "startColumn": evidence.column},
        },
        "logicalLocations": [{"fullyQualifiedName": finding.resource + evidence.pointer}],
    }
