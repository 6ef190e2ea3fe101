"""All rules, in the order of docs/iam-audit.md."""

from musher.iam.rules import buckets, escalation, grants, resources, trust, usage, users
from musher.iam.rules.rule import Rule

ALL: tuple[Rule, ...] = (
    *grants.RULES,
    *escalation.RULES,
    *trust.RULES,
    *buckets.RULES,
    *resources.RULES,
    *usage.RULES,
    *users.RULES,
)
