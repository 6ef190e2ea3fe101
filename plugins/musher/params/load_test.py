"""Section "Load test" of the form: which load an endpoint must bear, and the same for a DAG of its own."""

from airflow.sdk import Param

from musher.params.section import INSTANCE_TYPE, in_section
from musher.payloads.choices import WORKER
from musher.traffic.kinds import CONSTANT, KINDS

MAX_SECONDS = 3600
"""A task's execution_timeout is two hours."""

MAX_RATE = 1000
"""Requests per second, near what one process can send (docs/load-tests.md)."""

TARGET_NAME = r"^[a-zA-Z0-9][a-zA-Z0-9_-]*(:[a-zA-Z0-9_-]+)?$"
IMAGES = r"^s3://[^/]+/.+$"


PUT_BACK = (
    " **What was live before is put back then**, as for any failure after the update: a limit here says "
    "that a slower model must not serve."
)
PUT_BACK_TOO = " What was live before is put back then, too."


def load_params(*, least_s: int, seconds: int) -> dict[str, Param]:
    """Return the section's load, with a least and a default length in seconds.

    A least of 0 is that of a run that deploys first, and may do without a load test.
    """
    none = "" if least_s else " `0`: none is sent."
    return in_section(
        "Load test",
        {
            "load_test_s": {
                "default": seconds,
                "type": "integer",
                "minimum": least_s,
                "maximum": MAX_SECONDS,
                "description": "Requests with images of the test split go to the endpoint for so "
                f"long.{none} AWS adds instances after three minutes of `invocations` at the soonest.",
            },
            "load_test_on": {
                "title": "Where the load comes from",
                "default": WORKER,
                "type": "string",
                "pattern": f"^{WORKER}$|{INSTANCE_TYPE}",
                "examples": [WORKER, "ml.c5.xlarge"],
                "description": "`worker`: Airflow's, that runs the task. An instance type: a SageMaker "
                "processing job on one such instance, near the endpoint and undisturbed by other tasks. "
                "It costs its minutes, and takes some more to start.",
            },
            "load_test_rate": {
                "title": "Requests per second",
                "default": 5,
                "type": "number",
                "exclusiveMinimum": 0,
                "maximum": MAX_RATE,
                "description": "How many requests are due in a second, whatever becomes of them.",
            },
            "load_test_profile": {
                "title": "Shape of the load",
                "default": CONSTANT,
                "type": "string",
                "enum": list(KINDS),
                "description": "`constant`; `ramp`: evenly from the rate to the peak; `spike`: at the peak "
                "in the second of three thirds; `diurnal`: one wave from the rate to the peak and back.",
            },
            "load_test_peak_rate": {
                "title": "Peak (requests per second)",
                "default": 20,
                "type": "number",
                "exclusiveMinimum": 0,
                "maximum": MAX_RATE,
                "description": "The highest rate of all shapes but `constant`.",
            },
        },
        experts=() if least_s else ("load_test_on", "load_test_profile", "load_test_peak_rate"),
    )


def limit_params(*, slow: str, wrong: str) -> dict[str, Param]:
    """Return the rest of the section: limits, and what a miss of each means."""
    return in_section(
        "Load test",
        {
            "load_test_max_p99_ms": {
                "title": "Maximum p99 (milliseconds)",
                "default": None,
                "type": ["null", "number"],
                "exclusiveMinimum": 0,
                "maximum": 60000,
                "description": f"The run fails if a hundredth of the requests takes longer.{slow} Empty: "
                "latency is reported, not judged. What the load generator adds itself does not count.",
            },
            "load_test_max_error_percent": {
                "title": "Maximum of errors (percent)",
                "default": 1,
                "type": "number",
                "minimum": 0,
                "maximum": 100,
                "description": "The run fails if more requests fail, time out, or find too many others "
                f"waiting.{wrong}",
            },
        },
    )


LOAD_TEST = {**load_params(least_s=0, seconds=0), **limit_params(slow=PUT_BACK, wrong=PUT_BACK_TOO)}

LOAD_TEST_ENDPOINT = {
    **in_section(
        "Target",
        {
            "target": {
                "is_open": True,
                "default": None,
                "type": ["null", "string"],
                "pattern": TARGET_NAME,
                "maxLength": 140,
                "description": "Name of an endpoint of the project, or of a function, `name:alias` for one "
                "of its versions; empty: what is live.",
            },
            "target_kind": {
                "is_open": True,
                "default": "endpoint",
                "type": "string",
                "enum": ["endpoint", "function"],
                "description": "`endpoint`: the images themselves are sent. `function`: their addresses are, "
                "as users send them; the endpoint behind it answers.",
            },
            "images": {
                "is_open": True,
                "default": None,
                "type": ["null", "string"],
                "pattern": IMAGES,
                "examples": ["s3://bucket/photos/"],
                "description": "Address of an image or of a folder of images in S3, of which the first 20 "
                "are sent in turn; empty: test images of the data set that the live model was trained on.",
            },
        },
    ),
    **load_params(least_s=1, seconds=60),
    **limit_params(slow="", wrong=""),
}
"""The form of the DAG load_test_endpoint."""
