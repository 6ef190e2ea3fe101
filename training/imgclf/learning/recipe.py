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
from imgclf.hyperparameters import Bounds, hyperparameter

SCHEDULES = ("cosine", "step", "none")
CLASS_WEIGHTS = ("none", "balanced")
PRECISIONS = ("auto", "fp32", "bf16", "fp16")
STEP_EPOCHS, STEP_FACTOR = 5, 0.5
"""Schedule "step": every 5 epochs the learning rate is halved."""
_DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How one fit goes."""

    learning_rate: float = hyperparameter(
        0.01, bounds=Bounds(above=0, most=1), help="Step size. Tuning finds a better value."
    )
    batch_size: int = hyperparameter(
        128,
        bounds=Bounds(least=1, most=4096),
        help="Images of one step, over all instances together. Tuning finds a better value.",
    )
    epochs: int = hyperparameter(
        10, bounds=Bounds(least=1, most=1000), is_tunable=False, help="Passes over the data."
    )
    seed: int = hyperparameter(
        1, bounds=Bounds(least=0, most=2**31), is_tunable=False, help="Seed of everything that is random."
    )
    weight_decay: float = hyperparameter(
        1e-4, bounds=Bounds(least=0, most=1), help="AdamW's pull of the weights towards zero."
    )
    schedule: str = hyperparameter(
        "cosine",
        choices=SCHEDULES,
        help="How the learning rate falls: along a cosine, by half every 5 epochs, or not.",
    )
    warmup_share: float = hyperparameter(
        0.1,
        bounds=Bounds(least=0, most=1),
        help="Share of all steps in which the learning rate rises to its value.",
    )
    label_smoothing: float = hyperparameter(
        0.0, bounds=Bounds(least=0, most=0.5), help="Share of each label that is spread over all classes."
    )
    class_weights: str = hyperparameter(
        "none",
        choices=CLASS_WEIGHTS,
        help="`balanced` lets rare classes count as much as frequent ones.",
    )
    micro_batch_size: int = hyperparameter(
        32,
        bounds=Bounds(least=1, most=4096),
        is_tunable=False,
        help="Images that are computed, and by batch normalisation normalised, together. A batch consists of "
        "such parts, dealt out to the instances; smaller ones need less memory.",
    )
    patience: int = hyperparameter(
        0,
        bounds=Bounds(least=0, most=1000),
        help="Epochs without a lower validation loss after which training ends; 0: never.",
    )
    precision: str = hyperparameter(
        "auto",
        choices=PRECISIONS,
        is_tunable=False,
        help="`auto` computes in half precision on a GPU, in full precision on a CPU.",
    )

    def rate(self, step: int, *, steps_per_epoch: int) -> float:
        """Return the learning rate of a step, counted from 0 over all epochs."""
        total = self.epochs * steps_per_epoch
        warm_up = max(1, round(self.warmup_share * total))
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
