"""Section "Model" of the form: which network, from which weights."""

from musher.params.section import in_section

IMAGE_SIZES = {
    "small_cnn": (8, 1),
    "resnet18": (8, 1),
    "resnet34": (8, 1),
    "resnet50": (8, 1),
    "mobilenet_v3_large": (8, 1),
    "efficientnet_b0": (8, 1),
    "convnext_tiny": (32, 1),
    "vit_b_16": (16, 16),
}
"""The architectures: the smallest image size in pixels that each takes, and what sizes are multiples of."""

WEIGHTS = r"^s3://[^/]+/.+\.safetensors$"

MODEL_OPTIONS = in_section(
    "Model",
    {
        "architecture": {
            "default": "small_cnn",
            "type": "string",
            "enum": list(IMAGE_SIZES),
            "description": "`small_cnn` for images of some 32 pixels, the others for photos.",
        },
        "image_size": {
            "default": 16,
            "type": "integer",
            "minimum": 8,
            "maximum": 1024,
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
    **MODEL_OPTIONS,
    **in_section(
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
