"""A policy of a principal, and one statement of it."""

from dataclasses import dataclass

from musher.iam.documents import Document, Statement

OWN_BY_AWS = ":iam::aws:policy/"


@dataclass(frozen=True, kw_only=True)
class Policy:
    """An inline policy, or a managed one, which has an ARN."""

    name: str
    document: Document
    arn: str = ""

    @property
    def is_of_aws(self) -> bool:
        """Return whether it is AWS's own."""
        return OWN_BY_AWS in self.arn


@dataclass(frozen=True, kw_only=True)
class Grant:
    """One statement of a policy that counts for somebody."""

    policy: Policy
    statement: Statement
