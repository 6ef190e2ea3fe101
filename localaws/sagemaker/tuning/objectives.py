"""Read the objective's values from the log of a training job, while it runs."""

from moto.logs.models import logs_backends

from localaws.sagemaker.training.attempt import LOG_GROUP
from localaws.sagemaker.training.metrics import MetricPattern


class ObjectiveLog:
    """The values of one metric in the CloudWatch streams of one training job, as AWS reads them.

    Several hosts that print it give several values for each epoch (API_HyperbandStrategyConfig warns of it).
    """

    def __init__(self, *, account_id: str, region: str, job_name: str, pattern: MetricPattern) -> None:
        self._backend = logs_backends[account_id][region]
        self._prefix = f"{job_name}/"
        self._pattern = pattern
        self._read: dict[str, int] = {}

    def new_values(self) -> list[float]:
        """Return the values of the lines that came since the last call."""
        group = self._backend.groups.get(LOG_GROUP)
        if group is None:
            return []
        found: list[float] = []
        for name, stream in list(group.streams.items()):
            if name.startswith(self._prefix):
                start, end = self._read.get(name, 0), len(stream.events)
                self._read[name] = end
                if start > end:
                    start = 0  # the stream was deleted, and has begun anew
                numbers = (self._pattern.read(event.message) for event in stream.events[start:end])
                found += [number for number in numbers if number is not None]
        return found
