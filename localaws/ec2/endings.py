"""Terminated instances are shown for an hour, and then no more; moto shows them for ever.

Their client tokens are known for a day:
https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-idempotency.html
https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/terminating-instances.html
"""

import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from moto.ec2.models.instances import InstanceBackend, Reservation

from localaws import context

KEPT_S = 3600.0
"""AWS seconds for which a terminated instance is shown."""

TOKEN_S = 86_400.0
"""AWS seconds from an instance's end for which its client token is taken."""


@dataclass(frozen=True, kw_only=True)
class SpentToken:
    """The client token of an instance that is not shown any more."""

    fingerprint: str
    """Of the request that made the instance."""
    ended_s: float


_ending = threading.Lock()
stock_all_reservations = InstanceBackend.all_reservations


def note_end(backend: Any, instance_id: str) -> None:
    """Note that an instance has just been terminated."""
    with _ending:
        if not hasattr(backend, "ended_instances"):
            backend.ended_instances = deque()
        backend.ended_instances.append((context.current().clock.monotonic(), instance_id))


def forget_ended(backend: Any) -> None:
    """Forget the instances whose hour is over, with their Spot requests."""
    ended: deque[tuple[float, str]] | None = getattr(backend, "ended_instances", None)
    if not ended:
        return
    with _ending:
        now_s = context.current().clock.monotonic()
        over = {}
        while ended and ended[0][0] + KEPT_S <= now_s:
            ended_s, instance_id = ended.popleft()
            over[instance_id] = ended_s
        if over:
            keep_tokens(backend, over)
            remove(backend, set(over))


def keep_tokens(backend: Any, ended_s: Mapping[str, float]) -> None:
    """Keep the client tokens of instances that are about to be forgotten, by their ids."""
    if not hasattr(backend, "spent_tokens"):
        backend.spent_tokens = {}
    for reservation in backend.reservations.values():
        for instance in reservation.instances:
            if instance.id in ended_s and instance.client_token:
                spent = SpentToken(fingerprint=instance.fingerprint, ended_s=ended_s[instance.id])
                backend.spent_tokens[instance.client_token] = spent


def find_spent(backend: Any, token: str) -> SpentToken | None:
    """Return the token of an instance that is forgotten, as long as it is taken."""
    spent: SpentToken | None = getattr(backend, "spent_tokens", {}).get(token)
    now_s = context.current().clock.monotonic()
    return spent if spent is not None and now_s < spent.ended_s + TOKEN_S else None


def remove(backend: Any, instance_ids: set[str]) -> None:
    """Take instances out of their reservations, which go with the last of theirs."""
    for name, reservation in list(backend.reservations.items()):
        left = [each for each in reservation.instances if each.id not in instance_ids]
        if len(left) < len(reservation.instances):
            reservation.instances = left
            if not left:
                del backend.reservations[name]
    for name, request in list(backend.spot_instance_requests.items()):
        if request.instance.id in instance_ids:
            del backend.spot_instance_requests[name]


def all_reservations(backend: InstanceBackend, filters: Any = None) -> list[Reservation]:
    """Return the reservations that there are; everything that looks for instances asks here."""
    forget_ended(backend)
    return stock_all_reservations(backend, filters)


def install() -> None:
    """Put this in the place of moto's."""
    setattr(InstanceBackend, "all_reservations", all_reservations)  # noqa: B010 - mypy refuses to assign a method
