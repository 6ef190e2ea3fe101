"""Section "Scaling" of the form: how the endpoint grows and shrinks with its load."""

from musher.params.section import in_section
from musher.payloads.choices import (
    CUSTOM_METRIC,
    INVOCATIONS,
    MAX_COOLDOWN_S,
    MAX_INSTANCES,
    METRIC_CHOICES,
    SCALING_SCHEDULE,
    SCALING_STEP,
)

SCALING = in_section(
    "Scaling",
    {
        "autoscale_min": {
            "title": "Fewest instances",
            "default": 1,
            "type": "integer",
            "minimum": 0,
            "maximum": MAX_INSTANCES,
            "description": "The endpoint never has fewer. Without traffic it comes back to these. `0` only "
            "for `async`: a request then waits some minutes for an instance.",
        },
        "autoscale_max": {
            "title": "Most instances",
            "default": 3,
            "type": "integer",
            "minimum": 1,
            "maximum": MAX_INSTANCES,
            "description": "The endpoint never has more: they are what it can cost at most. "
            "The same as `autoscale_min`: nothing scales.",
        },
        "autoscale_metric": {
            "default": INVOCATIONS,
            "type": "string",
            "enum": list(METRIC_CHOICES),
            "description": "What is held against the target. `invocations`: a minute's invocations of each "
            "instance; AWS adds instances after three minutes above. `concurrency`: requests that a model "
            "works on at the same time, looked at each ten seconds. `backlog`, for "
            "`async` only: requests that wait or are under way, for each instance. `custom`: the one that "
            "`autoscale_custom_metric` names.",
        },
        "autoscale_target": {
            "default": 100,
            "type": "number",
            "exclusiveMinimum": 0,
            "description": "Instances are added above, and removed below nine tenths. For `invocations`, "
            "take what an instance can answer in a second, times 60, times a safety factor of a half.",
        },
        "scale_out_cooldown_s": {
            "default": 30,
            "type": "integer",
            "minimum": 0,
            "maximum": MAX_COOLDOWN_S,
            "description": "After instances were added, so long only larger steps add more.",
        },
        "scale_in_cooldown_s": {
            "default": 30,
            "type": "integer",
            "minimum": 0,
            "maximum": MAX_COOLDOWN_S,
            "description": "After instances were removed, so long none is removed.",
        },
        "autoscale_custom_metric": {
            "default": None,
            "type": ["null", "string"],
            "pattern": CUSTOM_METRIC,
            "description": "For the metric `custom`: namespace, name and statistic, such as "
            "`/aws/sagemaker/Endpoints CPUUtilization Average`. Its dimensions are EndpointName and "
            "VariantName.",
        },
        "autoscale_steps": {
            "default": [],
            "type": "array",
            "items": {"type": "string", "pattern": SCALING_STEP},
            "maxItems": 8,
            "description": "For sudden loads, beside the target: lines such as `200 +1` and `400 +2`, lower "
            "values first: from which value of the metric on how many instances are added, after one period "
            "(a minute; ten seconds for `concurrency`).",
        },
        "autoscale_schedule": {
            "default": [],
            "type": "array",
            "items": {"type": "string", "pattern": SCALING_SCHEDULE},
            "maxItems": 20,
            "description": "Other bounds from certain times on, such as `cron(0 8 ? * MON-FRI *) 2 4`: when, "
            "in UTC, the fewest and the most instances. Until the first of them, and after each run, those "
            "above hold.",
        },
    },
    experts=(
        "scale_out_cooldown_s",
        "scale_in_cooldown_s",
        "autoscale_custom_metric",
        "autoscale_steps",
        "autoscale_schedule",
    ),
)
