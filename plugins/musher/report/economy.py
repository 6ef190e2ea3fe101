"""What an endpoint carries, and what that costs: numbers from a load test, each with how it was computed.

Prices are those of `musher.costs.prices`. A number that cannot be had is none, with the reason.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from musher.costs.prices import NOTED_ON, PRICES_USD_PER_HOUR, REGION
from musher.report.words import NONE, as_ms, as_usd


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A number in words, and where it is from."""

    name: str
    value: str
    how: str


@dataclass(frozen=True, kw_only=True)
class _Use:
    """What the endpoint's instances did during the load test."""

    instance_type: str | None
    price: float | None
    """USD of an instance and hour."""
    instances: float
    """In the mean."""
    per_s: float
    """Requests that were answered."""
    service_s: float | None
    """Of a request in the mean, from when it was sent."""


def list_figures(record: Mapping[str, Any]) -> list[Figure]:
    """Return what the considerations of traffic, cost and efficiency come to; none for functions."""
    seen, measured = record["instances"], record["measured"]
    if not seen:
        return []
    instance_type = record.get("instance_type")
    service_ms = measured["service"]["mean_ms"]
    use = _Use(
        instance_type=instance_type,
        price=PRICES_USD_PER_HOUR.get(instance_type or ""),
        instances=mean_instances(seen, length_s=length_of(record)),
        per_s=measured["succeeded_per_s"],
        service_s=None if service_ms is None else service_ms / 1000,
    )
    if not use.instances:
        return []
    figures = [
        _carried(use),
        _most(use, record["predicted"]),
        _busy(use),
        _price_of_requests(use),
        *_prices_by_hour(use, record["scaling"]),
    ]
    advice = record.get("advice")
    return [*figures, _recommended(advice)] if advice else figures


def length_of(record: Mapping[str, Any]) -> float:
    """Return the seconds for which requests were due."""
    measured = record["measured"]
    planned = float(measured["profile"]["duration_s"])
    return planned if measured["is_complete"] else max(1.0, min(planned, measured["took_s"]))


def mean_instances(points: Sequence[Mapping[str, Any]], *, length_s: float) -> float:
    """Return how many instances served in the mean over so many seconds, each look holding until the next."""
    total, last = 0.0, points[-1]
    for point, following in pairwise(points):
        total += point["current"] * max(0.0, min(length_s, following["at_s"]) - min(length_s, point["at_s"]))
    rest_s = max(0.0, length_s - last["at_s"])
    return float((total + last["current"] * rest_s) / length_s)


def _carried(use: _Use) -> Figure:
    return Figure(
        name="Carried by each instance",
        value=f"{use.per_s / use.instances:.3g} requests/s",
        how=f"measured: {use.per_s:.3g} answered a second on {use.instances:.2f} instances in the mean",
    )


def _most(use: _Use, predicted: Mapping[str, Any]) -> Figure:
    name = "Most that an instance could carry"
    if use.service_s is None or predicted["reason"]:
        return Figure(name=name, value=NONE, how=predicted["reason"] or "Nothing was answered.")
    return Figure(
        name=name,
        value=f"{1 / use.service_s:.3g} requests/s",
        how=f"1 / {as_ms(use.service_s * 1000)}, the mean from sending to answer, for one request at a time; "
        "what batches and several at once bring is not in it",
    )


def _busy(use: _Use) -> Figure:
    name = "Share of the time an instance was busy"
    if use.service_s is None:
        return Figure(name=name, value=NONE, how="Nothing was answered.")
    at_work = use.per_s / use.instances * use.service_s
    how = f"{use.per_s / use.instances:.3g} requests a second x {as_ms(use.service_s * 1000)} each"
    if at_work >= 1:
        return Figure(
            name=name,
            value=NONE,
            how=f"{how} = {at_work:.3g} requests at once on an instance, some of them waiting there",
        )
    return Figure(
        name=name,
        value=f"{100 * at_work:.1f} % at most",
        how=f"{how} (Little's law), the network's time included; less where several are worked on at once",
    )


def _price_of_requests(use: _Use) -> Figure:
    name = "Cost of 1,000 requests at this rate"
    if use.price is None:
        return Figure(name=name, value=NONE, how=_no_price(use))
    if not use.per_s:
        return Figure(name=name, value=NONE, how="Nothing was answered.")
    return Figure(
        name=name,
        value=as_usd(1000 * use.price * use.instances / 3600 / use.per_s),
        how=f"{use.instances:.2f} x {_price(use)}, shared by {use.per_s * 3600:,.0f} requests an hour",
    )


def _prices_by_hour(use: _Use, scaling: Mapping[str, Any] | None) -> Iterator[Figure]:
    """Yield what the endpoint costs in an hour with its fewest and its most instances."""
    bounds = (
        (("fewest", scaling["min_instances"]), ("most", scaling["max_instances"]))
        if scaling
        else (("", round(use.instances)),)
    )
    for which, count in bounds:
        name = f"Cost of an hour with the {which} instances" if which else "Cost of an hour"
        if use.price is None:
            yield Figure(name=name, value=NONE, how=_no_price(use))
        else:
            yield Figure(name=name, value=as_usd(use.price * count), how=f"{count} x {_price(use)}")


def _recommended(advice: Mapping[str, Any]) -> Figure:
    name = "The simulator would take"
    if advice["reason"]:
        return Figure(name=name, value=NONE, how=advice["reason"])
    return Figure(
        name=name,
        value=f"{advice['plan']}: {as_usd(advice['usd_per_hour'])} an hour",
        how=f"the cheapest of {advice['tried']} plans for {advice['instance_type']} whose p99 stays under "
        f"{as_ms(advice['goal_ms'])} for this load ({advice['seconds']:.0f} s of it); its p99 would be "
        f"{as_ms(advice['p99_ms'])}",
    )


def _price(use: _Use) -> str:
    return f"{use.instance_type} at ${use.price:g} an hour ({REGION}, noted {NOTED_ON})"


def _no_price(use: _Use) -> str:
    if use.instance_type is None:
        return "The instances' type is not known."
    return f"No price is noted for {use.instance_type}."
