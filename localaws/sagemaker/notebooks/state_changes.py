"""EventBridge's "SageMaker Notebook Instance State Change".

https://docs.aws.amazon.com/sagemaker/latest/dg/automating-sagemaker-with-eventbridge.html
"""

import logging
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from localaws.sagemaker.endpoints.deployments.events import to_json

logger = logging.getLogger(__name__)

SOURCE, DETAIL_TYPE = "aws.sagemaker", "SageMaker Notebook Instance State Change"
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
    """Hand an event to the rules of the default bus; what a target cannot take is logged, not raised."""
    from moto.events.models import events_backends

    event = {
        "Source": SOURCE,
        "DetailType": DETAIL_TYPE,
        "Detail": to_json(detail),
        "Resources": [detail["NotebookInstanceArn"]],
        "Time": now.timestamp(),
    }
    try:
        events_backends[account_id][region].put_events([event])
    except Exception:  # a rule's target must not end an instance
        logger.exception("notebook instance %s: an event was not delivered", detail["NotebookInstanceName"])
