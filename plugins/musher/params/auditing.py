"""The Params of the DAG audit_iam."""

from musher.params.section import in_section

NEVER = "never"

AUDITING = in_section(
    "Audit",
    {
        "fail_on": {
            "is_open": True,
            "title": "Fail from this severity on",
            "default": "high",
            "type": "string",
            "enum": ["critical", "high", "medium", "low", NEVER],
            "description": "The report is written in any case. With `never` the run only tells.",
        },
        "must_see_all": {
            "title": "Fail where something could not be looked at",
            "default": True,
            "type": "boolean",
            "description": "What AWS refuses to show is no proof of anything.",
        },
        "unused_days": {
            "title": "Days until something counts as unused",
            "default": 90,
            "type": "integer",
            "minimum": 1,
            "maximum": 400,
            "description": "Roles and access keys. IAM remembers the last use of a role for **400 days**.",
        },
        "baseline_uri": {
            "title": "Accepted findings",
            "default": None,
            "type": ["string", "null"],
            "pattern": r"^s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]/.+\.json$",
            "examples": ["s3://<bucket>/<project>/audits/baseline.json"],
            "description": "A JSON file in the project's bucket, each finding with a reason and an end.",
        },
        "ask_access_analyzer": {
            "title": "Ask Access Analyzer, too",
            "default": False,
            "type": "boolean",
            "description": "About each document. It is not everywhere; the report says so where it is not.",
        },
    },
)
