"""Note the steps of an update while it goes on: DescribeEndpoint tells them only then. Pure.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_PendingDeploymentSummary.html
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from musher.results import DeploymentStep

MAX_STEPS = 100
"""An update of the smallest rolling batches has 20 times four."""

MAX_CHARACTERS = 300
ROLLING_BACK = "RollingBack"


def add_steps(
    known: Sequence[DeploymentStep], answer: Mapping[str, Any], *, seen_at: float
) -> list[DeploymentStep]:
    """Return the steps with those that a look shows for the first time; `seen_at` is the look's.

    AWS says when a variant's step began. It says nothing of the steps of a rollback: that one began between
    two looks.
    """
    steps, last = list(known), known[-1] if known else None
    for step in _read_steps(answer, seen_at=seen_at):
        is_new = last is None or (step["status"], step["message"]) != (last["status"], last["message"])
        if is_new and len(steps) < MAX_STEPS:
            steps.append(step)
            last = step
    return steps


def _read_steps(answer: Mapping[str, Any], *, seen_at: float) -> Iterator[DeploymentStep]:
    if answer["EndpointStatus"] == ROLLING_BACK:
        yield DeploymentStep(
            at=as_iso(datetime.fromtimestamp(seen_at, UTC)),
            status=ROLLING_BACK,
            config_name=answer["EndpointConfigName"],
            message="Back to what served before.",
            is_seen=True,
        )
    pending = answer.get("PendingDeploymentSummary", {})
    for variant in pending.get("ProductionVariants", []):
        for found in variant.get("VariantStatus", [])[-1:]:
            yield DeploymentStep(
                at=as_iso(found["StartTime"]),
                status=found["Status"],
                config_name=pending["EndpointConfigName"],
                message=found.get("StatusMessage", "")[:MAX_CHARACTERS],
                is_seen=False,
            )


def end_steps(known: Sequence[DeploymentStep], endpoint: Mapping[str, Any]) -> list[DeploymentStep]:
    """Return the steps with what the endpoint is after the last; none where there was nothing to wait for."""
    if not known:
        return []
    last = DeploymentStep(
        at=as_iso(endpoint["LastModifiedTime"]),
        status=endpoint["EndpointStatus"],
        config_name=endpoint["EndpointConfigName"],
        message=f"{endpoint['EndpointConfigName']} serves.",
        is_seen=False,
    )
    return [*known, last]


def is_taken_back(steps: Sequence[DeploymentStep]) -> bool:
    """Return whether an update went back: that was seen, or another configuration serves in the end."""
    return any(step["status"] == ROLLING_BACK for step in steps) or (
        len({step["config_name"] for step in steps}) > 1
    )


def as_iso(moment: datetime) -> str:
    """Return a moment as text, in UTC."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")
