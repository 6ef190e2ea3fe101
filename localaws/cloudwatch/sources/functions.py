"""Metrics of Lambda functions.

Source: https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from types import TracebackType
from typing import NamedTuple

from localaws.cloudwatch.metrics import Metrics, Value
from localaws.cloudwatch.spec import MetricKey, metric_key
from localaws.functions.errors import ThrottledError

NAMESPACE = "AWS/Lambda"
CONCURRENT, UNRESERVED = "ConcurrentExecutions", "UnreservedConcurrentExecutions"
CLAIMED = "ClaimedAccountConcurrency"
"""What no function can take any more: what runs unreserved, and all that is reserved or provisioned."""
UTILIZATION = "ProvisionedConcurrencyUtilization"
"""Of the metrics of provisioned concurrency, the one by which it scales."""
KEPT_RUNNING, KEPT_INVOCATIONS = "ProvisionedConcurrentExecutions", "ProvisionedConcurrencyInvocations"
SPILLED = "ProvisionedConcurrencySpilloverInvocations"
UNITS = {
    "Invocations": "Count",
    "Errors": "Count",
    "Throttles": "Count",
    "Duration": "Milliseconds",
    CONCURRENT: "Count",
    UNRESERVED: "Count",
}


@lru_cache(maxsize=4096)
def function_keys(name: str, function: str, qualifier: str | None, version: str) -> tuple[MetricKey, ...]:
    """Return a metric of a function: by its name, by the alias or version that was named, and by both.

    The last, `ExecutedVersion`, tells the versions of an alias apart that shares its traffic:
    https://docs.aws.amazon.com/lambda/latest/dg/configuring-alias-routing.html
    """
    own = metric_key(NAMESPACE, name, {"FunctionName": function})
    if qualifier is None:
        return (own,)
    resource = {"FunctionName": function, "Resource": f"{function}:{qualifier}"}
    by_resource = metric_key(NAMESPACE, name, resource)
    if qualifier == version:
        return (own, by_resource)
    return (own, by_resource, metric_key(NAMESPACE, name, resource | {"ExecutedVersion": version}))


REGIONAL = {name: metric_key(NAMESPACE, name) for name in (*UNITS, CLAIMED)}
"""The metrics of all functions of a region together, which have no dimensions."""


class Called(NamedTuple):
    """A function as it was called: a tuple, because each invocation makes one."""

    account_id: str
    region: str
    function: str
    qualifier: str | None
    """The alias or version that the caller named."""
    version: str
    """The version that runs, which an alias may have chosen among two."""
    is_reserved: bool
    """Whether the function has concurrency of its own."""


class Kept(NamedTuple):
    """What was provisioned for an invocation as it began."""

    qualifier: str
    """The version or alias for which it is provisioned."""
    utilization: float | None
    """Share of the environments that were busy, with this invocation; None where none has started."""
    running: int | None
    """Environments that were busy, this one included; None where the event spilled over to an other one."""


Counted = tuple[str, str, str]


@dataclass(kw_only=True)
class FunctionLoad:
    """How many invocations run: by function, in a region, and without reserved concurrency."""

    metrics: Metrics
    running: defaultdict[Counted, int] = field(default_factory=lambda: defaultdict(int))
    """Used from the event loop only."""

    def call(self, called: Called) -> "FunctionCall":
        """Return the context in which one invocation runs."""
        return FunctionCall(load=self, called=called)


@dataclass(slots=True, kw_only=True)
class FunctionCall:
    """One invocation: counted as it ends, as a throttle where ThrottledError ends it."""

    load: FunctionLoad
    called: Called
    concurrency: tuple[int, ...] = ()
    """Invocations that ran as it began, this one included: those of _counted."""
    duration_ms: float | None = None
    """None as well where the environment did not come up."""
    is_error: bool = False
    is_throttled: bool = False
    kept: Kept | None = None
    allocated: int = 0
    """What is reserved and provisioned in the region."""
    unreserved: int = 0
    """Invocations of functions without a reservation that ran as it began."""

    @property
    def account_id(self) -> str:
        """Whose function it is."""
        return self.called.account_id

    @property
    def region(self) -> str:
        """Where the function is."""
        return self.called.region

    def _counted(self) -> tuple[Counted, ...]:
        account_id, region, function, _, _, is_reserved = self.called
        own, all_functions = (account_id, region, function), (account_id, region, "*")
        return (own, all_functions) if is_reserved else (own, all_functions, (account_id, region, "*free"))

    def __enter__(self) -> "FunctionCall":
        running, counted = self.load.running, self._counted()
        for key in counted:
            running[key] += 1
        self.concurrency = tuple(running[key] for key in counted)
        self.unreserved = running[(self.account_id, self.region, "*free")]
        return self

    def end(self, *, is_error: bool, duration_ms: float | None) -> None:
        """Note what the function answered; the duration leaves out the Init phase."""
        self.is_error, self.duration_ms = is_error, duration_ms

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for key in self._counted():
            self.load.running[key] -= 1
        self.is_throttled = isinstance(error, ThrottledError)
        if error is None or self.is_throttled:
            self.load.metrics.report(self)

    def values(self) -> Iterator[Value]:
        """Return what the invocation counts for: function, what the caller named, version, and region."""
        found = {"Throttles": 1.0} if self.is_throttled else self._found()
        called = self.called
        for name, value in found.items():
            for key in function_keys(name, called.function, called.qualifier, called.version):
                yield key, value, UNITS[name]
        if self.kept is not None:
            yield from self._kept_values(self.kept)
        if not self.is_throttled:
            regional = zip((CONCURRENT, UNRESERVED), self.concurrency[1:], strict=False)
            found |= {name: float(count) for name, count in regional}
            found[CLAIMED] = float(self.allocated + self.unreserved)
        for name, value in found.items():
            yield REGIONAL[name], value, UNITS.get(name, "Count")

    def _kept_values(self, kept: Kept) -> Iterator[Value]:
        """Return what is told of provisioned concurrency.

        By the version or alias that has it (https://docs.aws.amazon.com/lambda/latest/dg/monitoring-concurrency.html)
        and, as all metrics, by what was called.
        """
        called = self.called
        for qualifier in dict.fromkeys(name for name in (called.qualifier, kept.qualifier) if name):
            _, *by_resource = function_keys(UTILIZATION, called.function, qualifier, qualifier)
            if kept.utilization is not None:
                yield by_resource[0], kept.utilization, "Count"
            if kept.running is not None and not self.is_throttled:
                _, key, *_ = function_keys(KEPT_RUNNING, called.function, qualifier, qualifier)
                yield key, float(kept.running), "Count"
        if self.is_throttled:
            return
        name = SPILLED if kept.running is None else KEPT_INVOCATIONS
        keys = dict.fromkeys(function_keys(name, called.function, called.qualifier, called.version))
        keys |= dict.fromkeys(function_keys(name, called.function, kept.qualifier, kept.qualifier))
        for key in keys:
            yield key, 1.0, "Count"

    def _found(self) -> dict[str, float]:
        found = {
            "Invocations": 1.0,
            "Errors": float(self.is_error),
            "Throttles": 0.0,
            CONCURRENT: float(self.concurrency[0]),
        }
        return found if self.duration_ms is None else found | {"Duration": self.duration_ms}
