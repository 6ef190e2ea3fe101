"""What somebody must be allowed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from localaws.iam.evaluation import Known


class UnknownOperationError(Exception):
    """Nobody has said what an operation needs: it cannot be allowed."""


@dataclass(frozen=True, kw_only=True)
class Need:
    """One action on one resource."""

    action: str
    """Such as sagemaker:CreateTrainingJob."""
    resource: str
    """Its ARN, or `*`."""
    account_id: str
    """The resource's."""
    facts: Mapping[str, str | Sequence[str] | None] = field(default_factory=Known)
    """Condition key in lower case -> what the request has; read where a policy asks."""
    resource_policy_of: str | None = None
    """The ARN of the resource whose own policy is asked, too."""
