"""Quantise model.onnx to 8-bit integers, and hold the result against it before it may serve.

Activations are unsigned bytes, and weights signed ones of seven bits, a scale for each channel. Seven bits,
whatever CPU trains: x86 without VNNI adds two products in 16 bits, which eight-bit weights overflow, and the
CPU that will serve is not known here (docs/adr/035).
"""

from __future__ import annotations

import hashlib
import importlib.util
import logging
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from imgclf.artifacts import whole_or_not
from imgclf.errors import ConfigError, ModelError
from imgclf.images.data import Dataset, Split
from imgclf.images.inputs import Indices, PixelInputs
from imgclf.images.scaling import Pixels
from imgclf.model_card import INT8_FILE, ONNX_FILE
from imgclf.onnx_export import PIXELS
from imgclf.onnx_session import open_session
from imgclf.presets import Preset

logger = logging.getLogger(__name__)

Tell = Callable[[], None]
"""Says to the job's other processes that this one still works."""

MAX_LOSS_POINTS = 0.5
"""Percentage points of top-1 accuracy that int8 may cost on the validation split."""
CALIBRATION_IMAGES = 256
"""Training images, spread evenly over the split, from which the range of each activation is taken."""
WEIGHT_BITS = 7
BATCH = 8
DECODERS = 2
"""Threads; the computation, which waits for them, takes longer."""
NEEDED = ("onnx", "onnxruntime", "sympy")
"""Packages beside torch; the last comes with it."""
NORMALISING = {"Cast", "Mul", "Sub", "Add", "Div"}
"""What a graph does to pixels first: exact in floats, and nothing to be won."""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """How the int8 graph does beside the exact one, on the same images."""

    images: int
    fp32_accuracy: float
    int8_accuracy: float
    argmax_agreement: float
    """Share of the images of which both name the same class."""
    fp32_img_per_s: float
    int8_img_per_s: float

    @property
    def loss_points(self) -> float:
        """Return the top-1 accuracy that int8 costs, in percentage points; negative where it gains."""
        return 100 * (self.fp32_accuracy - self.int8_accuracy)

    def describe(self) -> dict[str, Any]:
        """Return what the model card says of it."""
        return {
            "valid_images": self.images,
            "fp32_accuracy": round(self.fp32_accuracy, 6),
            "int8_accuracy": round(self.int8_accuracy, 6),
            "top1_loss_points": round(self.loss_points, 4),
            "max_loss_points": MAX_LOSS_POINTS,
            "argmax_agreement": round(self.argmax_agreement, 6),
            "img_per_s": {"fp32": round(self.fp32_img_per_s, 1), "int8": round(self.int8_img_per_s, 1)},
        }


def check_packages() -> None:
    """Raise ConfigError where this image cannot quantise: a job asks before it trains."""
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise ConfigError(
            f"int8 needs the package {missing[0]}, which this image lacks: install "
            "training/requirements.txt, or leave out --int8"
        )


def check_images(data: Dataset) -> Dataset:
    """Return the data set; raise ConfigError where this host lacks some of the images that judge int8."""
    for name in ("train", "valid"):
        if data.splits[name].replica is None:
            raise ConfigError(
                f"int8 is held against all images of split {name!r}, of which this host has a part: use "
                "FullyReplicated channels, or leave out --int8"
            )
    return data


def export_int8(
    model_dir: Path, *, onnx: Mapping[str, Any], data: Dataset | None, preset: Preset, tell: Tell
) -> dict[str, Any]:
    """Write model.int8.onnx if it may serve, and return what the model card says of it.

    `onnx` is what the card says of model.onnx, `data` None where no int8 is wanted; `tell` is called often.
    A graph that costs more than MAX_LOSS_POINTS is `refused` with the figure. A failure costs no model
    either: model.onnx then serves.
    """
    started = time.monotonic()
    (model_dir / INT8_FILE).unlink(missing_ok=True)  # of a model that was there before
    if data is None:
        return {}
    try:
        if "file" not in onnx:
            raise ModelError(f"there is no {ONNX_FILE} to quantise")
        facts = _quantise_and_judge(model_dir, data, preset, tell)
    except Exception as error:  # noqa: BLE001 - a quantiser's failure must not cost the trained model
        logger.warning("no %s, floats will serve: %s: %s", INT8_FILE, type(error).__name__, error)
        return {"failed": f"{type(error).__name__}: {error}"[:500]}
    return {**facts, "seconds": round(time.monotonic() - started, 3)}


