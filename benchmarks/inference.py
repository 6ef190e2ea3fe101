"""Measure how fast ONNX Runtime serves a ResNet-50 beside eager torch, in floats and in 8-bit integers.

Claims: in 32-bit floats it takes at most 1 / 1.6 of torch's time and names the same class for 999 of 1,000
photos; in int8 it takes at most a third of torch's time, and a network that was really trained loses at most
half a point of top-1 accuracy.

Speed and agreement: a ResNet-50 of 133 classes at 224 px, through the classes with which serve.py predicts.
Its weights are random, so batch normalisation's statistics and the last layer are fitted to photos: else it
would name one class for all of them. Each round runs all engines in turn on the same photos; a ratio is the
median over the rounds, and the lowest over the batch sizes counts. Loss: train.py trains a ResNet-18 on
scikit-learn's digits with --int8; floats and int8 are scored on test images that neither has seen.
Prints a table, and as its last line {"ratio": float, "argmax_agreement": float, "ratio_int8": float,
"int8_top1_loss": float, ...}; the loss is in points, of refused int8 the validation split's.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import benchmarks.source_paths  # noqa: F401 - makes imgclf importable
from benchmarks.micro_batches import fit, write_digits
from benchmarks.photos import photo_folder
from benchmarks.served_models import write_model
from benchmarks.tables import print_table

if TYPE_CHECKING:
    from imgclf.networks.models import Classifier
    from imgclf.presets import Preset

NETWORK = "resnet50"
FITTED, CALIBRATED, READ = 32, 32, 16
"""Photos that the weights are fitted to, that int8 is calibrated on, and of one forward pass."""
TORCH, CHANNELS_LAST, FLOATS, INT8 = "eager torch", "eager torch, channels last", "ONNX Runtime", "int8"
ONE = 1
"""Stream: each engine computes a batch with all processors, as torch does."""

DIGITS = {0: "valid", 1: "valid", **dict.fromkeys(range(2, 7), "test")}
"""More test images than trained ones would be left of: one is 0.15 points."""

Predict = Callable[[Any], Any]
"""Pixels (B, 3, S, S) uint8 -> logits (B, classes)."""


@dataclass(frozen=True, kw_only=True)
class Loss:
    """What int8 costs a trained network."""

    images: int
    fp32_accuracy: float
    int8_accuracy: float
    is_refused: bool
    """Whether training refused the int8 graph; the figures are then those of its validation split."""

    @property
    def points(self) -> float:
        """Return the percentage points of top-1 accuracy."""
        return 100 * (self.fp32_accuracy - self.int8_accuracy)


def read_photos(folder: Path, preset: Preset, count: int) -> Any:
    """Return the pixels of `count` photos of a folder, spread over its classes, as a server decodes them."""
    paths = sorted(folder.glob("**/*.jpg"))
    if len(paths) < count:
        raise SystemExit(f"{folder} has {len(paths)} photos, fewer than {count}: ask for fewer (--photos)")
    places = np.linspace(0, len(paths) - 1, num=count).round().astype(int)
    return np.stack([preset.to_pixels(paths[place].read_bytes()) for place in places])


def fit_to_photos(model: Classifier, preset: Preset, pixels: Any) -> None:
    """Give random weights the statistics of photos, so that all classes are equally likely."""
    import torch

    images = preset.normalise(torch.from_numpy(pixels))
    for layer in model.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer.momentum = None  # a plain mean over all batches
    with torch.no_grad():
        model.train()
        for batch in torch.split(images, READ):
            model(batch)
        model.eval()
        logits = torch.cat([model(batch) for batch in torch.split(images, READ)])
        [*_, last] = (layer for layer in model.head.modules() if isinstance(layer, torch.nn.Linear))
        scale = logits.std(dim=0)
        last.weight /= scale[:, None]
        last.bias.copy_((last.bias - logits.mean(dim=0)) / scale)


def make_engines(folder: Path, pixels: Any) -> dict[str, Predict]:
    """Return what computes the model of a folder: torch in two layouts, floats, and int8."""
    import torch

    from imgclf.artifacts import load_model
    from imgclf.int8 import quantise
    from imgclf.model_card import INT8_FILE, ONNX_FILE, read_model_folder
    from imgclf.serving.runtimes import OnnxRuntime, TorchRuntime, file_hash

    model = read_model_folder(folder)
    batches = (pixels[start : start + READ] for start in range(0, len(pixels), READ))
    (folder / INT8_FILE).write_bytes(quantise(folder / ONNX_FILE, batches))
    facts = {"file": INT8_FILE, "sha256": file_hash(folder / INT8_FILE)}
    innermost = load_model(folder).classifier.to(memory_format=torch.channels_last)

    def channels_last(batch: Any) -> Any:
        with torch.inference_mode():
            return innermost(model.preset.normalise(torch.from_numpy(batch))).numpy()

    return {
        TORCH: TorchRuntime(model, ONE).predict,
        CHANNELS_LAST: channels_last,
        FLOATS: OnnxRuntime(model, ONE).predict,
        INT8: OnnxRuntime(replace(model, card={**model.card, "int8": facts}), ONE).predict,
    }


def time_rounds(engines: dict[str, Predict], batch: Any, rounds: int) -> dict[str, list[float]]:
    """Return the seconds of each engine in each round; the first round warms up and is not counted."""
    seconds: dict[str, list[float]] = {name: [] for name in engines}
    names = list(engines)
    for number in range(rounds + 1):
        for name in names[number % len(names) :] + names[: number % len(names)]:
            started = time.perf_counter()
            engines[name](batch)
            seconds[name].append(time.perf_counter() - started)
    return {name: values[1:] for name, values in seconds.items()}


def median_ratio(slower: Sequence[float], faster: Sequence[float]) -> float:
    """Return the median over the rounds of how many times as fast the second is."""
    return statistics.median(one / other for one, other in zip(slower, faster, strict=True))


def name_classes(predict: Predict, pixels: Any) -> Any:
    """Return the class (N,) that an engine names for each image."""
    parts = range(0, len(pixels), READ)
    return np.concatenate([predict(pixels[start : start + READ]).argmax(axis=1) for start in parts])


def measure_loss(folder: Path, epochs: int) -> Loss:
    """Train a network on digits with --int8, and score its floats and its int8 on the test split."""
    from imgclf.model_card import read_model_folder
    from imgclf.serving.runtimes import OnnxRuntime

    data = write_digits(folder / "digits", DIGITS)
    fit(data, folder / "trained", architecture="resnet18", image_size=32, epochs=epochs, int8=True)
    model = read_model_folder(folder / "trained" / "model")
    facts = model.card["int8"]
    if "file" not in facts:
        if "refused" not in facts:
            raise SystemExit(f"int8 failed: {facts}")
        names = {name: facts[name] for name in ("fp32_accuracy", "int8_accuracy")}
        return Loss(images=facts["valid_images"], is_refused=True, **names)
    paths = sorted((data / "test").glob("*/*"))
    labels = np.array([model.classes.index(path.parent.name) for path in paths])
    pixels = np.stack([model.preset.to_pixels(path.read_bytes()) for path in paths])
    floats, integers = (
        float((name_classes(OnnxRuntime(one, ONE).predict, pixels) == labels).mean())
        for one in (replace(model, card={**model.card, "int8": {}}), model)
    )
    return Loss(images=len(labels), fp32_accuracy=floats, int8_accuracy=integers, is_refused=False)


def table_rows(timed: dict[int, dict[str, list[float]]]) -> Iterator[list[str]]:
    """Yield a row for each batch size and engine."""
    for size, seconds in timed.items():
        for name, values in seconds.items():
            ratio = median_ratio(seconds[TORCH], values)
            each = 1000 * statistics.median(values) / size
            yield [str(size), name, f"{each:.1f}", f"{ratio:.2f}"]


def parse_words() -> argparse.Namespace:
    """Read the options; the defaults take some four minutes on two quiet cores."""
    parser = argparse.ArgumentParser(description="How fast does a ResNet-50 predict?")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--batches", type=int, nargs="*", default=[1, 8])
    parser.add_argument("--photos", type=int, default=500, help="of which torch and ours name the classes")
    parser.add_argument("--epochs", type=int, default=8, help="of the training on digits")
    return parser.parse_args()


def summarise(timed: dict[int, dict[str, list[float]]], loss: Loss, agreement: float) -> dict[str, Any]:
    """Return the benchmark's figures; of the batch sizes the lowest ratio counts."""
    ratios = {
        key: round(min(median_ratio(seconds[TORCH], seconds[one]) for seconds in timed.values()), 3)
        for key, one in (("ratio", FLOATS), ("ratio_int8", INT8), ("ratio_channels_last", CHANNELS_LAST))
    }
    return {
        **ratios,
        "argmax_agreement": round(agreement, 4),
        "int8_top1_loss": round(loss.points, 3),
        "fp32_accuracy": round(loss.fp32_accuracy, 4),
        "is_refused": loss.is_refused,
    }


