"""Metrics of training jobs.

What MetricDefinitions find has the dimension TrainingJobName, as SageMaker's SDK reads it
(TrainingJobAnalytics).
"""

from collections.abc import Iterator
from dataclasses import dataclass

from localaws.cloudwatch.metrics import Value
from localaws.cloudwatch.spec import metric_key

NAMESPACE = "/aws/sagemaker/TrainingJobs"
NO_UNIT = "None"


@dataclass(slots=True, kw_only=True)
class TrainingValue:
    """One value that a MetricDefinition found in a line of a job's log."""

    account_id: str
    region: str
    job: str
    name: str
    value: float

    def values(self) -> Iterator[Value]:
        """Return the value."""
        key = metric_key(NAMESPACE, self.name, {"TrainingJobName": self.job})
        yield key, self.value, NO_UNIT
