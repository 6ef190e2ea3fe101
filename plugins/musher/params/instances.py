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
            "description": "Type of each training instance.",
        },
        "instance_count": {
            "default": 2,
            "type": "integer",
            "minimum": 1,
            "maximum": 8,
            "description": "Training instances. Each trial has one.",
        },
        "max_runtime_s": {
            "default": 3600,
            "type": "integer",
            "minimum": 60,
            "maximum": MAX_RUNTIME_S,
            "description": "SageMaker stops a job after so many seconds.",
        },
        "use_spot": {
            "default": False,
            "type": "boolean",
            "description": "Use spare capacity, which is cheaper and may be taken away; training goes on "
            "from its last checkpoint.",
        },
        "max_wait_s": {
            "default": 7200,
            "type": "integer",
            "minimum": 60,
            "maximum": MAX_RUNTIME_S,
            "description": "On spare capacity: seconds that a job may take with all its interruptions.",
        },
    },
)
