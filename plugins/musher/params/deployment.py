"""Section "Deployment" of the form: what must be reached, and what is then deployed."""

from musher.params.section import INSTANCE_TYPE, in_section
from musher.payloads.choices import (
    ALL_AT_ONCE,
    COMPARISON_ROLES,
    ENDPOINT_KINDS,
    MAX_ASYNC_INVOCATIONS,
    MAX_SERVERLESS,
    MAX_SHARE_PERCENT,
    MAX_WAIT_S,
    MEMORY_SIZES_MB,
    POLICIES,
    REALTIME,
    SHADOW,
)
from musher.payloads.tags import LIVE, TRIAL

AUTOMATIC, HUMAN = "automatic", "human"
"""Who approves a model that meets all requirements."""

DEPLOYMENT = in_section(
    "Deployment",
    {
        "min_accuracy": {
            "title": "Minimum accuracy",
            "default": 0.9,
            "type": "number",
            "minimum": 0,
            "maximum": 1,
            "description": "Test accuracy, 0 to 1, below which nothing is deployed.",
        },
        "max_accuracy_drop": {
            "default": 0.02,
            "type": "number",
            "minimum": 0,
            "maximum": 1,
            "description": "The live model may be better by so much, on the same test images; 0.02 is two "
            "points. A model with other classes than the live one's is refused: retire that first.",
        },
        "min_class_recall": {
            "default": 0,
            "type": "number",
            "minimum": 0,
            "maximum": 1,
            "description": "Recall that each class of the test split must reach.",
        },
        "max_calibration_error": {
            "default": 1,
            "type": "number",
            "minimum": 0,
            "maximum": 1,
            "description": "Most that a probability may be off in the mean, after calibration.",
        },
        "approval": {
            "default": AUTOMATIC,
            "type": "string",
            "enum": [AUTOMATIC, HUMAN],
            "description": "`human`: a model that meets all requirements waits up to three days until "
            "somebody approves or rejects its version in the model registry. Not with `airflow dags test`.",
        },
        "endpoint_kind": {
            "title": "Kind of endpoint",
            "default": REALTIME,
            "type": "string",
            "enum": list(ENDPOINT_KINDS),
            "description": "`realtime`: instances answer at once. `serverless`: no instances; AWS starts "
            "what answers, so the first request waits, and each costs. `async`: requests and answers lie in "
            "S3 and may wait, so that the endpoint can do without an instance (`autoscale_min` 0, "
            "`autoscale_metric` backlog); there is no function. No update changes the kind of what is live.",
        },
        "serverless_memory_mb": {
            "title": "Memory of a serverless endpoint (MB)",
            "default": 4096,
            "type": "integer",
            "enum": list(MEMORY_SIZES_MB),
            "description": "Of each of its environments; processors come with it.",
        },
        "serverless_concurrency": {
            "title": "Concurrency of a serverless endpoint",
            "default": 5,
            "type": "integer",
            "minimum": 1,
            "maximum": MAX_SERVERLESS,
            "description": "It works on so many requests at the same time; AWS throttles the others.",
        },
        "serverless_provisioned": {
            "title": "Environments kept started",
            "default": 0,
            "type": "integer",
            "minimum": 0,
            "maximum": MAX_SERVERLESS,
            "description": "So many of a serverless endpoint's wait for requests, and cost while they do.",
        },
        "async_concurrency": {
            "title": "Requests for an instance of an asynchronous endpoint",
            "default": 4,
            "type": "integer",
            "minimum": 1,
            "maximum": MAX_ASYNC_INVOCATIONS,
            "description": "Each works on so many at the same time; the others wait.",
        },
        "endpoint_instance_type": {
            "default": "ml.m5.large",
            "type": "string",
            "pattern": INSTANCE_TYPE,
            "examples": ["ml.m5.large", "ml.c6i.large", "ml.g5.xlarge"],
            "description": "Type of each endpoint instance.",
        },
        "endpoint_instance_count": {
            "title": "Endpoint instances",
            "default": 1,
            "type": "integer",
            "minimum": 1,
            "maximum": 8,
            "description": "So many instances serve at the same time.",
        },
        "lifetime": {
            "is_open": True,
            "title": "What stays",
            "default": LIVE,
            "type": "string",
            "enum": [LIVE, TRIAL],
            "values_display": {LIVE: "live: it goes into operation", TRIAL: "trial: nothing is left"},
            "description": "`live`: the model goes to the project's one endpoint and function, and **they "
            "stay**: an `ml.m5.large` costs some 0.12 USD an hour, until the DAG `retire_deployment` "
            "removes it. If anything fails after the update, what served before serves on. "
            "`trial`: endpoint and function of the run's own are removed at its end, whatever happens. "
            "Both: a run costs its jobs' seconds besides; the report counts them.",
        },
        "capture_percent": {
            "title": "Capture of requests (percent)",
            "default": 0,
            "type": "integer",
            "minimum": 0,
            "maximum": 100,
            "description": "So many of a hundred requests are kept with their answers, **users' images "
            "among them**, in the project's bucket below `captures/`. They stay when the endpoint goes. "
            "`0`: none.",
        },
        "comparison_percent": {
            "title": "Comparison (percent)",
            "default": 0,
            "type": "integer",
            "minimum": 0,
            "maximum": 100,
            "description": "Before an update, so many of a hundred live requests go to the new model, too. "
            "It is deployed only where it keeps `max_error_percent` and `max_latency_ms`; where fewer than a "
            "hundred requests reach it, nobody can tell, and it is deployed with a warning. The live model "
            "gets new instances twice, before and after. `0`: none.",
        },
        "comparison_role": {
            "title": "Comparison: role of the new model",
            "default": SHADOW,
            "type": "string",
            "enum": list(COMPARISON_ROLES),
            "description": "`shadow`: requests are mirrored to it, and its answers discarded. `challenger`: "
            "it answers them instead of the live model, by the weights of two variants, 50 percent at most; "
            "it is taken out within a minute or two of a limit that it misses.",
        },
        "comparison_s": {
            "title": "Comparison (seconds)",
            "default": 600,
            "type": "integer",
            "minimum": 60,
            "maximum": MAX_WAIT_S,
            "description": "So long the new model is watched.",
        },
        "update_policy": {
            "default": ALL_AT_ONCE,
            "type": "string",
            "enum": list(POLICIES),
            "description": "How users go over to the new model where one serves already. `all_at_once`, "
            "`canary` and `linear` start new instances beside the old ones (twice the price meanwhile); "
            "`rolling` replaces a part at a time. All but `all_at_once` need two instances or more. Calls of "
            "the function go over to its new version in the same way: at once, by one share, or in steps.",
        },
        "update_share_percent": {
            "default": 50,
            "type": "integer",
            "minimum": 1,
            "maximum": MAX_SHARE_PERCENT,
            "description": "How much a canary, a linear step or a rolling batch has of the instances, and of "
            "the function's calls.",
        },
        "update_bake_s": {
            "default": 60,
            "type": "integer",
            "minimum": 0,
            "maximum": MAX_WAIT_S,
            "description": "After each step of an update, AWS watches two alarms for so long, "
            "and takes the update back where one rings. A new version of the function has each share of the "
            "calls for so long, 180 at least, under an alarm on its errors.",
        },
        "max_error_percent": {
            "default": 5,
            "type": "number",
            "exclusiveMinimum": 0,
            "maximum": 100,
            "description": "An alarm rings where more of a minute's answers are 5XX, and one where more of "
            "the calls of a new version of the function end with an error.",
        },
        "max_latency_ms": {
            "default": 2000,
            "type": "number",
            "exclusiveMinimum": 0,
            "maximum": 60000,
            "title": "Maximum latency (milliseconds)",
            "description": "An alarm rings where a minute's 99th percentile is above.",
        },
    },
    experts=(
        "min_class_recall",
        "max_calibration_error",
        "serverless_memory_mb",
        "serverless_concurrency",
        "serverless_provisioned",
        "async_concurrency",
        "capture_percent",
        "comparison_percent",
        "comparison_role",
        "comparison_s",
        "update_share_percent",
        "update_bake_s",
        "max_error_percent",
        "max_latency_ms",
    ),
)
