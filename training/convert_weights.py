"""Convert published weights to the file that channel `weights` takes.

    python training/convert_weights.py resnet50-11ad3fa6.pth --architecture resnet50 \
        --source https://download.pytorch.org/models/resnet50-11ad3fa6.pth --output weights
    aws s3 cp weights/resnet50.safetensors s3://BUCKET/musher/weights/resnet50/

Takes a state dict under torchvision's names, as torch.save wrote it; code in the file is not run. Where to
find the weights of each network: https://docs.pytorch.org/vision/stable/models.html#classification
Writes OUTPUT/<architecture>.safetensors, whose metadata name architecture, SHA-256 and source, and prints
them as JSON. Its classification layer is left out. Weights of a vision transformer keep their image size: a
job whose images have another one interpolates their positions.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from imgclf.errors import ImgclfError
from imgclf.networks.registry import ARCHITECTURES
from imgclf.networks.weights import convert_weights


def _published_names() -> list[str]:
    """Return a line for each network that somebody publishes weights of."""
    return [f"  {name}: {record.weights}" for name, record in ARCHITECTURES.items() if record.weights]


def main(arguments: Sequence[str]) -> int:
    """Convert one file and return the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog="Images are prepared as these weights want it:\n" + "\n".join(_published_names()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("file", type=Path, help="state-dict file (.pth, .pt)")
    parser.add_argument("--architecture", choices=ARCHITECTURES, required=True)
    parser.add_argument("--source", help="where the file is from (default: its name)")
    parser.add_argument("--output", type=Path, default=Path("weights"), help="folder (default: weights)")
    options = parser.parse_args(arguments)
    target = options.output / f"{options.architecture}.safetensors"
    try:
        metadata = convert_weights(
            options.file,
            target,
            architecture=options.architecture,
            origin=options.source or options.file.name,
        )
    except ImgclfError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    sys.stdout.write(json.dumps({"file": str(target), **metadata}) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
