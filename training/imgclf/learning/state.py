"""What is fitted and how, where a fit stands, and what came out of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from imgclf.distributed import World
from imgclf.images.inputs import Inputs, Variation
from imgclf.learning.optimizer import AdamW
from imgclf.learning.recipe import Recipe

Vary = Callable[[int], Variation | None]
"""Return the random variation of an epoch's training images."""


@dataclass(kw_only=True)
class FitState:
    """The moving parts of a fit: all that a checkpoint must hold."""

    model: nn.Module
    optimizer: AdamW
    scaler: torch.amp.GradScaler
    """Keeps fp16 gradients in range; switched off for other precisions."""
    epoch: int = 1
    """The epoch in progress, from 1."""
    step: int = 0
    """Steps of it that are done."""
    losses: list[float] = field(default_factory=list)
    """Mean loss of each of these steps' whole batches."""
    history: list[dict[str, Any]] = field(default_factory=list)
    best_epoch: int = 0
    best_loss: float = math.inf
    best_weights: dict[str, torch.Tensor] = field(default_factory=dict)

    @property
    def waited_epochs(self) -> int:
        """Return the number of epochs since the best one."""
        return self.epoch - 1 - self.best_epoch


class Keeper(Protocol):
    """Who keeps checkpoints; see checkpoint.py."""

    def restore(self, state: FitState, world: World) -> None:
        """Put the last checkpoint into the state, where there is one."""
        ...

    def requests(self) -> tuple[bool, bool]:
        """Return whether this process is asked to stop, and whether a checkpoint is due."""
        ...

    def save(self, state: FitState, world: World) -> None:
        """Write a checkpoint; called by all processes at the same step."""
        ...

    def stop(self, state: FitState) -> None:
        """Raise StoppedError, after the checkpoint that a stop asked for."""
        ...


@dataclass(frozen=True, kw_only=True)
class Fit:
    """What is fitted, to what, and how."""

    model: nn.Module
    inputs: Mapping[str, Inputs]
    """Splits "train", which is learnt from, and "valid", which tells the best epoch."""
    recipe: Recipe
    world: World
    classes: int
    vary: Vary = lambda epoch: None
    keeper: Keeper | None = None


@dataclass(frozen=True, kw_only=True)
class FitResult:
    """What came out of a fit; the model holds the best epoch's weights."""

    history: list[dict[str, Any]]
    """One entry for each epoch: epoch, train_loss, valid_loss, valid_accuracy, step_losses, seconds
    (validation included) and train_seconds."""
    best_epoch: int
    stopped_early: bool
    trained_on: npt.NDArray[np.int64]
    """Indices of the training images that this process computed in the last epoch."""

    @property
    def best(self) -> dict[str, Any]:
        """Return the best epoch's entry."""
        return self.history[self.best_epoch - 1]
