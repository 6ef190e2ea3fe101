"""The Params of the DAG smoke_test_lambda."""

from musher.params.section import in_section

SMOKE_TEST = in_section(
    "Smoke test",
    {
        "max_latency_ms": {
            "title": "Maximum latency (milliseconds)",
            "default": 5000,
            "type": "number",
            "exclusiveMinimum": 0,
            "description": "Most that one answer may take, a cold start included.",
        },
        "min_right": {
            "title": "Fewest right answers",
            "default": 1,
            "type": "integer",
            "minimum": 0,
            "maximum": 3,
            "description": "Of three known images. A good model may be wrong on one, and then always.",
        },
        "publish_metrics": {
            "title": "Publish metrics",
            "default": True,
            "type": "boolean",
            "description": "CloudWatch is told whether each answer was good, and how long cold and warm ones "
            "took (namespace `Musher`): for alarms. Some 1 USD a month; needs `infra/functions.yaml`.",
        },
        "probe_concurrency": {
            "title": "Probe the reserved concurrency",
            "default": True,
            "type": "boolean",
            "description": "One request more than is reserved is sent at once, and exactly one must get 429. "
            "**For that moment nobody else is answered.**",
        },
    },
)
