"""The metrics part of the CloudWatch backend: moto's list of values is replaced by a store."""

from collections.abc import Mapping
from typing import Any

from moto.cloudwatch.exceptions import InvalidParameterValue
from moto.cloudwatch.models import CloudWatchBackend, MetricDatum

from localaws import context as contexts
from localaws.cloudwatch import validation
from localaws.cloudwatch.spec import Filter, MetricKey, requested_key
from localaws.cloudwatch.statistics import Aggregate
from localaws.cloudwatch.store import MetricStore

PROVIDED = "AWS/S3"
"""The namespace of the metrics that moto computes when it is asked."""
ACTIVE_S = 14 * 24 * 3600
"""ListMetrics leaves out what has no value for two weeks (API_ListMetrics)."""
RECENT_S = 3 * 3600
"""What RecentlyActive=PT3H keeps."""


class MetricsMixin(CloudWatchBackend):
    """Metrics by account and region, filled by real events and by PutMetricData."""

    def metric_store(self, namespace: str = "") -> MetricStore:
        """Return the store that has the metrics of a namespace, with all that has happened until now."""
        if namespace == PROVIDED:
            return self._provided()
        return contexts.current().metrics.store(account_id=self.account_id, region=self.region_name)

    def _provided(self) -> MetricStore:
        """Return what moto's S3 says of its buckets, for the last midnight, when AWS counts them."""
        store = MetricStore()
        now_s = contexts.current().metrics.now_s()
        for datum in self.aws_metric_data:
            if isinstance(datum, MetricDatum):
                key = requested_key(
                    datum.namespace,
                    datum.name,
                    [{"Name": str(item.name), "Value": str(item.value)} for item in datum.dimensions],
                )
                store.add_value(key, datum.value, unit=datum.unit, at_s=now_s // 86_400 * 86_400)
        return store

    def put_metric_data(self, namespace: str, metric_data: list[dict[str, Any]]) -> None:
        """Keep the values of a PutMetricData; all of them or, where one is refused, none."""
        validation.check_namespace(namespace)
        if len(metric_data) > validation.MAX_DATA:
            raise InvalidParameterValue(
                f"The collection MetricData must not have a size greater than {validation.MAX_DATA}."
            )
        now_s = contexts.current().metrics.now_s()
        for number, datum in enumerate(metric_data, start=1):
            self._validate_parameters_put_metric_data(datum, number)
            validation.check_datum(datum, number=number, now_s=now_s)
        store = self.metric_store(namespace)
        for datum in metric_data:
            sent = datum.get("Timestamp")
            store.add(
                requested_key(namespace, datum["MetricName"], datum.get("Dimensions")),
                read_values(datum),
                unit=datum.get("Unit"),
                at_s=now_s if sent is None else validation.epoch_s(sent),
                is_high_resolution=datum.get("StorageResolution") == 1,
            )

    def find_metrics(self, wanted: Filter, *, is_recent: bool) -> list[MetricKey]:
        """Return the metrics that ListMetrics answers."""
        now_s = int(contexts.current().metrics.now_s())
        since_s = now_s - (RECENT_S if is_recent else ACTIVE_S)
        found = self.metric_store().list(wanted, active_since_s=since_s)
        return found + (self._provided().list(wanted) if wanted.namespace in (None, PROVIDED) else [])

    def reset(self) -> None:
        """Forget every value too (moto's reset)."""
        self.metric_store().clear()
        super().reset()


def read_values(datum: Mapping[str, Any]) -> Aggregate:
    """Return the values that one member of MetricData carries."""
    found = Aggregate()
    if datum.get("Values"):
        counts = datum.get("Counts") or [1.0] * len(datum["Values"])
        for value, count in zip(datum["Values"], counts, strict=True):
            found.add(float(value), float(count))
    elif sent := datum.get("StatisticValues"):
        found.add_set(
            count=float(sent["SampleCount"]),
            total=float(sent["Sum"]),
            minimum=float(sent["Minimum"]),
            maximum=float(sent["Maximum"]),
        )
    else:
        found.add(float(datum["Value"]))
    return found