def _quantise_and_judge(model_dir: Path, data: Dataset, preset: Preset, tell: Tell) -> dict[str, Any]:
    """Quantise model.onnx and compare both; write the file unless it is refused."""
    exact = model_dir / ONNX_FILE
    train, valid = (data.splits[name].replica or data.splits[name] for name in ("train", "valid"))
    chosen = spread(train.total, CALIBRATION_IMAGES)
    graph = quantise(exact, read_pixels(train, preset, chosen, tell))
    judges = read_pixels(valid, preset, np.arange(valid.total), tell)
    verdict = judge_graphs(exact, graph, judges, valid.labels)
    facts = {"weight_bits": WEIGHT_BITS, "calibration_images": len(chosen), **verdict.describe()}
    if not verdict.loss_points <= MAX_LOSS_POINTS:
        reason = describe_refusal(verdict)
        logger.warning("%s: floats will serve", reason)
        return {"refused": reason, **facts}
    with whole_or_not(model_dir / INT8_FILE) as partial:
        partial.write_bytes(graph)
    logger.info("int8 will serve on CPUs: %s", facts)
    return {"file": INT8_FILE, "sha256": hashlib.sha256(graph).hexdigest(), **facts}


def describe_refusal(verdict: Verdict) -> str:
    """Return why the int8 graph may not serve."""
    return (
        f"int8 costs {verdict.loss_points:.2f} points of top-1 accuracy ({verdict.fp32_accuracy:.4f} to "
        f"{verdict.int8_accuracy:.4f}) on the {verdict.images} validation images, more than {MAX_LOSS_POINTS}"
    )


def spread(total: int, wanted: int) -> Indices:
    """Return up to `wanted` places of `total`, evenly spread: where images lie by class, all are there."""
    return np.linspace(0, total - 1, num=min(total, wanted)).round().astype(np.int64)


def in_batches(indices: Indices) -> list[Indices]:
    """Cut indices into runs of BATCH."""
    return [indices[start : start + BATCH] for start in range(0, len(indices), BATCH)]


def read_pixels(split: Split, preset: Preset, indices: Indices, tell: Tell) -> Iterator[Pixels]:
    """Yield the pixels (BATCH, 3, S, S) of a split's images, without variation."""
    inputs = PixelInputs(split, preset, device=torch.device("cpu"), threads=DECODERS)
    try:
        for pixels in inputs.pixels(in_batches(indices)):
            tell()
            yield pixels
    finally:
        inputs.close()


def quantise(exact: Path, batches: Iterator[Pixels]) -> bytes:
    """Return an int8 graph of a graph, the ranges of its activations taken from these pixels."""
    import onnx
    from onnxruntime.quantization import QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    with tempfile.TemporaryDirectory() as folder:
        prepared, quantised = Path(folder) / "prepared.onnx", Path(folder) / INT8_FILE
        quant_pre_process(exact, prepared)
        quantize_static(
            prepared,
            quantised,
            _Reader(batches),
            quant_format=QuantFormat.QDQ,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            per_channel=True,
            reduce_range=True,
            nodes_to_exclude=nodes_to_keep(onnx.load(prepared).graph),
        )
        return quantised.read_bytes()


class _Reader:
    """Hand pixels to ONNX Runtime's calibration, as its CalibrationDataReader.

    Image by image: calibration holds all activations of an input at once, 16 images of a ResNet-50 in 5 GB.
    """

    def __init__(self, batches: Iterator[Pixels]) -> None:
        """Take the batches, each of which is read once."""
        self._images = (pixels[place : place + 1] for pixels in batches for place in range(len(pixels)))

    def get_next(self) -> dict[str, Pixels] | None:
        """Return the next input, None at the end."""
        image = next(self._images, None)
        return None if image is None else {PIXELS: image}


def nodes_to_keep(graph: Any) -> list[str]:
    """Return the nodes of an ONNX graph that stay in floats: what normalises pixels, and the last layer.

    256 steps for all logits together would make equals of the two likeliest classes.
    """
    [output] = [item.name for item in graph.output]
    kept, values = [], {PIXELS}
    for node in graph.node:
        is_normalising = node.op_type in NORMALISING and not values.isdisjoint(node.input)
        if is_normalising:
            values.update(node.output)
        if is_normalising or output in node.output:
            kept.append(node.name)
    return kept


def judge_graphs(exact: Path, graph: bytes, batches: Iterator[Pixels], labels: Indices) -> Verdict:
    """Return how an int8 graph does beside the exact one on images of these labels, as both would serve."""
    sessions = [open_session(exact), open_session(graph)]
    seconds, found = [0.0, 0.0], list[list[Indices]]()
    for pixels in batches:
        classes = []
        for number, session in enumerate(sessions):
            started = time.perf_counter()
            logits = session.run(None, {PIXELS: pixels})[0]
            seconds[number] += time.perf_counter() - started
            classes.append(logits.argmax(axis=1))
        found.append(classes)
    floats, integers = (np.concatenate(part) for part in zip(*found, strict=True))
    return compare_classes(floats, integers, labels, seconds=seconds)


def compare_classes(
    floats: Indices, integers: Indices, labels: Indices, *, seconds: Sequence[float]
) -> Verdict:
    """Return the verdict on the classes (N,) that both graphs name, and on the seconds that each took."""
    return Verdict(
        images=len(labels),
        fp32_accuracy=float((floats == labels).mean()),
        int8_accuracy=float((integers == labels).mean()),
        argmax_agreement=float((floats == integers).mean()),
        fp32_img_per_s=len(labels) / seconds[0],
        int8_img_per_s=len(labels) / seconds[1],
    )
