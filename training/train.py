"""Train an image classifier on one or many hosts, and evaluate it on the test split.

    python train.py --data FOLDER --model_dir model --output_dir output
    torchrun --nproc_per_node 2 train.py --data FOLDER ...
    SageMaker script mode: hyper-parameters as options, SM_* variables as their defaults

Global rank 0 writes the model folder (model.safetensors, labels.json, model_card.json, code/) and the
output folder (history.json, evaluation.json). An error is one line on stderr, the same text in the
container's `failure` file, and exit code 1.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import torch

from imgclf.arguments import TrainConfig, parse_arguments
from imgclf.artifacts import ModelCard, code_hash, save_model, write_json
from imgclf.distributed import World, joined_world
from imgclf.jobs import Job, Phase, describe_backbone, finetuning_phase, first_phase, make_job
from imgclf.learning.checkpoint import Checkpoints, StopSignal, listened_for_stop
from imgclf.learning.evaluation import fit_temperature, judge, predict_split, summary
from imgclf.learning.fit import FitResult, fit
from imgclf.learning.metrics import metric_line
from imgclf.learning.sampling import ids_digest
from imgclf.networks.models import count_parameters
from imgclf.process import log_to_stdout, run_script

logger = logging.getLogger("train")


def train(config: TrainConfig, world: World) -> None:
    """Train, evaluate and save one model; every process of the job runs this."""
    job = make_job(config, world)
    with listened_for_stop() as stop:
        phase = first_phase(job)
        result = run_phase(job, phase, stop)
        history = [{"phase": phase.name, **entry} for entry in result.history]
        if config.finetune_epochs:
            before = {name: value.clone() for name, value in job.model.state_dict().items()}
            tuned = finetuning_phase(job)
            tuned_result = run_phase(job, tuned, stop)
            history += [{"phase": tuned.name, **entry} for entry in tuned_result.history]
            if tuned_result.best["valid_loss"] <= result.best["valid_loss"]:
                phase, result = tuned, tuned_result
            else:
                logger.info("fine-tuning did no better than the head alone: its weights are dropped")
                job.model.load_state_dict(before)
    hosts = world.gather(describe_host(phase, result, world))
    if world.is_main:
        numbers = {"best_valid_loss": result.best["valid_loss"]}
        numbers["best_valid_accuracy"] = result.best["valid_accuracy"]
        logger.info("%s epoch %s: %s", phase.name, result.best_epoch, metric_line(**numbers))
        record = {"epochs": history, "best_epoch": result.best_epoch, "best_phase": phase.name}
        record |= {"hosts": hosts, "bad_images": job.data.bad_images}
        write_json(config.output_dir / "history.json", record)
    if config.save_model:
        evaluate_and_save(job, phase, result, hosts=len(hosts))


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
    return fit(
        phase.model,
        phase.inputs,
        phase.recipe,
        job.world,
        classes=len(job.data.classes),
        vary=job.vary,
        keeper=keeper,
    )


def describe_host(phase: Phase, result: FitResult, world: World) -> dict[str, Any]:
    """Say which training images this process read: their number and a digest that adds up over hosts."""
    split = phase.inputs["train"].split
    digest = ids_digest(split.image_id(index) for index in result.trained_on.tolist())
    return {"host": world.host, "rank": world.rank, "images": len(result.trained_on), "digest": digest}


def evaluate_and_save(job: Job, phase: Phase, result: FitResult, *, hosts: int) -> None:
    """Score the test split, which nothing was chosen by; write evaluation.json and the model folder."""
    classes = job.data.classes
    valid, test = (
        predict_split(phase.model, phase.inputs[name], job.world, classes=len(classes))
        for name in ("valid", "test")
    )
    if not job.world.is_main:
        return
    evaluation = judge(test, temperature=fit_temperature(valid), classes=classes)
    write_json(job.config.output_dir / "evaluation.json", evaluation)
    line = metric_line(test_loss=evaluation["loss"], test_accuracy=evaluation["accuracy"])
    logger.info("test split: %s", line)
    card = ModelCard(
        architecture=job.config.architecture,
        image_size=job.config.image_size,
        classes=len(classes),
        parameters=count_parameters(job.model),
        hyperparameters=job.config.hyperparameters,
        data_hash=job.data.data_hash,
        code_hash=code_hash(),
        metrics=summary(evaluation, result.best),
        world_size=hosts,
        framework={"torch": torch.__version__},
        temperature=evaluation["temperature"],
        backbone=describe_backbone(job),
    )
    save_model(job.config.model_dir, model=job.model, classes=classes, card=card)
    logger.info("model saved in %s", job.config.model_dir)


def main(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run the job and return its exit code."""

    def work() -> None:
        config = parse_arguments(arguments, environ)
        with joined_world(environ, timeout_s=config.peer_timeout_s) as world:
            train(config, world)

    return run_script(work, environ)


if __name__ == "__main__":
    log_to_stdout()
    sys.exit(main(sys.argv[1:], os.environ))
