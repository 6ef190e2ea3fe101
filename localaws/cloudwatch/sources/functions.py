"""Metrics of Lambda functions.

Source: https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from types import TracebackType

from localaws.cloudwatch.metrics import Metrics, Value
from localaws.cloudwatch.spec import MetricKey, metric_key
from localaws.functions.errors import ThrottledError

NAMESPACE = "AWS/Lambda"
CONCURRENT, UNRESERVED = "ConcurrentExecutions", "UnreservedConcurrentExecutions"
UNITS = {
    "Invocations": "Count",
    "Errors": "Count",
    "Throttles": "Count",
    "Duration": "Milliseconds",
    CONCURRENT: "Count",
    UNRESERVED: "Count",
}
"""Those of provisioned concurrency, by FunctionName and Resource, belong here once there is some."""


@lru_cache(maxsize=4096)
def function_keys(name: str, function: str, qualifier: str | None) -> tuple[MetricKey, ...]:
    """Return a metric of a function: by its name, and by the alias or version that was named."""
    own = metric_key(NAMESPACE, name, {"FunctionName": function})
    if qualifier is None:
        return (own,)
    resource = {"FunctionName": function, "Resource": f"{function}:{qualifier}"}
    return (own, metric_key(NAMESPACE, name, resource))


REGIONAL = {name: metric_key(NAMESPACE, name) for name in UNITS}
"""The metrics of all functions of a region together, which have no dimensions."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Called:
    """A function as it was called."""

    account_id: str
    region: str
    function: str
    qualifier: str | None
    """The alias or version that the caller named."""
    is_reserved: bool
    """Whether the function has concurrency of its own."""


@dataclass(slots=True, kw_only=True)
class FunctionEvent:
    """One invocation, or one throttle."""

    account_id: str
    region: str
    called: Called
    own: Mapping[str, float]
    """What counts for the function, by metric, and for the region, unless `regional` says otherwise."""
    regional: Mapping[str, float]

    def values(self) -> Iterator[Value]:
        """Return what it counts for."""
        for name, value in self.own.items():
            for key in function_keys(name, self.called.function, self.called.qualifier):
                yield Value(key=key, value=value, unit=UNITS[name])
        for name, value in {**self.own, **self.regional}.items():
            yield Value(key=REGIONAL[name], value=value, unit=UNITS[name])


@dataclass
class FunctionLoad:
    """How many invocations run: by function, in a region, and without reserved concurrency."""

    metrics: Metrics
    running: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    """Used from the event loop only."""

    def call(self, called: Called) -> "FunctionCall":
        """Return the context in which one invocation runs."""
        return FunctionCall(load=self, called=called)


@dataclass(slots=True, kw_only=True)
class FunctionCall:
    """One invocation: counted as it ends, as a throttle where ThrottledError ends it."""

    load: FunctionLoad
    called: Called
    own: dict[str, float] = field(default_factory=dict)
    regional: dict[str, float] = field(default_factory=dict)

    def _counters(self) -> Iterator[tuple[str, tuple[str, str, str]]]:
        called = self.called
        yield "", (called.account_id, called.region, called.function)
        yield CONCURRENT, (called.account_id, called.region, "*")
        if not called.is_reserved:
            yield UNRESERVED, (called.account_id, called.region, "*unreserved")

    def __enter__(self) -> "FunctionCall":
        running = self.load.running
        for name, key in self._counters():
            running[key] += 1
            values = self.regional if name else self.own
            values[name or CONCURRENT] = running[key]
        return self

    def end(self, *, is_error: bool, duration_ms: float | None) -> None:
        """Note what the function answered; the duration leaves out the Init phase."""
        self.own |= {"Invocations": 1.0, "Errors": float(is_error), "Throttles": 0.0}
        if duration_ms is not None:
            self.own["Duration"] = duration_ms

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for _, key in self._counters():
            self.load.running[key] -= 1
        if isinstance(error, ThrottledError):
            self.own, self.regional = {"Throttles": 1.0}, {}
        elif error is not None:
            return
        called = self.called
        self.load.metrics.report(
            FunctionEvent(
                account_id=called.account_id,
                region=called.region,
                called=called,
                own=self.own,
                regional=self.regional,
            )
        )
