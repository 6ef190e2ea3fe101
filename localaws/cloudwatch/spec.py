"""Which metric a value belongs to. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

MINUTE_S = 60
"""Seconds of AWS time that a value of standard resolution is good for."""


@dataclass(frozen=True, kw_only=True)
class MetricKey:
    """A metric: its dimensions are part of its identity, in the order of their names."""

    namespace: str
    name: str
    dimensions: tuple[tuple[str, str], ...] = ()
    _hash: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_hash", hash((self.namespace, self.name, self.dimensions)))

    def __hash__(self) -> int:
        """Return the hash, which is worked out once: each event looks metrics up."""
        return self._hash

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
