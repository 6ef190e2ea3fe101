"""Decide what has outlived its time, and what it saves to remove it."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from musher.costs.prices import price_usd_per_hour
from musher.payloads.tags import EXPIRES_TAG, PROJECT_TAG

HOURS_PER_MONTH = 730


@dataclass(frozen=True, kw_only=True)
class Resource:
    """Something in the account that a run may have made, with its tags."""

    kind: str
    name: str
    arn: str
    tags: Mapping[str, str]
    created_at: datetime | None = None
    usd_per_hour: float | None = 0.0
    """While it is there; None where no price is noted."""
    is_busy: bool = False
    """Whether AWS refuses to remove it now, so that its removal may wait for an hour and more."""


def find_expiry(tags: Mapping[str, str], *, project: str) -> datetime | None:
    """Return the end of a resource's time; None without this project's tag, or without a time that counts.

    What is live has none unless a person gives it one. A time without an offset from UTC does not count.
    """
    if tags.get(PROJECT_TAG) != project:
        return None
    try:
        expiry = datetime.fromisoformat(tags.get(EXPIRES_TAG, ""))
    except ValueError:
        return None
    return expiry if expiry.tzinfo is not None else None


def reason_to_remove(
    resource: Resource, *, project: str, now: datetime, needed: Collection[str] = ()
) -> str | None:
    """Return why a resource is to be removed; None where it stays. `needed` names what others use."""
    expiry = find_expiry(resource.tags, project=project)
    if expiry is None or expiry > now or resource.name in needed:
        return None
    return f"its time ended {expiry.isoformat(timespec='seconds')}"


def hourly_price(instances: Mapping[str, int]) -> float | None:
    """Return what instances cost in USD per hour, from type -> count; None where a price is not noted."""
    prices = {kind: price_usd_per_hour(kind) for kind in instances}
    known = [price * instances[kind] for kind, price in prices.items() if price is not None]
    return sum(known) if len(known) == len(instances) else None


def monthly_price(resource: Resource) -> float | None:
    """Return what a resource costs in USD in a month in which it is there throughout."""
    return None if resource.usd_per_hour is None else round(resource.usd_per_hour * HOURS_PER_MONTH, 2)


def dearest_first(resource: Resource) -> tuple[bool, float, str]:
    """Return what to sort by: an unknown price comes before every known one, what is busy last."""
    price = float("inf") if resource.usd_per_hour is None else resource.usd_per_hour
    return resource.is_busy, -price, resource.name
