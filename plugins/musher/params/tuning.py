"""Section "Tuning" of the form: how good values are looked for, and where."""

from musher.params.section import in_section

TUNING = in_section(
    "Tuning",
    {
        "tuning_strategy": {
            "title": "Strategy",
            "default": "Random",
            "type": "string",
            "enum": ["none", "in_job", "Random", "Bayesian", "Grid", "Hyperband"],
            "description": "`none` trains with the values of section Training; `in_job` makes all trials "
            "in one job, on a frozen backbone's features; the others are SageMaker's: a job for each.",
        },
        "tuning_trials": {
            "title": "Trials",
            "default": 4,
            "type": "integer",
            "minimum": 1,
            "maximum": 100,
            "description": "How many are made. A grid makes as many of them as its points allow.",
        },
        "tuning_parallel": {
            "title": "Trials at the same time",
            "default": 2,
            "type": "integer",
            "minimum": 1,
            "maximum": 10,
            "description": "Trials at the same time, each on an instance of its own.",
        },
        "tuning_epochs": {
            "title": "Epochs of each trial",
            "default": 3,
            "type": "integer",
            "minimum": 1,
            "maximum": 1000,
            "description": "Passes over the data in each trial.",
        },
        "learning_rate_min": {
            "title": "Smallest learning rate",
            "default": 0.003,
            "type": "number",
            "exclusiveMinimum": 0,
            "maximum": 1,
            "description": "The trials' smallest step size.",
        },
        "learning_rate_max": {
            "title": "Largest learning rate",
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
