"""Section "Training" of the form: how the model learns. All are options of train.py of the same name."""

from musher.params.section import in_section

EXPERTS = (
    "weight_decay",
    "schedule",
    "label_smoothing",
    "class_weights",
    "micro_batch_size",
    "precision",
    "warmup_share",
    "max_bad_images",
)
"""Their defaults are good for most data."""

TRAINING = in_section(
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
            "title": "Patience (epochs)",
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
        "warmup_share": {
            "default": 0.1,
            "type": "number",
            "minimum": 0,
            "maximum": 1,
            "description": "Share of all steps in which the learning rate rises to its value.",
        },
        "label_smoothing": {
            "default": 0.0,
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
        "micro_batch_size": {
            "title": "Images computed together",
            "default": 32,
            "type": "integer",
            "minimum": 1,
            "maximum": 4096,
            "description": "Images that are computed, and by batch normalisation normalised, together. A "
            "batch consists of such parts, dealt out to the instances; smaller ones need less memory.",
        },
        "precision": {
            "default": "auto",
            "type": "string",
            "enum": ["auto", "fp32", "bf16", "fp16"],
            "description": "`auto` computes in half precision on a GPU, in full precision on a CPU.",
        },
        "finetune_epochs": {
            "title": "Fine-tuning epochs",
            "default": 0,
            "type": "integer",
            "minimum": 0,
            "maximum": 1000,
            "description": "With a frozen backbone: passes over the data in which, after the last layers, "
            "all layers are trained.",
        },
        "finetune_learning_rate": {
            "title": "Fine-tuning learning rate",
            "default": 0.00008,
            "type": "number",
            "exclusiveMinimum": 0,
            "maximum": 1,
            "description": "Step size of these passes.",
        },
        "int8": {
            "title": "Serve in 8-bit integers",
            "default": False,
            "type": "boolean",
            "description": "Serve in 8-bit integers on CPUs, if that costs at most half a point of top-1 "
            "accuracy on the validation images. Else 32-bit floats serve, and the model card says why.",
        },
        "max_bad_images": {
            "title": "Bad images in training",
            "default": 0,
            "type": "integer",
            "minimum": 0,
            "maximum": 10_000,
            "description": "Images that training skips because they cannot be decoded; one more fails it.",
        },
    },
    experts=EXPERTS,
)
