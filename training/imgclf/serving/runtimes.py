"""What computes a served model: ONNX Runtime, which needs no torch; else torch, which is also for GPUs.

torch takes seconds to import and a few hundred MB of memory. So nothing that a server imports imports it, but
TorchRuntime where that is chosen.
"""

from __future__ import annotations

import hashlib
import importlib.util
import logging
import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from imgclf.errors import ConfigError, ModelError
from imgclf.model_card import ModelFolder, read_model_folder
from imgclf.onnx_session import open_session
from imgclf.serving.seats import VARIABLE as PROCESSES_VARIABLE
from imgclf.serving.seats import count_processes

logger = logging.getLogger(__name__)

Pixels = npt.NDArray[np.uint8]
"""Of one image or a batch: (B, 3, S, S)."""
Logits = npt.NDArray[np.float32]
"""(B, classes)."""

VARIABLE, STREAMS_VARIABLE = "MUSHER_SERVE_RUNTIME", "MUSHER_SERVE_STREAMS"
AUTO, ONNX, TORCH = "auto", "onnxruntime", "torch"
GPUS = Path("/proc/driver/nvidia/gpus")
"""The driver's list: asking it takes no torch."""
PIECE_BYTES = 2**20


class Runtime(Protocol):
    """Something that computes logits."""

    name: str
    streams: int
    """Threads that should decode and predict at once."""

    def predict(self, pixels: Pixels) -> Logits:
        """Return the logits of pixels; as many threads as there are streams may call this at once."""
        ...


@dataclass(frozen=True, kw_only=True)
class ServedModel:
    """A model that is ready to predict."""

    folder: ModelFolder
    runtime: Runtime


def load_served_model(model_dir: Path, environ: Mapping[str, str]) -> ServedModel:
    """Load a model folder with the runtime that MUSHER_SERVE_RUNTIME names, or the best one here (auto).

    Raises ModelError for a folder that is missing, damaged, pickled or contradicts itself, ConfigError for a
    runtime that cannot be had or a number of streams or processes that is none. No pickle is ever loaded.
    """
    processes = count_processes(environ)
    streams = max(1, count_streams(environ) // processes)
    folder = read_model_folder(model_dir)
    wanted = environ.get(VARIABLE) or AUTO
    if wanted not in (AUTO, *RUNTIMES):
        raise ConfigError(f"{VARIABLE} {wanted!r} is unknown: set {AUTO}, {', '.join(RUNTIMES)}")
    obstacle = find_obstacle(folder)
    if wanted == ONNX and obstacle:
        raise ConfigError(f"{VARIABLE} is {ONNX}, but {obstacle}: set {AUTO}")
    if wanted == AUTO and obstacle:
        logger.warning("computing by %s, which is slower: %s", TORCH, obstacle)
    if wanted == AUTO:
        wanted = TORCH if obstacle or has_gpu() else ONNX
    return ServedModel(folder=folder, runtime=RUNTIMES[wanted](folder, streams, processes))


def count_streams(environ: Mapping[str, str]) -> int:
    """Return the streams that MUSHER_SERVE_STREAMS asks for: by default one for each processor."""
    processors = len(os.sched_getaffinity(0))
    wanted = environ.get(STREAMS_VARIABLE) or str(processors)
    if not wanted.isdecimal() or not 1 <= int(wanted) <= processors:
        raise ConfigError(f"{STREAMS_VARIABLE} {wanted!r} is not possible: set 1 to {processors}, or nothing")
    return int(wanted)


def find_obstacle(folder: ModelFolder) -> str | None:
    """Return why ONNX Runtime cannot serve this model, None where it can."""
    facts = folder.card.get("onnx") or {}
    if "file" not in facts:
        return f"the model has no ONNX file ({facts.get('failed', 'none was exported')})"
    return None if importlib.util.find_spec(ONNX) else f"{ONNX} is not installed"


def has_gpu() -> bool:
    """Return whether the machine has an NVIDIA GPU, which torch alone computes on."""
    return GPUS.is_dir() and any(GPUS.iterdir())


class OnnxRuntime:
    """Compute on the CPU from model.onnx, or from the int8 file where training made one.

    The file's hash is the model card's.
    """

    def __init__(self, folder: ModelFolder, streams: int, processes: int = 1) -> None:
        """Read the graph; raise ModelError where it is missing, damaged or another one.

        The streams of all processes share the processors. One stream for each processor gives the most
        answers, as no thread waits for another; a lone image is then computed by one processor.
        """
        int8 = folder.card.get("int8") or {}
        is_int8 = "file" in int8
        self.name = f"{ONNX} in int8" if is_int8 else ONNX
        self.streams = streams
        facts = int8 if is_int8 else folder.card["onnx"]
        path = folder.path / Path(str(facts["file"])).name
        if file_hash(path) != facts.get("sha256"):
            raise ModelError(f"{path} is not the file that the model card describes: train the model again")
        threads = max(1, len(os.sched_getaffinity(0)) // (streams * processes))
        try:
            self._session = open_session(path, threads=threads)
        except Exception as error:  # its exceptions have no class of their own
            raise ModelError(f"{path} is no graph that {ONNX} can run: {str(error)[:300]}") from error
        self._input = self._session.get_inputs()[0].name

    def predict(self, pixels: Pixels) -> Logits:
        """Return the logits of pixels."""
        logits: Logits = self._session.run(None, {self._input: pixels})[0]
        return logits


class TorchRuntime:
    """Compute by torch from model.safetensors, on a GPU where there is one."""

    name = TORCH

    def __init__(self, folder: ModelFolder, streams: int, processes: int = 1) -> None:
        """Load torch and the weights; raise ModelError as imgclf.artifacts.load_model does.

        One forward pass has the whole device; the other streams decode meanwhile. Raises ConfigError for
        several processes, which would load as many copies of it.
        """
        if processes > 1:
            raise ConfigError(f"{PROCESSES_VARIABLE} is {processes}, but {TORCH} takes one process: set 1")
        import torch

        from imgclf.artifacts import load_model

        self._device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self._preset = folder.preset
        self._classifier = load_model(folder.path).classifier.to(self._device)
        self._turn = threading.Lock()
        self.streams = max(2, streams)

    def predict(self, pixels: Pixels) -> Logits:
        """Return the logits of pixels."""
        import torch

        with self._turn, torch.inference_mode():
            images = self._preset.normalise(torch.from_numpy(pixels).to(self._device))
            logits: Logits = self._classifier(images).float().cpu().numpy()
        return logits


RUNTIMES: dict[str, Callable[[ModelFolder, int, int], Runtime]] = {ONNX: OnnxRuntime, TORCH: TorchRuntime}


def file_hash(path: Path) -> str:
    """Return a file's hash, read piece by piece; raise ModelError where it is missing."""
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while piece := file.read(PIECE_BYTES):
                digest.update(piece)
    except (OSError, ValueError) as error:  # the latter for a NUL in the name
        raise ModelError(f"{path} cannot be read ({error}): train the model again") from error
    return digest.hexdigest()
