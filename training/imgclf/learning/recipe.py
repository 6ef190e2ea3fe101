"""Say how a model is trained: the values of one fit, and the pure rules that follow from them.

The batch size counts images over all processes, and a step's gradient is that of the mean over the whole
batch. So the learning rate belongs to the batch size alone, and stays as it is when hosts are added.
Whoever raises the batch size by k, to keep k hosts busy, raises learning_rate by sqrt(k) with AdamW.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from imgclf.errors import ConfigError

SCHEDULES = ("cosine", "step", "none")
CLASS_WEIGHTS = ("none", "balanced")
PRECISIONS = ("auto", "fp32", "bf16", "fp16")
STEP_EPOCHS, STEP_FACTOR = 5, 0.5
"""Schedule "step": every 5 epochs the learning rate is halved."""
_DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How one fit goes."""

    learning_rate: float
    batch_size: int
    """Images of one step over all processes together."""
    epochs: int
    seed: int
    weight_decay: float = 1e-4
    schedule: str = "cosine"
    warmup_epochs: float | None = None
    """Epochs in which the learning rate rises to its value; None: a tenth of all epochs."""
    label_smoothing: float = 0.0
    class_weights: str = "none"
    micro_batch_size: int = 32
    """Images that are computed, and by batch normalisation normalised, together. A step's batch consists of
    as few such parts as hold it, and they are dealt out to the processes. Smaller ones need less memory."""
    patience: int = 0
    """Epochs without a lower validation loss after which the fit ends; 0: never."""
    precision: str = "fp32"

    def rate(self, step: int, *, steps_per_epoch: int) -> float:
        """Return the learning rate of a step, counted from 0 over all epochs."""
        total = self.epochs * steps_per_epoch
        warmup_epochs = 0.1 * self.epochs if self.warmup_epochs is None else self.warmup_epochs
        warm_up = max(1, round(warmup_epochs * steps_per_epoch))
        if step < warm_up:
            return self.learning_rate * (step + 1) / warm_up
        if self.schedule == "cosine":
            done = (step - warm_up) / max(1, total - warm_up)
            return self.learning_rate * 0.5 * (1 + math.cos(math.pi * min(1.0, done)))
        if self.schedule == "step":
            return float(self.learning_rate * STEP_FACTOR ** (step // steps_per_epoch // STEP_EPOCHS))
        return self.learning_rate


def resolve_precision(precision: str, device: torch.device) -> str:
    """Return fp32, bf16 or fp16: "auto" is fp32 on a CPU, else bf16 where the GPU computes it, else fp16."""
    if precision == "auto":
        if device.type != "cuda":
            return "fp32"
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp16"
    if precision == "fp16" and device.type != "cuda":
        raise ConfigError("precision 'fp16' needs a GPU: use 'auto', 'fp32' or 'bf16' on a CPU")
    return precision


def dtype_of(precision: str) -> torch.dtype:
    """Return the torch type in which the model computes."""
    return _DTYPES[precision]


def balanced_weights(counts: torch.Tensor) -> torch.Tensor:
    """Return each class's weight: as if all classes (C,) had the same number of images.

    The weights' mean over the training images is 1, so that the loss keeps its scale.
    """
    present = counts > 0
    weights = torch.where(present, counts.sum() / (present.sum() * counts.clamp(min=1)), 0.0)
    return weights.float()
