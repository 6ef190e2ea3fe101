"""EventBridge's "SageMaker Notebook Instance State Change".

https://docs.aws.amazon.com/sagemaker/latest/dg/automating-sagemaker-with-eventbridge.html
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from localaws.sagemaker.endpoints.deployments.events import deliver

DETAIL_TYPE = "SageMaker Notebook Instance State Change"
MEMBERS = (
    "NotebookInstanceArn",
    "NotebookInstanceName",
    "NotebookInstanceStatus",
    "FailureReason",
    "InstanceType",
    "LastModifiedTime",
    "CreationTime",
    "NotebookInstanceLifecycleConfigName",
)
"""What the detail has of a description."""


def event_detail(description: Mapping[str, Any], *, tags: list[dict[str, str]]) -> dict[str, Any]:
    """Return the detail of an event."""
    found = {name: description[name] for name in MEMBERS if description.get(name) is not None}
    return found | {"Tags": {tag["Key"]: tag["Value"] for tag in tags}}


def publish(detail: Mapping[str, Any], *, account_id: str, region: str, now: datetime) -> None:
    """Tell the default bus of a notebook instance."""
    where = {"account_id": account_id, "region": region}
    deliver(detail, subject="NotebookInstance", detail_type=DETAIL_TYPE, now=now, **where)
