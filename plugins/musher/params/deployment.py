"""Section "Deployment" of the form: what must be reached, and what is then deployed."""

from musher.params.section import INSTANCE_TYPE, in_section

DEPLOYMENT = in_section(
    "Deployment",
    {
        "min_accuracy": {
            "default": 0.9,
            "type": "number",
            "minimum": 0,
            "maximum": 1,
            "description": "Test accuracy, 0 to 1, below which nothing is deployed.",
        },
        "endpoint_instance_type": {
            "default": "ml.m5.large",
            "type": "string",
            "pattern": INSTANCE_TYPE,
            "description": "Type of each endpoint instance.",
        },
        "endpoint_instance_count": {
            "default": 1,
            "type": "integer",
            "minimum": 1,
            "maximum": 8,
            "description": "Endpoint instances.",
        },
        "keep_resources": {
            "default": False,
            "type": "boolean",
            "description": "Leave endpoint and function running. They cost until you delete them.",
        },
    },
)
