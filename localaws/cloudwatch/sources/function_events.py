"""Metrics of asynchronous invocations of Lambda functions.

Source: https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
"""

from collections.abc import Iterator
from dataclasses import dataclass

from localaws.cloudwatch.metrics import Value
from localaws.cloudwatch.sources.functions import function_keys

RECEIVED, AGE, DROPPED = "AsyncEventsReceived", "AsyncEventAge", "AsyncEventsDropped"
DESTINATION_FAILED, DEAD_LETTER_FAILED = "DestinationDeliveryFailures", "DeadLetterErrors"
UNITS = {AGE: "Milliseconds"}
"""Of those that are no counts."""


@dataclass(frozen=True, kw_only=True)
class QueuedEvent:
    """Something that became of a queued event."""

    account_id: str
    region: str
    function: str
    qualifier: str | None
    """The alias or version that the caller named."""
    metric: str
    value: float = 1.0

    def values(self) -> Iterator[Value]:
        """Return the value, by function and by what was named."""
        named = self.qualifier or ""  # which version an alias chooses is known only as the event runs
        for key in function_keys(self.metric, self.function, self.qualifier, named):
            yield key, self.value, UNITS.get(self.metric, "Count")
