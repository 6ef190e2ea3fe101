"""Write a fit's state to disk so that an interrupted job goes on where it was.

A checkpoint is one safetensors file: weights, best weights, the optimizer's moments and the random
generators' states as tensors; epoch, step, losses and history as JSON in the file's metadata. It is
written beside its place and renamed, so that a reader or an upload never sees half of one, and a full
disk leaves the last good one. SageMaker copies the folder to S3 while the job runs, and back before it
starts again. https://docs.aws.amazon.com/sagemaker/latest/dg/model-checkpoints.html
"""

from __future__ import annotations

import json
import logging
import os
import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from imgclf.distributed import World
from imgclf.errors import CheckpointError, StoppedError
from imgclf.learning.state import FitState

logger = logging.getLogger(__name__)

CHECKPOINT_FORMAT = 2
Tensors = dict[str, torch.Tensor]


@dataclass(kw_only=True)
class StopSignal:
    """Whether SIGTERM has come."""

    received: bool = False


@contextmanager
def listened_for_stop() -> Iterator[StopSignal]:
    """Note a first SIGTERM, which SageMaker sends 2 minutes before it ends a host; a second one kills."""
    stop = StopSignal()
    before = signal.getsignal(signal.SIGTERM)

    def note(*_: object) -> None:
        stop.received = True
        signal.signal(signal.SIGTERM, signal.SIG_DFL)

    signal.signal(signal.SIGTERM, note)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGTERM, before)


class Checkpoints:
    """Keep one fit's last checkpoint in a file, after each epoch and every few minutes."""

    def __init__(
        self, folder: Path | None, name: str, *, job: Mapping[str, Any], minutes: float, stop: StopSignal
    ) -> None:
        """Name the file (no folder: nothing is kept); `job` is what a checkpoint must have in common."""
        self._path = folder / f"{name}.safetensors" if folder else None
        self._job = json.loads(json.dumps({"format": CHECKPOINT_FORMAT, **job}))
        self._interval_s = 60 * minutes
        self._stop = stop
        self._saved_at = time.monotonic()

    def requests(self) -> tuple[bool, bool]:
        """Return whether SIGTERM has come, and whether the last checkpoint is too old."""
        return self._stop.received, time.monotonic() - self._saved_at >= self._interval_s

    def restore(self, state: FitState, world: World) -> None:
        """Put rank 0's checkpoint into the state of every process, where there is one.

        Raises CheckpointError when it is damaged or belongs to another job.
        """
        fields, tensors = self._read() if world.is_main and self._path else ({}, {})
        [fields, *_] = world.gather(fields)
        if not fields:
            return
        for name, (shape, kind) in fields.pop("tensors").items():
            mine = tensors.get(name, torch.empty(shape, dtype=getattr(torch, kind)))
            tensors[name] = world.broadcast(mine)
        try:
            _unpack(state, fields, tensors)
        except (KeyError, RuntimeError) as error:
            raise CheckpointError(
                f"checkpoint {self._path} lacks a part of the training ({error}): use another checkpoint_dir"
            ) from error
        logger.info("continued from epoch %s, step %s of %s", state.epoch, state.step, self._path)

    def save(self, state: FitState, world: World) -> None:
        """Write a checkpoint on rank 0; where the disk is full, say so and keep the last one."""
        self._saved_at = time.monotonic()
        if self._path is None or not world.is_main:
            return
        fields, tensors = _pack(state)
        if not all(bool(torch.isfinite(value).all()) for value in tensors.values()):
            logger.warning("weights are not finite after epoch %s, step %s: kept", state.epoch, state.step)
            return
        try:
            _write(self._path, tensors, {"job": json.dumps(self._job), "state": json.dumps(fields)})
        except (OSError, SafetensorError) as error:
            logger.warning(
                "checkpoint %s cannot be written (%s): the last one stays; give the job a larger volume",
                self._path,
                error,
            )

    def stop(self, state: FitState) -> None:
        """Raise StoppedError saying where the training ended and how it goes on."""
        where = f"SIGTERM ended the training in epoch {state.epoch} after step {state.step}"
        if self._path is None:
            raise StoppedError(f"{where}; there is no checkpoint_dir, so it cannot be continued")
        raise StoppedError(f"{where}; start the job again to continue from {self._path}")

    def _read(self) -> tuple[dict[str, Any], Tensors]:
        """Return the file's fields and tensors, or nothing when there is no file."""
        if self._path is None or not self._path.exists():
            return {}, {}
        try:
            with safe_open(self._path, framework="pt") as file:
                metadata = file.metadata() or {}
                job, fields = json.loads(metadata["job"]), json.loads(metadata["state"])
                self._check_job(job)
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
        except (OSError, SafetensorError, ValueError, KeyError) as error:
            raise CheckpointError(
                f"checkpoint {self._path} cannot be read ({error!r}): remove it to train from the start"
            ) from error
        fields["tensors"] = {
            name: (list(value.shape), str(value.dtype).removeprefix("torch."))
            for name, value in tensors.items()
        }
        return fields, tensors

    def _check_job(self, job: Mapping[str, Any]) -> None:
        """Raise CheckpointError naming what differs from this job."""
        names = sorted({*job, *self._job})
        different = [
            f"{name} {job.get(name)!r} there, {self._job.get(name)!r} here"
            for name in names
            if job.get(name) != self._job.get(name)
        ]
        if different:
            raise CheckpointError(
                f"checkpoint {self._path} belongs to another job ({'; '.join(different)}): "
                "use another checkpoint_dir, or the same settings; it is left as it is"
            )


def _pack(state: FitState) -> tuple[dict[str, Any], Tensors]:
    """Return the state's numbers for JSON and its tensors, on the CPU."""
    parts = {
        "model": state.model.state_dict(),
        "best": state.best_weights,
        "optimizer": state.optimizer.state_dict(),
        "random": {"cpu": torch.get_rng_state()},
    }
    if torch.cuda.is_available():
        parts["random"]["cuda"] = torch.cuda.get_rng_state()
    tensors = {
        f"{part}/{name}": value.detach().cpu().contiguous()
        for part, values in parts.items()
        for name, value in values.items()
    }
    fields = {
        "epoch": state.epoch,
        "step": state.step,
        "losses": state.losses,
        "history": state.history,
        "best_epoch": state.best_epoch,
        "best_loss": state.best_loss if state.best_epoch else None,
        "scaler": state.scaler.state_dict(),
    }
    return fields, tensors


def _unpack(state: FitState, fields: Mapping[str, Any], tensors: Tensors) -> None:
    """Put a checkpoint's numbers and tensors into the state."""

    def part(prefix: str) -> Tensors:
        return {
            name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)
        }

    state.model.load_state_dict(part("model/"))
    state.optimizer.load_state_dict(part("optimizer/"))
    state.best_weights = part("best/")
    for name in ("epoch", "step", "losses", "history", "best_epoch"):
        setattr(state, name, fields[name])
    if state.best_epoch:
        state.best_loss = fields["best_loss"]
    if state.scaler.is_enabled():
        state.scaler.load_state_dict(fields["scaler"])
    random = {name: value.cpu() for name, value in part("random/").items()}
    torch.set_rng_state(random["cpu"])
    if "cuda" in random and torch.cuda.is_available():
        torch.cuda.set_rng_state(random["cuda"])


def _write(path: Path, tensors: Tensors, metadata: dict[str, str]) -> None:
    """Write a file beside its place, bring it to the disk, and rename it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    try:
        save_file(tensors, partial, metadata={"format": "pt", **metadata})
        with partial.open("rb") as file:
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