def main() -> None:
    """Measure speed, loss and agreement; print each as it comes."""
    words = parse_words()
    os.environ["CUDA_VISIBLE_DEVICES"] = ""  # torch computes on the CPU, as ONNX Runtime does
    from imgclf.networks.models import preset_for

    preset = preset_for(architecture=NETWORK, image_size=224)
    with tempfile.TemporaryDirectory(prefix="musher-inference-") as name:
        top = Path(name)
        photos, kind = photo_folder(top / "photos")
        pixels = read_photos(photos / "train", preset, words.photos)
        folder = write_model(
            top / "model", NETWORK, prepare=lambda model: fit_to_photos(model, preset, pixels[:FITTED])
        )
        engines = make_engines(folder, pixels[:CALIBRATED])
        timed = {size: time_rounds(engines, pixels[:size], words.rounds) for size in words.batches}
        print_table(["batch", f"engine, {kind}", "ms an image", "times torch"], list(table_rows(timed)))
        loss = measure_loss(top, words.epochs)
    refused = ", refused" if loss.is_refused else ""
    accuracies = f"{loss.fp32_accuracy:.4f} in floats, {loss.int8_accuracy:.4f} in int8"
    print(f"trained network, {loss.images} images: {accuracies}{refused}")
    truth, ours = (name_classes(engines[one], pixels) for one in (TORCH, FLOATS))
    agreement = float((truth == ours).mean())
    print(f"{len(truth)} photos, {len(np.unique(truth))} classes named: {agreement:.4f} as torch")
    print(json.dumps(summarise(timed, loss, agreement)))


if __name__ == "__main__":
    main()
