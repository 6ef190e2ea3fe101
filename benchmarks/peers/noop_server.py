"""Our own serve.py around a model that computes nothing and needs no pixels."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import serve

from benchmarks.peers.work import ANSWER, NOTHING, Pixels
from imgclf.model_card import ModelFolder
from imgclf.presets import photo_preset
from imgclf.process import leave
from imgclf.serving import model_functions
from imgclf.serving.logs import log_json_to_stdout
from imgclf.serving.runtimes import Logits, ServedModel


class NoOp:
    """Answer at once."""

    name = "noop"
    streams = 1

    def predict(self, pixels: Pixels) -> Logits:
        """Return one number for each image."""
        return np.tile(np.array(ANSWER, np.float32), (len(pixels), 1))


def load(folder: Path) -> ServedModel:
    """Return a model that computes nothing, in place of a folder's."""
    model_functions.decode_image = lambda data: NOTHING
    card = ModelFolder(path=folder, card={}, classes=["0"], preset=photo_preset(224, resize=256))
    return ServedModel(folder=card, runtime=NoOp())


def main() -> None:
    """Serve until SIGTERM."""
    log_json_to_stdout()
    leave(serve.serve(load, "nothing", os.environ))


if __name__ == "__main__":
    main()
