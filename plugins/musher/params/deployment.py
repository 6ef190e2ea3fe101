"""Section "Deployment" of the form: what must be reached, and what is then deployed."""

from musher.params.section import INSTANCE_TYPE, in_section

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
        "keep_resources": {
            "is_open": True,
            "title": "Keep endpoint and function",
            "default": False,
            "type": "boolean",
            "description": "**Off: nothing is left running.** Endpoint and function are deleted at the end "
            "of the run, whatever happens; the model and the report stay in the bucket. "
            "**On: they stay**, and the endpoint costs by the hour until you delete it (an `ml.m5.large` "
            "some 0.12 USD). Before that, a run costs its jobs' seconds: the report counts them.",
        },
    },
)
