"""Fit a model: the one training loop of train.py and of search.py's trials.

    result = run_fit(Fit(model=model, inputs=inputs, recipe=recipe, world=world, classes=133))

`model` is whatever learns: a whole classifier on images, or a head on a frozen backbone's features.
At the end it holds the weights of its best epoch. Steps and losses are the same for any number of
processes, and a fit that is continued from a checkpoint ends as one that was never interrupted.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any

import numpy as np
import torch

from imgclf.distributed import World
from imgclf.errors import DivergedError
from imgclf.images.inputs import Indices
from imgclf.learning.evaluation import Score, evaluate
from imgclf.learning.metrics import metric_line
from imgclf.learning.optimizer import AdamW
from imgclf.learning.progress import Progress
from imgclf.learning.recipe import Recipe, resolve_precision
from imgclf.learning.sampling import epoch_steps, own_parts
from imgclf.learning.state import Fit, FitResult, FitState
from imgclf.learning.steps import Stepper

logger = logging.getLogger(__name__)

GPU_CHECK_STEPS = 20
"""Steps between two looks at the losses on a GPU, which each look makes wait; on a CPU it is 1."""


def run_fit(fit: Fit) -> FitResult:
    """Train on the training split, epoch by epoch; keep what does best on the validation split.

    Raises DivergedError, naming step or epoch, when a loss is no number any more, and StoppedError where
    the keeper was asked to stop.
    """
    recipe = replace(fit.recipe, precision=resolve_precision(fit.recipe.precision, fit.world.device))
    fit = replace(fit, recipe=recipe)
    state = _start(fit)
    with Stepper(fit, state) as stepper:
        for epoch in range(state.epoch, recipe.epochs + 1):
            if 0 < recipe.patience <= state.waited_epochs:
                break
            started = time.monotonic()
            train_one_epoch(stepper)
            trained = time.monotonic()
            score = evaluate(fit.model, fit.inputs["valid"], fit.world)
            _check_score(score, epoch, recipe)
            seconds, train_seconds = time.monotonic() - started, trained - started
            _finish_epoch(state, score, seconds=seconds, train_seconds=train_seconds)
            report_epoch(state.history[-1], fit.world)
            if fit.keeper:
                fit.keeper.save(state, fit.world)
    fit.model.load_state_dict(state.best_weights)
    return FitResult(
        history=state.history,
        best_epoch=state.best_epoch,
        stopped_early=len(state.history) < recipe.epochs,
        trained_on=_trained_on(fit, epoch=len(state.history)),
    )


def _start(fit: Fit) -> FitState:
    """Return the state before the first step, or where the last checkpoint left it."""
    optimizer = AdamW(fit.model.named_parameters(), weight_decay=fit.recipe.weight_decay)
    scaler = torch.amp.GradScaler(fit.world.device.type, enabled=fit.recipe.precision == "fp16")
    state = FitState(model=fit.model, optimizer=optimizer, scaler=scaler)
    for value in fit.model.state_dict().values():  # hosts with other processors may round otherwise
        value.copy_(fit.world.broadcast(value))
    if fit.keeper:
        fit.keeper.restore(state, fit.world)
    return state


def train_one_epoch(stepper: Stepper) -> None:
    """Take each step of the epoch that is not yet done."""
    fit, state = stepper.fit, stepper.state
    batches, shares = _plan_epoch(fit, state.epoch)
    sizes = [len(batch) for batch in batches]
    progress = Progress(fit.world, epoch=state.epoch, sizes=sizes, done=state.step)
    check_steps = GPU_CHECK_STEPS if fit.world.device.type == "cuda" else 1
    parts = stepper.labelled_parts(shares[state.step :])
    recent: list[torch.Tensor] = []
    fit.model.train()
    for size, share in list(zip(sizes, shares, strict=True))[state.step :]:
        recent.append(stepper.take_step(islice(parts, len(share)), parts=len(share), batch_images=size))
        state.step += 1
        is_last = state.step == len(batches)
        if state.step % check_steps == 0 or is_last:
            _share_losses(fit, state, recent, is_last=is_last)
            recent.clear()
            progress.report(state.step, state.losses[-1])


def report_epoch(entry: Mapping[str, Any], world: World) -> None:
    """Log an epoch's metrics, which SageMaker's regexes read, on the main process."""
    if world.is_main:
        line = metric_line(**{name: entry[name] for name in ("train_loss", "valid_loss", "valid_accuracy")})
        logger.info("epoch %s: %s (%.1f s)", entry["epoch"], line, entry["seconds"])


def _plan_epoch(fit: Fit, epoch: int) -> tuple[list[Indices], list[list[Indices]]]:
    """Return each step's batch over all processes, and this process's parts of it."""
    split, recipe = fit.inputs["train"].split, fit.recipe
    batches = epoch_steps(total=split.total, batch_size=recipe.batch_size, seed=recipe.seed, epoch=epoch)
    return batches, own_parts(batches, split, size=recipe.micro_batch_size, world=fit.world)


def _share_losses(fit: Fit, state: FitState, recent: Sequence[torch.Tensor], *, is_last: bool) -> None:
    """Sum the last steps' losses over all processes, and do together what one of them was asked for."""
    stop, due = fit.keeper.requests() if fit.keeper else (False, False)
    numbers = torch.stack(list(recent)).double()
    flags = torch.tensor([stop, due], dtype=torch.float64, device=numbers.device)
    *losses, stops, dues = fit.world.sum(torch.cat([numbers, flags])).tolist()
    _check_losses(losses, state, fit.recipe)
    state.losses.extend(losses)
    if fit.keeper and (stops or (dues and not is_last)):
        fit.keeper.save(state, fit.world)
    if fit.keeper and stops:
        fit.keeper.stop(state)


def _check_losses(losses: Sequence[float], state: FitState, recipe: Recipe) -> None:
    """Stop a fit whose loss is no number any more: it would only burn money."""
    for step, loss in enumerate(losses, start=state.step - len(losses) + 1):
        if not math.isfinite(loss):
            raise DivergedError(
                f"the loss is {loss} at step {step} of epoch {state.epoch}: "
                f"lower learning_rate {recipe.learning_rate}"
            )


def _check_score(score: Score, epoch: int, recipe: Recipe) -> None:
    """Stop a fit whose last step broke the weights: its own loss was computed before it."""
    if not math.isfinite(score.loss):
        raise DivergedError(
            f"the validation loss is {score.loss} after epoch {epoch}: "
            f"lower learning_rate {recipe.learning_rate}"
        )


def _finish_epoch(state: FitState, score: Score, *, seconds: float, train_seconds: float) -> None:
    """Add the epoch to the history, keep its weights if they are the best, and go to the next one."""
    if score.loss < state.best_loss or not state.best_epoch:
        state.best_epoch, state.best_loss = state.epoch, score.loss
        state.best_weights = {name: value.clone() for name, value in state.model.state_dict().items()}
    entry = {
        "epoch": state.epoch,
        "train_loss": sum(state.losses) / len(state.losses),
        "valid_loss": score.loss,
        "valid_accuracy": score.accuracy,
        "step_losses": state.losses,
        "seconds": round(seconds, 3),
        "train_seconds": round(train_seconds, 3),
    }
    state.history.append(entry)
    state.epoch, state.step, state.losses = state.epoch + 1, 0, []


def _trained_on(fit: Fit, *, epoch: int) -> Indices:
    """Return the indices of the training images that this process computed in an epoch."""
    _, shares = _plan_epoch(fit, epoch)
    parts = [part for share in shares for part in share]
    return np.sort(np.concatenate([np.empty(0, dtype=np.int64), *parts]))
