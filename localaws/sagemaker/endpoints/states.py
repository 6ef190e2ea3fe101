"""The states of an endpoint, and the only ways from one to another.

Source: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DescribeEndpoint.html (EndpointStatus).
"""

import threading
from collections.abc import Mapping
from datetime import datetime

from moto.sagemaker.models import FakeEndpoint

from localaws.clock import naive_utc

CREATING = "Creating"
IN_SERVICE = "InService"
UPDATING = "Updating"
SYSTEM_UPDATING = "SystemUpdating"
ROLLING_BACK = "RollingBack"
FAILED = "Failed"
DELETING = "Deleting"
UPDATE_ROLLBACK_FAILED = "UpdateRollbackFailed"

TRANSITIONS: Mapping[str, frozenset[str]] = {
    CREATING: frozenset({IN_SERVICE, FAILED}),
    IN_SERVICE: frozenset({UPDATING, SYSTEM_UPDATING, DELETING}),
    UPDATING: frozenset({IN_SERVICE, ROLLING_BACK}),
    SYSTEM_UPDATING: frozenset({IN_SERVICE, ROLLING_BACK}),
    ROLLING_BACK: frozenset({IN_SERVICE, UPDATE_ROLLBACK_FAILED}),
    UPDATE_ROLLBACK_FAILED: frozenset({UPDATING, DELETING}),
    FAILED: frozenset({DELETING}),
    DELETING: frozenset(),
}
IN_PROGRESS = frozenset({CREATING, UPDATING, SYSTEM_UPDATING, ROLLING_BACK, DELETING})
"""While in these, AWS refuses every change."""
SERVING = frozenset({IN_SERVICE, UPDATING, SYSTEM_UPDATING, ROLLING_BACK, UPDATE_ROLLBACK_FAILED})
"""In these, InvokeEndpoint works."""

_lock = threading.Lock()


def try_move(endpoint: FakeEndpoint, *, to: str, now: datetime, reason: str | None = None) -> bool:
    """Move `endpoint` to the state `to`, with `reason` as its FailureReason; return False where not allowed.

    The check and the move are one step, so that two requests cannot both win.
    """
    with _lock:
        if to not in TRANSITIONS[endpoint.endpoint_status]:
            return False
        endpoint.endpoint_status = to
        endpoint.failure_reason = reason  # type: ignore[assignment]  # moto sets None at first
        endpoint.last_modified_time = naive_utc(now)
        return True
