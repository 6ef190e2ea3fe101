"""Section "Instances" of the form: on what, and for how long."""

from musher.params.section import INSTANCE_TYPE, in_section

MAX_RUNTIME_S = 86_400

INSTANCES = in_section(
    "Instances",
    {
        "instance_type": {
            "default": "ml.m5.xlarge",
            "type": "string",
            "pattern": INSTANCE_TYPE,
            "examples": ["ml.m5.xlarge", "ml.c6i.4xlarge", "ml.g5.xlarge"],
            "description": "Type of each training instance.",
        },
        "instance_count": {
            "title": "Training instances",
            "default": 2,
            "type": "integer",
            "minimum": 1,
            "maximum": 8,
            "description": "All train one model together. Each trial has one.",
        },
        "max_runtime_s": {
            "title": "Time limit of a job (seconds)",
            "default": 3600,
            "type": "integer",
            "minimum": 60,
            "maximum": MAX_RUNTIME_S,
            "description": "SageMaker stops a job after so many seconds.",
        },
        "use_spot": {
            "title": "Spare capacity (spot)",
            "default": False,
            "type": "boolean",
            "description": "Use spare capacity, which is cheaper and may be taken away; training goes on "
            "from its last checkpoint.",
        },
        "max_wait_s": {
            "title": "Time limit with interruptions (seconds)",
            "default": 7200,
            "type": "integer",
            "minimum": 60,
            "maximum": MAX_RUNTIME_S,
            "description": "On spare capacity: seconds that a job may take with all its interruptions.",
        },
    },
)
