"""Section "Function" of the form: how many requests the Lambda function takes at the same time."""

from musher.params.section import in_section
from musher.payloads.choices import SCALING_SCHEDULE

FUNCTION = in_section(
    "Function",
    {
        "function_reserved": {
            "title": "Reserved concurrency",
            "default": 5,
            "type": "integer",
            "minimum": 0,
            "description": "The function answers so many requests at the same time; more get 429 at once. "
            "No other function of the account can take them, and they cost nothing. `0` reserves nothing: "
            "the function shares what the account has. AWS keeps 100 unreserved.",
        },
        "function_provisioned": {
            "title": "Provisioned concurrency",
            "default": 0,
            "type": "integer",
            "minimum": 0,
            "description": "So many environments of the new version are started before it goes live, and "
            "kept: without a cold start. **They cost by the hour, used or not** (each of 256 MB some "
            "0.004 USD, until `retire_deployment`). At most what is reserved. Requests above them start "
            "cold. While versions change, both are warm, and what is reserved grows if need be.",
        },
        "function_scale_max": {
            "title": "Provisioned concurrency at most",
            "default": 0,
            "type": "integer",
            "minimum": 0,
            "description": "Above 0, the number of environments follows their use, between "
            "`function_provisioned` and this. Only what is live scales. Needs `infra/functions.yaml`.",
        },
        "function_scale_percent": {
            "title": "Use of the provisioned environments (percent)",
            "default": 70,
            "type": "number",
            "minimum": 10,
            "maximum": 90,
            "description": "Above this there are more after three minutes; below nine tenths of it there are "
            "fewer after fifteen.",
        },
        "function_scale_schedule": {
            "title": "Provisioned concurrency by the clock",
            "default": [],
            "type": "array",
            "items": {"type": "string", "pattern": SCALING_SCHEDULE},
            "maxItems": 20,
            "description": "Other bounds from certain times on, such as `cron(0 8 ? * MON-FRI *) 2 4`: when, "
            "in UTC, the fewest and the most environments. Without calls AWS has no figures, so that only "
            "this ends what nobody uses.",
        },
        "function_max_p99_ms": {
            "title": "Maximum duration of a new version (milliseconds)",
            "default": 10_000,
            "type": "number",
            "exclusiveMinimum": 0,
            "description": "A new version that has a share of the calls is taken back where the 99th "
            "percentile of a minute's durations is over this, cold starts left out.",
        },
    },
)
