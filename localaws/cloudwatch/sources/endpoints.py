"""Metrics of SageMaker endpoints.

Those of requests are by endpoint and variant, and again by endpoint configuration too, so that an alarm can
watch the new fleet of an update alone.
https://docs.aws.amazon.com/sagemaker/latest/dg/monitoring-cloudwatch.html
https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails-configuration.html
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from localaws.cloudwatch.metrics import Value
from localaws.cloudwatch.spec import MetricKey, metric_key

NAMESPACE = "AWS/SageMaker"
INSTANCES = "/aws/sagemaker/Endpoints"
COUNTS = (
    "Invocations",
    "InvocationsPerInstance",
    "Invocation4XXErrors",
    "Invocation5XXErrors",
    "InvocationModelErrors",
)
"""What SageMaker sends a zero of for a minute without a request."""
LATENCIES = ("ModelLatency", "OverheadLatency")
NO_UNIT, MICROSECONDS = "None", "Microseconds"
CONCURRENT = "ConcurrentRequestsPerModel"
"""Requests under way on an instance, each ten seconds."""
BACKLOG, BACKLOG_EACH = "ApproximateBacklogSize", "ApproximateBacklogSizePerInstance"
WITHOUT_CAPACITY = "HasBacklogWithoutCapacity"
"""Of asynchronous endpoints (https://docs.aws.amazon.com/sagemaker/latest/dg/async-inference-monitor.html)."""


@lru_cache(maxsize=1024)
def variant_keys(endpoint: str, variant: str, config: str = "") -> tuple[MetricKey, ...]:
    """Return the metrics of a variant's requests: those of COUNTS, then those of LATENCIES.

    With a configuration they are of the fleet that it made.
    """
    dimensions = {"EndpointName": endpoint, "VariantName": variant}
    if config:
        dimensions["EndpointConfigName"] = config
    return tuple(metric_key(NAMESPACE, name, dimensions) for name in (*COUNTS, *LATENCIES))


def instance_dimensions(endpoint: str, variant: str) -> dict[str, str]:
    """Return the dimensions of CPUUtilization and MemoryUtilization of a variant's instances."""
    return {"EndpointName": endpoint, "VariantName": variant}


@dataclass(slots=True, kw_only=True)
class EndpointCall:
    """One InvokeEndpoint that reached a variant."""

    account_id: str
    region: str
    endpoint: str
    variant: str
    """Empty where the request named none, and none could take it."""
    config: str = ""
    """The endpoint configuration that the variant's fleet was made from."""
    started: float
    """When the request came, by time.perf_counter; so are `asked` and `ended`."""
    instances: int = 1
    """Instances of the variant at that time."""
    asked: float = 0.0
    """When the container was asked; 0 where no instance was healthy."""
    ended: float = 0.0
    status: int | None = None
    """What the container answered; None where it did not."""

    def ask(self, variant: str, *, instances: int, config: str = "") -> None:
        """Note that an instance of a variant is asked now."""
        self.variant, self.config, self.instances = variant, config, instances
        self.asked = time.perf_counter()

    def answer(self, status: int) -> None:
        """Note that the container has answered."""
        self.status, self.ended = status, time.perf_counter()

    def values(self) -> Iterator[Value]:
        """Return what the request counts for. Errors are 1, and 0 for every other request."""
        if not self.variant:
            return
        yield from self._values(variant_keys(self.endpoint, self.variant))
        if self.config:
            yield from self._values(variant_keys(self.endpoint, self.variant, self.config))

    def _values(self, keys: tuple[MetricKey, ...]) -> Iterator[Value]:
        is_4xx = self.status is not None and 400 <= self.status < 500
        is_model_error = self.asked > 0 and not (self.status is not None and self.status < 300)
        is_5xx = self.status is None or self.status >= 500
        counts = (1.0, 1.0 / max(self.instances, 1), float(is_4xx), float(is_5xx), float(is_model_error))
        for key, value in zip(keys, counts, strict=False):
            yield key, value, NO_UNIT
        if self.asked > 0 and self.status is not None:
            model_s = self.ended - self.asked
            latencies = (model_s, max(self.asked - self.started, 0.0))
            for key, seconds in zip(keys[len(COUNTS) :], latencies, strict=True):
                yield key, round(seconds * 1e6, 1), MICROSECONDS


def quiet_keys(endpoint: str, variant: str, config: str = "") -> tuple[MetricKey, ...]:
    """Return the metrics that are zero, not missing, in a minute without a request."""
    of_fleet = variant_keys(endpoint, variant, config)[: len(COUNTS)] if config else ()
    return variant_keys(endpoint, variant)[: len(COUNTS)] + of_fleet


def concurrent_key(endpoint: str, variant: str) -> MetricKey:
    """Return the metric of requests under way."""
    return metric_key(NAMESPACE, CONCURRENT, {"EndpointName": endpoint, "VariantName": variant})


def backlog_values(endpoint: str, *, requests: int, waiting: int, instances: int) -> Iterator[Value]:
    """Return the metrics of an asynchronous endpoint's queue; without an instance there is no share of one.

    `requests` are those that wait or are under way, `waiting` the former.
    """
    values = {BACKLOG: float(requests), WITHOUT_CAPACITY: float(waiting > 0 and instances == 0)}
    if instances:
        values[BACKLOG_EACH] = requests / instances
    for name, value in values.items():
        yield metric_key(NAMESPACE, name, {"EndpointName": endpoint}), value, NO_UNIT
