"""What every peer does with a body: nothing, or our decoder and a ResNet-18 by torch or by ONNX Runtime.

The variables PEER_WORK (noop, torch, onnx), PEER_MODEL (a folder as training leaves it) and PEER_THREADS
(of one forward pass) say which. Only servers differ between peers, neither decoders nor engines.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]
Predict = Callable[[Pixels], list[list[float]]]

NOTHING: Pixels = np.zeros((1, 1), np.uint8)
ANSWER = [0.0]
"""Of the model that computes nothing, for each image."""


class Work:
    """A decoder and an engine, loaded once in each process of a peer."""

    def __init__(self) -> None:
        """Load what PEER_WORK names."""
        kind = os.environ["PEER_WORK"]
        self._predict = PREDICTORS[kind](os.environ["PEER_MODEL"], int(os.environ["PEER_THREADS"]))
        self._preset: Any = None
        if kind != "noop":
            from imgclf.model_card import read_model_folder

            self._preset = read_model_folder(Path(os.environ["PEER_MODEL"])).preset

    def decode(self, body: bytes) -> Pixels:
        """Return the pixels (1, 3, S, S) of an image file."""
        pixels: Pixels = NOTHING if self._preset is None else self._preset.to_pixels(body)[np.newaxis]
        return pixels

    def predict(self, images: Sequence[Pixels]) -> list[list[float]]:
        """Return the logits of each image."""
        return self._predict(np.concatenate(images) if len(images) > 1 else images[0])

    def classify(self, body: bytes) -> list[list[float]]:
        """Decode and predict one image."""
        return self.predict([self.decode(body)])


def _load_noop(folder: str, threads: int) -> Predict:
    return lambda pixels: [ANSWER] * len(pixels)


def _load_torch(folder: str, threads: int) -> Predict:
    import torch

    from imgclf.artifacts import load_model
    from imgclf.model_card import read_model_folder

    torch.set_num_threads(threads)
    preset = read_model_folder(Path(folder)).preset
    classifier = load_model(Path(folder)).classifier.eval()

    def predict(pixels: Pixels) -> list[list[float]]:
        with torch.inference_mode():
            logits: list[list[float]] = classifier(preset.normalise(torch.from_numpy(pixels))).tolist()
        return logits

    return predict


def _load_onnx(folder: str, threads: int) -> Predict:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(
        Path(folder) / "model.onnx", options, providers=["CPUExecutionProvider"]
    )
    name = session.get_inputs()[0].name

    def predict(pixels: Pixels) -> list[list[float]]:
        logits: list[list[float]] = session.run(None, {name: pixels})[0].tolist()
        return logits

    return predict


PREDICTORS: dict[str, Callable[[str, int], Predict]] = {
    "noop": _load_noop,
    "torch": _load_torch,
    "onnx": _load_onnx,
}
