"""Train an image classifier on one or many hosts, and evaluate it on the test split.

    python train.py --data FOLDER --model_dir model --output_dir output
    torchrun --nproc_per_node 2 train.py --data FOLDER ...
    SageMaker script mode: hyper-parameters as options, SM_* variables as their defaults

Global rank 0 writes the model folder (model.safetensors, model.onnx, perhaps model.int8.onnx, labels.json,
model_card.json, code/) and the output folder (history.json, evaluation.json). An error is one line on stderr,
the same text in the container's `failure` file, and exit code 1 (imgclf/process.py).
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from imgclf.arguments import TrainConfig, parse_arguments
from imgclf.artifacts import code_hash, save_model, write_json
from imgclf.distributed import World, joined_world
from imgclf.int8 import export_int8
from imgclf.jobs import Job, Phase, describe_backbone, make_job, phases
from imgclf.learning.checkpoint import Checkpoints, StopSignal, listened_for_stop
from imgclf.learning.evaluation import Predictions, fit_temperature, judge, predict_split, summary
from imgclf.learning.fit import run_fit
from imgclf.learning.metrics import metric_line
from imgclf.learning.sampling import ids_digest
from imgclf.learning.state import Fit, FitResult
from imgclf.model_card import ModelCard
from imgclf.networks.models import count_parameters
from imgclf.onnx_export import export_model
from imgclf.process import leave, log_to_stdout, run_script

logger = logging.getLogger("train")


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a phase came to."""

    phase: Phase
    result: FitResult
    weights: dict[str, torch.Tensor]
    """The whole model's, after the phase."""

    @property
    def loss(self) -> float:
        """Return the lowest validation loss of its epochs."""
        return float(self.result.best["valid_loss"])


def train(config: TrainConfig, world: World) -> None:
    """Train, evaluate and save one model; every process of the job runs this."""
    job = make_job(config, world)
    outcomes = []
    with listened_for_stop() as stop:
        for phase in phases(job):
            result = run_phase(job, phase, stop)
            weights = {name: value.clone() for name, value in job.model.state_dict().items()}
            outcomes.append(Outcome(phase=phase, result=result, weights=weights))
    best = choose_outcome(outcomes)
    job.model.load_state_dict(best.weights)
    hosts = world.gather(describe_host(best, world))
    if world.is_main:
        report(job, outcomes, best, hosts=hosts)
    if config.save_model:
        evaluate_and_save(job, best, hosts=len(hosts))


def run_phase(job: Job, phase: Phase, stop: StopSignal) -> FitResult:
    """Fit a phase's part of the model, from its checkpoint where there is one."""
    config = job.config
    keeper = Checkpoints(
        config.checkpoint_dir,
        phase.name,
        job=job.identity(),
        minutes=config.checkpoint_minutes,
        stop=stop,
    )
    return run_fit(
        Fit(
            model=phase.model,
            inputs=phase.inputs,
            recipe=phase.recipe,
            world=job.world,
            classes=len(job.data.classes),
            vary=job.vary,
            keeper=keeper,
        )
    )


def choose_outcome(outcomes: Sequence[Outcome]) -> Outcome:
    """Return the phase with the lowest validation loss; of equal ones the later."""
    best = min(reversed(outcomes), key=lambda outcome: outcome.loss)
    if best is not outcomes[-1]:
        logger.info("fine-tuning did no better than the head alone: its weights are dropped")
    return best


def report(job: Job, outcomes: Sequence[Outcome], best: Outcome, *, hosts: list[Any]) -> None:
    """Log the best epoch's metrics, and write history.json."""
    entry = best.result.best
    line = metric_line(best_valid_loss=entry["valid_loss"], best_valid_accuracy=entry["valid_accuracy"])
    logger.info("%s epoch %s: %s", best.phase.name, best.result.best_epoch, line)
    history = {
        "epochs": [{"phase": one.phase.name, **entry} for one in outcomes for entry in one.result.history],
        "best_epoch": best.result.best_epoch,
        "best_phase": best.phase.name,
        "hosts": hosts,
        "bad_images": job.data.bad_images,
    }
    write_json(job.config.output_dir / "history.json", history)


def describe_host(outcome: Outcome, world: World) -> dict[str, Any]:
    """Say what this process trained on in the last epoch: a count and a digest that add up over hosts."""
    split, indices = outcome.phase.inputs["train"].split, outcome.result.trained_on
    digest = ids_digest(split.image_id(index) for index in indices.tolist())
    return {"host": world.host, "rank": world.rank, "images": len(indices), "digest": digest}


def evaluate_and_save(job: Job, best: Outcome, *, hosts: int) -> None:
    """Score the test split, which nothing was chosen by; write evaluation.json and the model folder."""
    classes = job.data.classes
    valid, test = (
        predict_split(best.phase.model, best.phase.inputs[name], job.world, classes=len(classes))
        for name in ("valid", "test")
    )
    if not job.world.is_main:
        job.world.wait_for_main()
        return
    with job.world.working_alone() as tell:
        write_model(job, best, valid=valid, test=test, hosts=hosts, tell=tell)


def write_model(
    job: Job,
    best: Outcome,
    *,
    valid: Predictions,
    test: Predictions,
    hosts: int,
    tell: Callable[[], None],
) -> None:
    """Write evaluation.json and the model folder; `tell` keeps the other processes waiting."""
    classes = job.data.classes
    evaluation = judge(test, temperature=fit_temperature(valid), classes=classes)
    write_json(job.config.output_dir / "evaluation.json", evaluation)
    line = metric_line(test_loss=evaluation["loss"], test_accuracy=evaluation["accuracy"])
    logger.info("test split: %s", line)
    model_dir = job.config.model_dir
    onnx = export_model(model_dir, classifier=job.model, preset=job.preset)
    card = ModelCard(
        architecture=job.config.architecture,
        image_size=job.config.image_size,
        classes=len(classes),
        parameters=count_parameters(job.model),
        hyperparameters=job.config.hyperparameters,
        data_hash=job.data.data_hash,
        code_hash=code_hash(),
        metrics=summary(evaluation, best.result.best),
        world_size=hosts,
        framework={"torch": torch.__version__},
        preset=job.preset,
        temperature=evaluation["temperature"],
        backbone=describe_backbone(job),
        onnx=onnx,
        int8=export_int8(model_dir, onnx=onnx, data=job.int8_images, preset=job.preset, tell=tell),
    )
    save_model(model_dir, model=job.model, classes=classes, card=card)
    logger.info("model saved in %s", model_dir)


def main(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run the job and return its exit code."""

    def work() -> None:
        config = parse_arguments(arguments, environ)
        with joined_world(environ, timeout_s=config.peer_timeout_s) as world:
            train(config, world)

    return run_script(work, environ)


if __name__ == "__main__":
    log_to_stdout()
    leave(main(sys.argv[1:], os.environ))
