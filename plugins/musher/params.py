"""The Params of the DAGs' trigger forms, by section; a wrong value is refused before anything is paid for.

    DATA        which images
    MODEL       which network, from which weights
    TUNING      how good values are looked for, and where
    TRAINING    how the model learns
    INSTANCES   on what, and for how long
    DEPLOYMENT  what must be reached, and what is then deployed

OPTIONS holds those that train.py takes as options of the same name: a new one is added there and in
training/imgclf/arguments.py, and nowhere else.
"""

from typing import Any

from airflow.sdk import Param

SOURCE = r"^(digits|s3://[^/]+/.+|https?://[^/]+/.+|file:///.+|/.+)$"
WEIGHTS = r"^s3://[^/]+/.+\.safetensors$"
INSTANCE_TYPE = r"^ml\.[a-z0-9-]+\.[a-z0-9]+$"
MAX_RUNTIME_S = 86_400


class Schema(dict[str, Any]):
    """A Param's JSON schema, which nobody changes: a copy is the schema itself.

    Airflow copies all of a DAG's Params several times for each of its tasks; with the schemas that took half
    of the time in which the DAG is built.
    """

    def __deepcopy__(self, memo: dict[int, Any]) -> "Schema":
        """Return this schema."""
        return self


def _in(section: str, params: dict[str, dict[str, Any]]) -> dict[str, Param]:
    """Return the Params of one section of the form, from their defaults, descriptions and JSON schemas."""
    return {
        name: Param(
            schema.pop("default"),
            description=schema.pop("description"),
            schema=Schema(schema, section=section),
        )
        for name, schema in params.items()
    }


DATA = _in(
    "Data",
    {
        "source": {
            "default": "digits",
            "type": "string",
            "pattern": SOURCE,
            "title": "Data set",
            "description": "`digits`, a folder `/photos`, a zip `/photos.zip`, `https://.../photos.zip`, or "
            "`s3://bucket/prefix`: with train, valid and test in it, and a folder for each class in these.",
        },
        "max_unreadable": {
            "default": 0,
            "type": "integer",
            "minimum": 0,
            "maximum": 100,
            "description": "Images that may be left out because they cannot be read. "
            "One of dogImages is cut short.",
        },
    },
)

_MODEL_OPTIONS = _in(
    "Model",
    {
        "architecture": {
            "default": "small_cnn",
            "type": "string",
            "enum": ["small_cnn", "resnet18", "resnet34", "resnet50"],
            "description": "`small_cnn` for images of some 32 pixels, a ResNet for photos.",
        },
        "image_size": {
            "default": 16,
            "type": "integer",
            "minimum": 8,
            "maximum": 512,
            "description": "Height and width in pixels.",
        },
        "freeze_backbone": {
            "default": False,
            "type": "boolean",
            "description": "Train the last layers only, on features that are computed once and kept.",
        },
    },
)

MODEL = {
    **_MODEL_OPTIONS,
    **_in(
        "Model",
        {
            "weights_uri": {
                "default": None,
                "type": ["null", "string"],  # the form would insist on a value of "string" alone
                "pattern": WEIGHTS,
                "title": "Pre-trained weights",
                "description": "`s3://bucket/key.safetensors` as training/convert_weights.py makes it, in "
                "the project's bucket. Empty: random weights.",
            },
            "feature_views": {
                "default": 1,
                "type": "integer",
                "minimum": 1,
                "maximum": 16,
                "description": "With a frozen backbone: variations of each training image, itself included.",
            },
        },
    ),
}

