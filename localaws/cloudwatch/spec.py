"""Which metric a value belongs to. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

MINUTE_S = 60
"""Seconds of AWS time that a value of standard resolution is good for."""


@dataclass(frozen=True, kw_only=True)
class MetricKey:
    """A metric: its dimensions are part of its identity, in the order of their names."""

    namespace: str
    name: str
    dimensions: tuple[tuple[str, str], ...] = ()

    def as_listed(self) -> dict[str, object]:
        """Return the metric as ListMetrics answers it."""
        return {"Namespace": self.namespace, "MetricName": self.name, "Dimensions": self.listed_dimensions()}

    def listed_dimensions(self) -> list[dict[str, str]]:
        """Return the dimensions as the API writes them."""
        return [{"Name": name, "Value": value} for name, value in self.dimensions]


def metric_key(namespace: str, name: str, dimensions: Mapping[str, str] | None = None) -> MetricKey:
    """Return the key of a metric, whatever the order of its dimensions."""
    return MetricKey(namespace=namespace, name=name, dimensions=tuple(sorted((dimensions or {}).items())))


def requested_key(namespace: str, name: str, dimensions: Iterable[Mapping[str, str]] | None) -> MetricKey:
    """Return the key of the metric that a request names (its Dimensions are a list of Name and Value)."""
    return metric_key(namespace, name, {item["Name"]: item["Value"] for item in dimensions or ()})


@dataclass(frozen=True, kw_only=True)
class Filter:
    """What ListMetrics asks for. A dimension without a value fits any."""

    namespace: str | None = None
    name: str | None = None
    dimensions: tuple[tuple[str, str | None], ...] = ()

    def fits(self, key: MetricKey) -> bool:
        """Tell whether a metric is asked for: it has every dimension named, and may have more."""
        own = dict(key.dimensions)
        return (
            self.namespace in (None, key.namespace)
            and self.name in (None, key.name)
            and all(name in own and (value is None or own[name] == value) for name, value in self.dimensions)
        )
