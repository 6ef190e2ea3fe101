"""What the form offers and the requests take: AWS's choices, and its bounds."""

MAX_INSTANCES = 8
"""Of an endpoint. Not AWS's bound: nothing that Musher is made for needs more."""

INVOCATIONS, CONCURRENCY = "invocations", "concurrency"
METRICS = {
    INVOCATIONS: "SageMakerVariantInvocationsPerInstance",
    CONCURRENCY: "SageMakerVariantConcurrentRequestsPerModelHighResolution",
}
"""What AWS holds against the target: a minute's invocations of an instance (looked at each minute), or the
requests that a model works on at the same time (each ten seconds)."""

MAX_COOLDOWN_S = 3600

ALL_AT_ONCE, CANARY, LINEAR, ROLLING = "all_at_once", "canary", "linear", "rolling"
POLICIES = (ALL_AT_ONCE, CANARY, LINEAR, ROLLING)
"""How an endpoint's traffic goes over to another configuration."""

MAX_SHARE_PERCENT = 50
"""Of a canary, a linear step or a rolling batch."""

MAX_WAIT_S = 3600
"""Between two steps of an update."""

RETENTION = {
    "RetainAllVariantProperties": True,
    "ExcludeRetainedVariantProperties": [{"VariantPropertyType": "DataCaptureConfig"}],
}
"""Members of each UpdateEndpoint: the counts that the autoscaler has set stay; what is captured is what the
configuration says, also where an earlier one is put back."""

TEST_SPLIT = "test"
"""What a batch transform job classifies where it is no prefix in S3."""