TUNING = _in(
    "Tuning",
    {
        "tuning_strategy": {
            "default": "Random",
            "type": "string",
            "enum": ["none", "in_job", "Random", "Bayesian", "Grid", "Hyperband"],
            "description": "`none` trains with the values of section Training; `in_job` makes all trials "
            "in one job, on a frozen backbone's features; the others are SageMaker's: a job for each.",
        },
        "tuning_trials": {
            "default": 4,
            "type": "integer",
            "minimum": 1,
            "maximum": 100,
            "description": "Trials. A grid makes as many of them as its points allow.",
        },
        "tuning_parallel": {
            "default": 2,
            "type": "integer",
            "minimum": 1,
            "maximum": 10,
            "description": "Trials at the same time, each on an instance of its own.",
        },
        "tuning_epochs": {
            "default": 3,
            "type": "integer",
            "minimum": 1,
            "maximum": 1000,
            "description": "Passes over the data in each trial.",
        },
        "learning_rate_min": {
            "default": 0.003,
            "type": "number",
            "exclusiveMinimum": 0,
            "maximum": 1,
            "description": "The trials' smallest step size.",
        },
        "learning_rate_max": {
            "default": 0.03,
            "type": "number",
            "exclusiveMinimum": 0,
            "maximum": 1,
            "description": "The trials' largest step size; values between are drawn on a logarithmic scale.",
        },
        "batch_sizes": {
            "default": [64, 128],
            "type": "array",
            "items": {"type": "integer", "minimum": 1, "maximum": 4096},
            "minItems": 1,
            "maxItems": 10,
            "uniqueItems": True,
            "description": "The batch sizes that the trials choose from.",
        },
    },
)

_TRAINING_OPTIONS = _in(
    "Training",
    {
        "epochs": {
            "default": 10,
            "type": "integer",
            "minimum": 1,
            "maximum": 1000,
            "description": "Passes over the data.",
        },
        "batch_size": {
            "default": 128,
            "type": "integer",
            "minimum": 1,
            "maximum": 4096,
            "description": "Images of one step, over all instances together. Tuning finds a better value.",
        },
        "learning_rate": {
            "default": 0.01,
            "type": "number",
            "exclusiveMinimum": 0,
            "maximum": 1,
            "description": "Step size. Tuning finds a better value.",
        },
        "seed": {
            "default": 1,
            "type": "integer",
            "minimum": 0,
            "maximum": 2**31,
            "description": "Seed of everything that is random.",
        },
        "patience": {
            "default": 0,
            "type": "integer",
            "minimum": 0,
            "maximum": 1000,
            "description": "Epochs without a lower validation loss after which training ends; 0: never.",
        },
        "weight_decay": {
            "default": 0.0001,
            "type": "number",
            "minimum": 0,
            "maximum": 1,
            "description": "AdamW's pull of the weights towards zero.",
        },
        "schedule": {
            "default": "cosine",
            "type": "string",
            "enum": ["cosine", "step", "none"],
            "description": "How the learning rate falls: along a cosine, by half every 5 epochs, or not.",
        },
        "label_smoothing": {
            "default": 0,
            "type": "number",
            "minimum": 0,
            "maximum": 0.5,
            "description": "Share of each label that is spread over all classes.",
        },
        "class_weights": {
            "default": "none",
            "type": "string",
            "enum": ["none", "balanced"],
            "description": "`balanced` lets rare classes count as much as frequent ones.",
        },
        "accumulate": {
            "default": 1,
            "type": "integer",
            "minimum": 1,
            "maximum": 256,
            "description": "Parts of a batch that are computed one after the other, to save memory.",
        },
        "precision": {
            "default": "auto",
            "type": "string",
            "enum": ["auto", "fp32", "bf16", "fp16"],
            "description": "`auto` computes in half precision on a GPU, in full precision on a CPU.",
        },
        "finetune_epochs": {
            "default": 0,
            "type": "integer",
            "minimum": 0,
            "maximum": 1000,
            "description": "With a frozen backbone: passes over the data in which, after the last layers, "
            "all layers are trained.",
        },
        "finetune_learning_rate": {
            "default": 0.00008,
            "type": "number",
            "exclusiveMinimum": 0,
            "maximum": 1,
            "description": "Step size of these passes.",
        },
        "max_bad_images": {
            "default": 0,
            "type": "integer",
            "minimum": 0,
            "maximum": 10_000,
            "description": "Images that training skips because they cannot be decoded; one more fails it.",
        },
    },
)

TRAINING = _TRAINING_OPTIONS

INSTANCES = _in(
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

DEPLOYMENT = _in(
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

OPTIONS = (*_MODEL_OPTIONS, *_TRAINING_OPTIONS)
"""Names of the Params that train.py takes as options of the same name."""

INTEGERS = frozenset(
    name
    for section in (DATA, MODEL, TUNING, TRAINING, INSTANCES, DEPLOYMENT)
    for name, param in section.items()
    if "integer" in (param.schema.get("type"), param.schema.get("items", {}).get("type"))
)
"""Names of the Params that are whole numbers, or lists of them."""
