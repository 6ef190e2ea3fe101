"""Export a network to ONNX, and hold what was exported against torch before it is used.

By torch's exporter that traces: it takes a second for a small network and four for a ResNet-18, and needs no
package but `onnx`. The newer one, by torch.export, takes 8 to 50 seconds and needs onnxscript. Torch calls
the older one deprecated: where it is gone, a model is served by torch (docs/adr/025).
"""

from __future__ import annotations

import copy
import hashlib
import logging
import tempfile
import time
import warnings
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from imgclf.artifacts import whole_or_not
from imgclf.errors import ModelError
from imgclf.model_card import ONNX_FILE
from imgclf.onnx_session import open_session
from imgclf.presets import Preset

logger = logging.getLogger(__name__)

OPSET = 17
PIXELS, LOGITS = "pixels", "logits"
PROBES = 4
"""Images of the comparison."""
TOLERANCE = 1e-4
"""Largest difference from torch's logits, as a share of their largest magnitude (measured: 4e-7 to 8e-7)."""


class PixelClassifier(nn.Module):
    """A classifier of pixels as they are decoded: the graph normalises them by itself."""

    def __init__(self, classifier: nn.Module, preset: Preset) -> None:
        """Take a classifier of normalised images, and how they are normalised."""
        super().__init__()
        self.classifier = classifier
        self.preset = preset

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """Return the logits (B, classes) of pixels (B, 3, S, S) uint8."""
        logits: torch.Tensor = self.classifier(self.preset.normalise(pixels))
        return logits


def to_onnx(network: nn.Module, example: torch.Tensor, *, names: Sequence[str]) -> bytes:
    """Return the graph of a network in evaluation mode, for batches of every size.

    `example` are two or more inputs, `names` those of input and output. Raises what torch raises.
    """
    with (
        tempfile.TemporaryDirectory() as folder,
        warnings.catch_warnings(),
        torch.no_grad(),
        _without_fused_attention(),
    ):
        path = Path(folder) / ONNX_FILE
        warnings.simplefilter("ignore")  # of its age, and of each shape that is the same for every batch
        torch.onnx.export(
            network,
            (example,),
            path,
            dynamo=False,
            opset_version=OPSET,
            input_names=[names[0]],
            output_names=[names[1]],
            dynamic_axes={name: {0: "images"} for name in names},
        )
        return path.read_bytes()


@contextmanager
def _without_fused_attention() -> Generator[None]:
    """Let frozen attention layers run as the operations that ONNX knows."""
    before = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(before)


def export_model(model_dir: Path, *, classifier: nn.Module, preset: Preset) -> dict[str, Any]:
    """Write model.onnx, which classifies pixels, and return what the model card says of it.

    A failure costs no model: the card then says why there is no such file.
    """
    started = time.monotonic()
    (model_dir / ONNX_FILE).unlink(missing_ok=True)  # of a model that was there before
    try:
        network = PixelClassifier(copy.deepcopy(classifier).cpu(), preset).eval()
        probes = make_probes(preset)
        graph = to_onnx(network, torch.from_numpy(probes[:2]), names=(PIXELS, LOGITS))
        difference = compare(graph, network, probes)
        with whole_or_not(model_dir / ONNX_FILE) as partial:
            partial.write_bytes(graph)
    except Exception as error:  # noqa: BLE001 - an exporter's failure must not cost the trained model
        logger.warning("no %s, torch will serve: %s: %s", ONNX_FILE, type(error).__name__, error)
        return {"failed": f"{type(error).__name__}: {error}"[:500]}
    return {
        "file": ONNX_FILE,
        "sha256": hashlib.sha256(graph).hexdigest(),
        "opset": OPSET,
        "difference": difference,
        "tolerance": TOLERANCE,
        "probes": PROBES,
        "seconds": round(time.monotonic() - started, 3),
    }


def make_probes(preset: Preset) -> npt.NDArray[np.uint8]:
    """Return images (PROBES, 3, S, S) that are the same on every day: noise, coarse to fine."""
    side, rng = preset.image_size, np.random.default_rng(0)
    images = []
    for number in range(PROBES):
        block = max(1, side >> (2 + number))
        coarse = rng.integers(0, 256, (3, side // block + 1, side // block + 1), dtype=np.uint8)
        images.append(coarse.repeat(block, axis=1).repeat(block, axis=2)[:, :side, :side])
    return np.stack(images)


def compare(graph: bytes, network: nn.Module, probes: npt.NDArray[np.uint8]) -> float:
    """Return the graph's largest difference from torch, as a share of the largest magnitude.

    Raises ModelError where that is more than TOLERANCE.
    """
    found = open_session(graph).run(None, {PIXELS: probes})[0]
    with torch.inference_mode():
        truth = network(torch.from_numpy(probes)).numpy()
    difference = float(np.abs(found - truth).max() / max(np.abs(truth).max(), 1e-12))
    if not difference <= TOLERANCE:
        raise ModelError(f"the graph differs from torch by {difference:.1e}, more than {TOLERANCE:.0e}")
    return difference
