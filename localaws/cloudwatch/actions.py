"""CloudWatch actions on metrics.

What the model of the API demands has been seen to before (localaws/wire).
"""

from collections.abc import Mapping, Sequence
from typing import Any, cast

from moto.cloudwatch.exceptions import InvalidParameterValue, ValidationError
from moto.cloudwatch.responses import CloudWatchResponse
from moto.core.responses import ActionResult, EmptyResult

from localaws.cloudwatch.backend import MetricsMixin
from localaws.cloudwatch.paging import cut_data
from localaws.cloudwatch.queries import DataQueries, data_result, datapoint, label_queries
from localaws.cloudwatch.spec import Filter, requested_key
from localaws.cloudwatch.validation import (
    check_dimensions,
    check_period,
    check_queries,
    check_range,
    check_statistics,
    epoch_s,
)
from localaws.paging import cut_page

LIST_PAGE = 500
"""Metrics in one answer of ListMetrics."""
ASCENDING = "TimestampAscending"
"""The other ScanBy, TimestampDescending, is what a request without one gets."""


class MetricActions(CloudWatchResponse):
    """Overrides of moto's CloudWatchResponse."""

    @property
    def _metrics(self) -> MetricsMixin:
        return cast(MetricsMixin, self.cloudwatch_backend)

    def put_metric_data(self) -> ActionResult:
        """Serve PutMetricData."""
        if self._get_param("EntityMetricData"):
            raise ValidationError("localaws keeps no entities: send the metrics as MetricData")
        self._metrics.put_metric_data(self._get_param("Namespace"), self._get_param("MetricData", []))
        return EmptyResult()

    def get_metric_statistics(self) -> ActionResult:
        """Serve GetMetricStatistics."""
        namespace, name = self._get_param("Namespace"), self._get_param("MetricName")
        dimensions = self._get_param("Dimensions", [])
        check_dimensions(dimensions, parameter="Dimensions")
        period_s = check_period(self._get_param("Period"))
        start_s, end_s = check_range(
            self._get_param("StartTime"), self._get_param("EndTime"), period_s=period_s
        )
        statistics, extended = self._get_param("Statistics", []), self._get_param("ExtendedStatistics", [])
        check_statistics(statistics, extended)
        points = self._metrics.metric_store(namespace).read(
            requested_key(namespace, name, dimensions),
            start_s=start_s,
            end_s=end_s,
            period_s=period_s,
            unit=self._get_param("Unit"),
        )
        found = [datapoint(point, statistics=statistics, extended=extended) for point in points]
        return ActionResult({"Label": name, "Datapoints": found})

    def get_metric_data(self) -> ActionResult:
        """Serve GetMetricData; what expressions are computed for is answered whole, without a NextToken."""
        queries = self._get_param("MetricDataQueries", [])
        check_queries(queries)
        results = self._read_data(queries, is_descending=self._get_param("ScanBy") != ASCENDING)
        token, most = self._get_param("NextToken"), self._get_param("MaxDatapoints")
        page, following = cut_data(results, token=token, most=most)
        if any("Expression" in query for query in queries):
            page, following = results, None
        answer = {"MetricDataResults": page, "Messages": []}
        return ActionResult(answer if following is None else answer | {"NextToken": following})

    def _read_data(
        self, queries: Sequence[Mapping[str, Any]], *, is_descending: bool
    ) -> list[dict[str, Any]]:
        start, end = self._get_param("StartTime"), self._get_param("EndTime")
        if start >= end:
            raise ValidationError("The parameter StartTime must be less than the parameter EndTime.")
        store_of = self._metrics.metric_store
        data = DataQueries(store_of, queries, start_s=epoch_s(start), end_s=epoch_s(end)).results
        labels = label_queries(queries)
        return [
            data_result(query, data[query["Id"]], label=labels[query["Id"]], descending=is_descending)
            for query in queries
            if query.get("ReturnData") is not False
        ]

    def list_metrics(self) -> ActionResult:
        """Serve ListMetrics."""
        dimensions = self._get_param("Dimensions", [])
        wanted = Filter(
            namespace=self._get_param("Namespace"),
            name=self._get_param("MetricName"),
            dimensions=tuple((item["Name"], item.get("Value")) for item in dimensions),
        )
        found = self._metrics.find_metrics(wanted, is_recent=self._get_param("RecentlyActive") is not None)
        refusal = InvalidParameterValue("Request parameter NextToken is invalid")
        token = self._get_param("NextToken")
        page, following = cut_page(found, token=token, size=LIST_PAGE, refusal=refusal)
        listed = {"Metrics": [key.as_listed() for key in page]}
        return ActionResult(listed if following is None else {**listed, "NextToken": following})
