"""Read what CloudWatch counts of an endpoint's variants.

https://docs.aws.amazon.com/sagemaker/latest/dg/monitoring-cloudwatch.html
"""

import statistics
from datetime import datetime, timedelta
from typing import Any

from airflow.providers.amazon.aws.hooks.base_aws import AwsBaseHook

from musher.payloads.alarms import NAMESPACE, PERIOD_S
from musher.shadow_results import VariantFigures

SERIES = {
    "requests": ("Invocations", "Sum"),
    "errors_4xx": ("Invocation4XXErrors", "Sum"),
    "errors_5xx": ("Invocation5XXErrors", "Sum"),
    "p50": ("ModelLatency", "p50"),
    "p99": ("ModelLatency", "p99"),
}

LONGEST = timedelta(days=3)
"""No watch lasts longer. When it ends by AWS's clock is not ours to say, so the end is left open."""


def read_figures(hook: AwsBaseHook, *, endpoint_name: str, variant: str, since: datetime) -> VariantFigures:
    """Return a variant's figures since a moment of AWS's clock, whose whole minute counts.

    The p99 is the worst minute's, as an alarm sees it; the p50 is the median of the minutes.
    """
    pages = hook.conn.get_paginator("get_metric_data").paginate(
        MetricDataQueries=[_query(key, endpoint_name=endpoint_name, variant=variant) for key in SERIES],
        StartTime=since.replace(second=0, microsecond=0),
        EndTime=since.replace(second=0, microsecond=0) + LONGEST,
    )
    values: dict[str, list[float]] = {key: [] for key in SERIES}
    for page in pages:
        for series in page["MetricDataResults"]:
            values[series["Id"]] += series["Values"]
    return VariantFigures(
        requests=round(sum(values["requests"])),
        errors_4xx=round(sum(values["errors_4xx"])),
        errors_5xx=round(sum(values["errors_5xx"])),
        p50_ms=statistics.median(values["p50"]) / 1000 if values["p50"] else None,
        p99_ms=max(values["p99"]) / 1000 if values["p99"] else None,
    )


def _query(key: str, *, endpoint_name: str, variant: str) -> dict[str, Any]:
    name, statistic = SERIES[key]
    dimensions = {"EndpointName": endpoint_name, "VariantName": variant}
    return {
        "Id": key,
        "MetricStat": {
            "Metric": {
                "Namespace": NAMESPACE,
                "MetricName": name,
                "Dimensions": [{"Name": name, "Value": value} for name, value in dimensions.items()],
            },
            "Period": PERIOD_S,
            "Stat": statistic,
        },
    }
