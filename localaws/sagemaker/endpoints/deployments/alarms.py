"""The alarms of a deployment, as CloudWatch has them now."""

from collections.abc import Sequence
from typing import Any

ALARM = "ALARM"


def missing_alarms(names: Sequence[str], *, account_id: str, region: str) -> tuple[str, ...]:
    """Return the alarms that do not exist."""
    known = _alarms(account_id, region)
    return tuple(name for name in names if name not in known)


def tripped_alarms(names: Sequence[str], *, account_id: str, region: str) -> tuple[str, ...]:
    """Return the alarms that are in ALARM, or deleted: what nobody watches is not taken for good."""
    known = _alarms(account_id, region)
    return tuple(name for name in names if name not in known or known[name].state_value == ALARM)


def _alarms(account_id: str, region: str) -> Any:
    from moto.cloudwatch.models import cloudwatch_backends

    return cloudwatch_backends[account_id][region].alarms
