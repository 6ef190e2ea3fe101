"""What the form offers and the requests take: AWS's choices, and its bounds."""

from typing import Any

MAX_INSTANCES = 8
"""Of an endpoint. Not AWS's bound: nothing that Musher is made for needs more."""

REALTIME, SERVERLESS, ASYNC = "realtime", "serverless", "async"
ENDPOINT_KINDS = (REALTIME, SERVERLESS, ASYNC)
"""How an endpoint answers: from instances, without any of its own, or from instances, later, by S3."""

MEMORY_SIZES_MB = (1024, 2048, 3072, 4096, 5120, 6144)
MAX_SERVERLESS = 200
"""Requests that a serverless endpoint works on at the same time."""

MAX_ASYNC_INVOCATIONS = 1000
"""Requests that an instance of an asynchronous endpoint works on at the same time."""

INVOCATIONS, CONCURRENCY, BACKLOG, CUSTOM = "invocations", "concurrency", "backlog", "custom"
METRICS = {
    INVOCATIONS: "SageMakerVariantInvocationsPerInstance",
    CONCURRENCY: "SageMakerVariantConcurrentRequestsPerModelHighResolution",
}
"""What AWS holds against the target: a minute's invocations of an instance (looked at each minute), or the
requests that a model works on at the same time (each ten seconds)."""

METRIC_CHOICES = (*METRICS, BACKLOG, CUSTOM)
CUSTOM_METRIC = r"^[!-9;-~][!-~]{0,254} [!-~]{1,255} (Average|Minimum|Maximum|SampleCount|Sum)$"
"""Namespace, name and statistic of a metric with the dimensions EndpointName and VariantName."""

SCALING_STEP = r"^[0-9]{1,9}(\.[0-9]{1,9})? \+[1-8]$"
"""A value of the metric, and how many instances are added from there on."""

SCALING_SCHEDULE = (
    r"^(cron\(([0-9A-Za-z*?/,#-]{1,40} ){5}[0-9*/,-]{1,40}\)|rate\([1-9][0-9]{0,8} (minute|hour|day)s?\)"
    r"|at\([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\)) [1-9][0-9]? [1-9][0-9]?$"
)
"""An expression of AWS's, in UTC, then the fewest and the most instances from then on."""

MAX_COOLDOWN_S = 3600

ALL_AT_ONCE, CANARY, LINEAR, ROLLING = "all_at_once", "canary", "linear", "rolling"
POLICIES = (ALL_AT_ONCE, CANARY, LINEAR, ROLLING)
"""How an endpoint's traffic goes over to another configuration."""

MAX_SHARE_PERCENT = 50
"""Of a canary, a linear step or a rolling batch."""

MAX_WAIT_S = 3600
"""Between two steps of an update."""

RETENTION: dict[str, Any] = {
    "RetainAllVariantProperties": True,
    "ExcludeRetainedVariantProperties": [{"VariantPropertyType": "DataCaptureConfig"}],
}
"""Members of each UpdateEndpoint: the counts that the autoscaler has set stay; what is captured is what the
configuration says, also where an earlier one is put back."""

WORKER = "worker"
"""What sends a load where it is no instance type of a processing job."""

TEST_SPLIT = "test"
"""What a batch transform job classifies where it is no prefix in S3."""

SHADOW, CHALLENGER = "shadow", "challenger"
COMPARISON_ROLES = (SHADOW, CHALLENGER)
"""What a new model is while it gets live requests beside the one that serves."""
MAX_CHALLENGER_PERCENT = 50
