"""What instances tell EventBridge.

https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/monitoring-instance-state-changes.html and
https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/spot-instance-termination-notices.html
"""

import sys
import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from moto.utilities.utils import get_partition

STATE_CHANGE = "EC2 Instance State-change Notification"
INTERRUPTION = "EC2 Spot Instance Interruption Warning"
REBALANCE = "EC2 Instance Rebalance Recommendation"


def build_event(instance: Any, kind: str, *, now: datetime, detail: Mapping[str, str]) -> dict[str, Any]:
    """Return an event of an instance."""
    account_id, region = instance.owner_id, instance.region_name
    partition = get_partition(region)
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": kind,
        "source": "aws.ec2",
        "account": account_id,
        "time": f"{now:%Y-%m-%dT%H:%M:%SZ}",
        "region": region,
        "resources": [f"arn:{partition}:ec2:{region}:{account_id}:instance/{instance.id}"],
        "detail": {"instance-id": instance.id, **detail},
    }


def tell(instance: Any, kind: str, *, now: datetime, **detail: str) -> None:
    """Tell EventBridge of an instance. Where nobody has asked it for anything, there are no rules."""
    if "moto.events.models" not in sys.modules:
        return
    from localaws.events.bus import publish

    named = {name.replace("_", "-"): value for name, value in detail.items()}
    publish(build_event(instance, kind, now=now, detail=named))
