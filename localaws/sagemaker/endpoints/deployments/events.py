"""EventBridge's "SageMaker Endpoint Deployment State Change": what it tells, and its way to moto's rules.

Source: "Endpoint deployment state change" in
https://docs.aws.amazon.com/sagemaker/latest/dg/automating-sagemaker-with-eventbridge.html
"""

import json
import logging
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from moto.sagemaker.models import FakeEndpoint

logger = logging.getLogger(__name__)

SOURCE, DETAIL_TYPE = "aws.sagemaker", "SageMaker Endpoint Deployment State Change"


def event_status(status: str) -> str:
    """Return an EndpointStatus as events write it: `RollingBack` is ROLLING_BACK."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", status).upper()


def event_detail(endpoint: FakeEndpoint, *, pending: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the detail of an event; `pending` is the PendingDeploymentSummary."""
    detail: dict[str, Any] = {
        "EndpointName": endpoint.endpoint_name,
        "EndpointArn": endpoint.arn,
        "EndpointConfigName": endpoint.endpoint_config_name,
        "ProductionVariants": endpoint.production_variants,
        "EndpointStatus": event_status(endpoint.endpoint_status),
        "CreationTime": endpoint.creation_time,
        "LastModifiedTime": endpoint.last_modified_time,
        "Tags": {tag["Key"]: tag["Value"] for tag in endpoint.tags},
    }
    return detail if pending is None else detail | {"PendingDeploymentSummary": pending}


def to_json(detail: Mapping[str, Any]) -> str:
    """Return a detail as text; times (naive UTC, as moto's are) are milliseconds since 1970."""
    return json.dumps(detail, default=_milliseconds)


def _milliseconds(moment: Any) -> int:
    if not isinstance(moment, datetime):
        raise TypeError(f"no JSON of {moment!r}")
    return round(moment.replace(tzinfo=UTC).timestamp() * 1000)


def publish(detail: Mapping[str, Any], *, account_id: str, region: str, now: datetime) -> None:
    """Tell the default bus of an endpoint."""
    where = {"account_id": account_id, "region": region}
    deliver(detail, subject="Endpoint", detail_type=DETAIL_TYPE, now=now, **where)


def deliver(
    detail: Mapping[str, Any], *, subject: str, detail_type: str, account_id: str, region: str, now: datetime
) -> None:
    """Hand an event to the rules of the default bus; what a target cannot take is logged, not raised.

    The detail names its subject by `<subject>Arn` and `<subject>Name`.
    """
    from moto.events.models import events_backends

    event = {
        "Source": SOURCE,
        "DetailType": detail_type,
        "Detail": to_json(detail),
        "Resources": [detail[f"{subject}Arn"]],
        "Time": now.timestamp(),
    }
    try:
        events_backends[account_id][region].put_events([event])
    except Exception:  # a rule's target must not end what its event tells of
        words = re.sub("(?<!^)(?=[A-Z])", " ", subject).lower()
        logger.exception("%s %s: an event was not delivered", words, detail[f"{subject}Name"])
