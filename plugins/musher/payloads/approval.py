"""Say in the registry what became of a version of a model, and why.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_UpdateModelPackage.html
"""

from typing import Any

PENDING, APPROVED, REJECTED = "PendingManualApproval", "Approved", "Rejected"

ASKING = "Waits for a person's approval: "
"""How the description of a version begins that the gate leaves to a person."""

MAX_DESCRIPTION = 1024


def own_reason(description: str | None) -> str | None:
    """Return what a person has given as the reason; what the gate wrote before stays where there is none."""
    return None if not description or description.startswith(ASKING) else description.rstrip(".")


def build_verdict(*, package_arn: str, status: str, reason: str) -> dict[str, Any]:
    """Return the UpdateModelPackage request that says what became of a version, and why."""
    return {
        "ModelPackageArn": package_arn,
        "ModelApprovalStatus": status,
        "ApprovalDescription": reason[:MAX_DESCRIPTION],
    }
