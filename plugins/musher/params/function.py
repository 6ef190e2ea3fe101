"""Section "Function" of the form: how many requests the Lambda function takes at the same time."""

from musher.params.section import in_section

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
