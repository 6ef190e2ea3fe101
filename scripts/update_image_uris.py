"""Write plugins/musher/training_image_uris.json from SageMaker's Python SDK: `make image-uris`.

The framework "pytorch" is meant, whose images carry the SageMaker training toolkit (script mode).
"""

import json
from collections.abc import Iterator
from importlib.metadata import version
from typing import Any

from musher.images import FILE

FRAMEWORK = "pytorch"
INSTANCE_TYPES = {"cpu": "ml.m5.xlarge", "gpu": "ml.g5.xlarge"}
"""An instance type that stands for each processor."""


def collect() -> dict[str, Any]:
    """Ask the SDK (some seconds of import) for the newest image of each region and processor."""
    return {"format": 1, "sagemaker": version("sagemaker"), "images": dict(sorted(_images()))}


def _images() -> Iterator[tuple[str, dict[str, str]]]:
    from packaging.version import Version
    from sagemaker.core import image_uris

    versions = image_uris.config_for_framework(FRAMEWORK)["training"]["versions"]
    newest: dict[str, str] = {}
    for number in sorted(versions, key=Version):
        newest |= dict.fromkeys(versions[number]["registries"], number)
    for region, number in newest.items():
        yield (
            region,
            {
                processor: image_uris.retrieve(
                    FRAMEWORK, region, version=number, image_scope="training", instance_type=instance_type
                )
                for processor, instance_type in INSTANCE_TYPES.items()
            },
        )


def main() -> None:
    """Write the file and say what is in it."""
    document = collect()
    FILE.write_text(json.dumps(document, indent=2) + "\n")
    print(f"{FILE}: {len(document['images'])} regions, sagemaker {document['sagemaker']}")


if __name__ == "__main__":
    main()
