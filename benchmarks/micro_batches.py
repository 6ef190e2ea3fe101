"""Measure whether normalising a batch by its parts costs accuracy.

Claim: a ResNet-18 from random weights, whose batches of 128 images are normalised by parts of 32, reaches the
test accuracy of one that normalises each batch as a whole, within 0.01, in the mean over seeds.

Data: scikit-learn's digits at 32 px, and photos at 64 px: real ones where MUSHER_PHOTOS names a zip of them,
else generated ones of 40 classes. A part of 128 is the whole batch. All fits run train.py in this process.
Prints a table, and as its last line {"difference": ...}: the mean accuracy with parts of 32 less that with
whole batches, of the data set where it is lower.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import benchmarks.source_paths  # noqa: F401 - finds imgclf
from benchmarks.photos import photo_folder
from benchmarks.tables import print_table

BATCH_SIZE = 128
DEFAULT, SIZES = 32, (128, 64, 32, 16)
TOLERANCE = 0.01
SPLITS = {0: "valid", 1: "test", 2: "valid", 3: "test"}
"""What becomes of 13 digits in a row; those that are not named are trained on."""
OPTIONS: dict[str, object] = {
    "architecture": "resnet18",
    "init": "random",
    "batch_size": BATCH_SIZE,
    "learning_rate": 0.001,
}


def write_digits(folder: Path, splits: Mapping[int, str] = SPLITS) -> Path:
    """Write scikit-learn's 1,797 scanned digits as train/valid/test folders: 1,242 / 278 / 277 by default."""
    from PIL import Image
    from sklearn.datasets import load_digits

    data = load_digits()
    for index, (pixels, digit) in enumerate(zip(data.images, data.target, strict=True)):
        split = splits.get(index % 13, "train")
        place = folder / split / str(digit)
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray((pixels * 255 / 16).astype("uint8")).save(place / f"{index:04}.png")
    return folder


def fit(data: Path, folder: Path, **options: object) -> dict[str, Any]:
    """Train one model and return its evaluation."""
    from train import main as train

    named = {**OPTIONS, **options, "data": data, "output_dir": folder, "model_dir": folder / "model"}
    if code := train([word for name, value in named.items() for word in (f"--{name}", str(value))], {}):
        raise SystemExit(f"train.py ended with {code}: {named}")
    evaluation: dict[str, Any] = json.loads((folder / "evaluation.json").read_text())
    return evaluation


def measure(kind: str, top: Path, *, seeds: int, epochs: int) -> dict[int, list[dict[str, Any]]]:
    """Return the evaluations of one data set's fits, one of each seed, by the images of a part."""
    data = write_digits(top / kind) if kind == "digits" else photo_folder(top / kind)[0]
    options: dict[str, object] = {"image_size": 32 if kind == "digits" else 64, "epochs": epochs}
    return {
        size: [
            fit(data, top / f"{kind}-{size}-{seed}", micro_batch_size=size, seed=seed, **options)
            for seed in range(1, seeds + 1)
        ]
        for size in SIZES
    }


def mean(fits: list[dict[str, Any]], name: str) -> float:
    """Return the mean of one score over the seeds."""
    return float(statistics.mean(one[name] for one in fits))


def main() -> None:
    """Fit with each size of a part and each seed, and compare."""
    parser = argparse.ArgumentParser(description="Does normalising by parts cost accuracy?")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--data", choices=("digits", "photos"), nargs="*", default=["digits", "photos"])
    words = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="musher-parts-") as name:
        found = {
            kind: measure(kind, Path(name), seeds=words.seeds, epochs=words.epochs) for kind in words.data
        }
    rows = [
        [
            kind,
            str(size),
            f"{mean(fits, 'accuracy'):.4f}",
            f"{mean(fits, 'loss'):.4f}",
            " ".join(f"{one['accuracy']:.3f}" for one in fits),
        ]
        for kind, by_size in found.items()
        for size, fits in by_size.items()
    ]
    print_table(["data", "images of a part", "accuracy", "loss", "each seed"], rows)
    difference = min(
        mean(by_size[DEFAULT], "accuracy") - mean(by_size[BATCH_SIZE], "accuracy")
        for by_size in found.values()
    )
    holds = difference >= -TOLERANCE
    print(json.dumps({"difference": round(difference, 4), "tolerance": TOLERANCE, "holds": holds}))


if __name__ == "__main__":
    main()
