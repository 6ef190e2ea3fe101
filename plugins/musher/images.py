"""Choose AWS's PyTorch training container by region and instance type.

The addresses are those of SageMaker's Python SDK, kept in `training_image_uris.json`: importing the SDK takes
seconds. `make image-uris` writes the file anew; a test compares it with the SDK.
"""

import functools
import json
import re
from pathlib import Path

from musher.errors import SettingsError

FILE = Path(__file__).with_name("training_image_uris.json")

GPU_INSTANCE = r"(ml\.)?(g|gr|p)\d"
"""SageMaker's and EC2's families with NVIDIA GPUs: ml.g4dn, ml.g5, ml.p5en, g6e, gr6, ..."""


@functools.cache
def read_images() -> dict[str, dict[str, str]]:
    """Return region -> {"cpu": address, "gpu": address}."""
    images: dict[str, dict[str, str]] = json.loads(FILE.read_text())["images"]
    return images


def training_image(*, region: str, instance_type: str) -> str:
    """Return the address of the newest image for this region, with CUDA where the instance has a GPU.

    Raises SettingsError for a region in which AWS has no such image.
    """
    check_region(region)
    return read_images()[region]["gpu" if re.match(GPU_INSTANCE, instance_type) else "cpu"]


def check_region(region: str) -> None:
    """Refuse a region without training images by the variables that solve it."""
    if region not in read_images():
        raise SettingsError(
            f"MUSHER_REGION is {region!r}, for which no PyTorch training image of AWS is known. Choose one "
            f"of {', '.join(sorted(read_images()))}, or set MUSHER_TRAINING_IMAGE to an image of your own."
        )
