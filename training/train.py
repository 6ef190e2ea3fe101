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
import math
import os
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from imgclf.arguments import TrainConfig, parse_arguments
from imgclf.artifacts import ModelCard, code_hash, save_model, write_json
from imgclf.data import SPLITS, Dataset, load_dataset
from imgclf.distributed import World, joined_world
from imgclf.errors import ConfigError, DivergedError, ImgclfError
from imgclf.inputs import Indices, Inputs, PixelInputs, Variation, compute_features
from imgclf.metrics import Counter, Evaluation, metric_line
from imgclf.models import Classifier, build_model, count_parameters, load_backbone
from imgclf.presets import Preset, preset_for
from imgclf.sampling import epoch_steps, ids_digest, owned_indices

logger = logging.getLogger("train")

WEIGHT_DECAY = 1e-4
ADAM_EPSILON = 1e-6
"""Above torch's 1e-8, where a gradient that is all rounding error still takes a full step."""
WARM_UP_SHARE = 0.1
"""Share of all steps in which the learning rate rises to its value; then it falls along a cosine."""
EVALUATION_BATCH = 128
CHECK_EVERY = 50
"""Steps between two looks at the loss while an epoch runs."""
DECODE_MARGIN = 2
"""Decoding threads per computing thread: they also wait for the disk."""


@dataclass(frozen=True)
class Job:
    """What one process of a training job works with."""

    config: TrainConfig
    world: World
    data: Dataset
    preset: Preset
    model: Classifier
    inputs: dict[str, Inputs]
    read: set[int] = field(default_factory=set)
    """Indices of the training images that this process has trained on."""

    @property
    def trained(self) -> nn.Module:
        """Return the part of the model that learns: all of it, or its head."""
        return self.model.head if self.config.freeze_backbone else self.model


def train(config: TrainConfig, world: World) -> None:
    """Train, evaluate and save one model; every process of the job runs this."""
    job = make_job(config, world)
    network = distribute(job.trained, world)
    optimizer, schedule = make_optimizer(job)

    history: list[dict[str, Any]] = []
    best = Best(job.trained)
    for epoch in range(1, config.epochs + 1):
        started = time.monotonic()
        losses = train_one_epoch(job, network, optimizer, schedule, epoch)
        valid = evaluate(job, "valid")
        best.consider(epoch, valid)
        history.append(report(job, epoch, losses, valid, seconds=time.monotonic() - started))

    best.restore()
    test = evaluate(job, "test")
    hosts = world.gather(describe_host(job))
    if world.is_main:
        logger.info(
            "best epoch %s: %s", best.epoch, metric_line(test_loss=test.loss, test_accuracy=test.accuracy)
        )
        save(job, best, test, history, hosts)


def make_job(config: TrainConfig, world: World) -> Job:
    """Find the data and build the model; everything that can be refused is refused here."""
    data = load_dataset(config.channels, world)
    check_batch_size(config, data, world)
    preset = preset_for(architecture=config.architecture, image_size=config.image_size)
    model = make_model(config, len(data.classes), world)
    return Job(config, world, data, preset, model, make_inputs(config, data, preset, model, world))


def check_batch_size(config: TrainConfig, data: Dataset, world: World) -> None:
    """Refuse a batch that the data cannot fill, or that leaves processes without work."""
    images = data.splits["train"].total
    if config.batch_size > images:
        raise ConfigError(
            f"batch_size {config.batch_size} is larger than the {images} training images: lower it"
        )
    if config.batch_size < world.size:
        raise ConfigError(
            f"batch_size {config.batch_size} is smaller than the {world.size} processes: raise it"
        )


def make_model(config: TrainConfig, classes: int, world: World) -> Classifier:
    """Build the model with the seed's initial weights, or the weights channel's."""
    torch.manual_seed(config.seed)
    model = build_model(
        architecture=config.architecture, classes=classes, freeze_backbone=config.freeze_backbone
    )
    if config.channels.weights is not None:
        load_backbone(model, config.channels.weights)
    elif config.freeze_backbone:
        logger.warning(
            "the frozen backbone has random weights: add a 'weights' channel with pre-trained ones"
        )
    return model.to(world.device)


def make_inputs(
    config: TrainConfig, data: Dataset, preset: Preset, model: Classifier, world: World
) -> dict[str, Inputs]:
    """Return each split's inputs: images, or what a frozen backbone makes of them."""
    threads = DECODE_MARGIN * torch.get_num_threads()
    pixels = {
        name: PixelInputs(data.splits[name], preset, device=world.device, threads=threads) for name in SPLITS
    }
    if not config.freeze_backbone:
        return dict(pixels)
    return {name: compute_features(model.backbone, pixels[name], device=world.device) for name in SPLITS}


def distribute(model: nn.Module, world: World) -> nn.Module:
    """Wrap the model so that gradients are averaged over the processes."""
    if world.size == 1:
        return model
    has_batch_norm = any(isinstance(module, nn.BatchNorm2d) for module in model.modules())
    if world.device.type == "cuda":
        model = nn.SyncBatchNorm.convert_sync_batchnorm(model)  # type: ignore[no-untyped-call]
        return DistributedDataParallel(model, device_ids=[world.device.index])
    if has_batch_norm:
        logger.warning(
            "batch normalisation uses each CPU host's own part of the batch: use GPUs for exact results"
        )
    return DistributedDataParallel(model)


def make_optimizer(job: Job) -> tuple[torch.optim.Optimizer, torch.optim.lr_scheduler.LRScheduler]:
    """Return AdamW, and its learning rate's rise and fall over the job."""
    total = job.config.epochs * math.ceil(job.data.splits["train"].total / job.config.batch_size)
    warm_up = max(1, round(WARM_UP_SHARE * total))

    def factor(step: int) -> float:
        if step < warm_up:
            return (step + 1) / warm_up
        return 0.5 * (1 + math.cos(math.pi * (step - warm_up) / max(1, total - warm_up)))

    optimizer = torch.optim.AdamW(
        job.trained.parameters(), lr=job.config.learning_rate, weight_decay=WEIGHT_DECAY, eps=ADAM_EPSILON
    )
    return optimizer, torch.optim.lr_scheduler.LambdaLR(optimizer, factor)


def train_one_epoch(
    job: Job,
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
    schedule: torch.optim.lr_scheduler.LRScheduler,
    epoch: int,
) -> list[float]:
    """Take each step of an epoch once; return the mean loss of each step's whole batch.

    DistributedDataParallel averages gradients over processes, whatever their share of the batch. So each
    one's summed loss is divided by a fair share, batch / processes: the average is then the gradient of
    the mean over the whole batch.
    """
    network.train()
    split, config = job.inputs["train"].split, job.config
    batches = epoch_steps(total=split.total, batch_size=config.batch_size, seed=config.seed, epoch=epoch)
    owned = owned_indices(batches, positions=split.positions, total=split.total)
    variation = Variation(job.preset, total=split.total, seed=config.seed, epoch=epoch)
    losses = torch.zeros(len(batches), dtype=torch.float64, device=job.world.device)
    for step, images in enumerate(job.inputs["train"].batches(owned, variation=variation)):
        labels = torch.from_numpy(split.labels[owned[step]]).to(job.world.device)
        optimizer.zero_grad(set_to_none=True)
        loss = summed_loss(network, images, labels)
        (loss * job.world.size / len(batches[step])).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
        losses[step] = loss.detach() / len(batches[step])
        job.read.update(owned[step].tolist())
        if step % CHECK_EVERY == CHECK_EVERY - 1:
            check_finite(losses[: step + 1], config, epoch)
            logger.info("epoch %s: step %s of %s", epoch, step + 1, len(batches))
    losses = job.world.sum(losses)
    check_finite(losses, config, epoch)
    return [float(loss) for loss in losses]


def summed_loss(network: nn.Module, images: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Return the sum of the images' losses; without images a zero that still has gradients to average."""
    if len(labels):
        return nn.functional.cross_entropy(network(images), labels, reduction="sum")
    blank: torch.Tensor = network(images.new_zeros(1, *images.shape[1:]))
    return blank.sum() * 0


def check_finite(losses: torch.Tensor, config: TrainConfig, epoch: int) -> None:
    """Stop a job whose loss is no number any more: it would only burn money."""
    if not bool(torch.isfinite(losses).all()):
        raise DivergedError(
            f"the loss is not finite in epoch {epoch}: lower learning_rate {config.learning_rate}"
        )


@torch.inference_mode()
def evaluate(job: Job, split: str) -> Evaluation:
    """Score a split: each process its own images, summed over all."""
    job.trained.eval()
    inputs = job.inputs[split]
    owned = np.arange(len(inputs.split.members))
    steps: list[Indices] = [
        owned[start : start + EVALUATION_BATCH] for start in range(0, len(owned), EVALUATION_BATCH)
    ]
    counter = Counter(len(job.data.classes), job.world.device)
    for indices, images in zip(steps, inputs.batches(steps), strict=True):
        labels = torch.from_numpy(inputs.split.labels[indices]).to(job.world.device)
        counter.add(job.trained(images), labels)
    return counter.evaluation(job.world)


class Best:
    """Remember the weights of the epoch that did best on the validation split."""

    def __init__(self, model: nn.Module) -> None:
        """Watch a model; nothing is remembered yet."""
        self._model = model
        self._state: dict[str, torch.Tensor] = {}
        self.epoch = 0
        self.valid: Evaluation | None = None

    def consider(self, epoch: int, valid: Evaluation) -> None:
        """Keep the weights if they are better: more accurate, or as accurate at a lower loss."""
        if self.valid is None or (valid.accuracy, -valid.loss) > (self.valid.accuracy, -self.valid.loss):
            self.epoch, self.valid = epoch, valid
            self._state = {name: value.clone() for name, value in self._model.state_dict().items()}

    def restore(self) -> None:
        """Give the model its best weights back."""
        self._model.load_state_dict(self._state)


def report(job: Job, epoch: int, losses: list[float], valid: Evaluation, *, seconds: float) -> dict[str, Any]:
    """Log one epoch's metric line on rank 0 and return its entry of the history."""
    loss = sum(losses) / len(losses)
    if job.world.is_main:
        line = metric_line(train_loss=loss, valid_loss=valid.loss, valid_accuracy=valid.accuracy)
        logger.info("epoch %s: %s (%.1f s)", epoch, line, seconds)
    return {
        "epoch": epoch,
        "train_loss": loss,
        "valid_loss": valid.loss,
        "valid_accuracy": valid.accuracy,
        "step_losses": losses,
        "seconds": round(seconds, 3),
    }


def describe_host(job: Job) -> dict[str, Any]:
    """Say which training images this process read: their number and a digest that adds up over hosts."""
    digest = ids_digest(job.inputs["train"].split.image_id(index) for index in job.read)
    return {"host": job.world.host, "rank": job.world.rank, "images": len(job.read), "digest": digest}


def save(
    job: Job, best: Best, test: Evaluation, history: list[dict[str, Any]], hosts: list[dict[str, Any]]
) -> None:
    """Write the output folder, then the model folder."""
    config, classes = job.config, job.data.classes
    metrics = {
        "test_accuracy": test.accuracy,
        "test_loss": test.loss,
        "valid_accuracy": history[best.epoch - 1]["valid_accuracy"],
        "valid_loss": history[best.epoch - 1]["valid_loss"],
    }
    evaluation = {
        "split": "test",
        **asdict(test),
        "classes": classes,
        "per_class_recall": test.per_class_recall,
    }
    write_json(config.output_dir / "evaluation.json", evaluation)
    write_json(
        config.output_dir / "history.json", {"epochs": history, "best_epoch": best.epoch, "hosts": hosts}
    )
    card = ModelCard(
        architecture=config.architecture,
        image_size=config.image_size,
        classes=len(classes),
        parameters=count_parameters(job.model),
        hyperparameters=config.hyperparameters,
        data_hash=job.data.data_hash,
        code_hash=code_hash(),
        metrics=metrics,
        world_size=len(hosts),
        framework={"torch": torch.__version__},
    )
    save_model(config.model_dir, model=job.model, classes=classes, card=card)
    logger.info("model saved in %s", config.model_dir)


def write_failure(message: str, environ: Mapping[str, str]) -> None:
    """Leave the reason where SageMaker reads FailureReason; on a plain machine there is no such folder."""
    folder = Path(
        environ.get("SM_OUTPUT_DIR") or Path(environ.get("SAGEMAKER_BASE_DIR", "/opt/ml")) / "output"
    )
    if folder.is_dir():
        (folder / "failure").write_text(message[:1024])


def main(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run the job and return its exit code."""
    try:
        config = parse_arguments(arguments, environ)
        with joined_world(environ, timeout_s=config.peer_timeout_s) as world:
            train(config, world)
    except Exception as error:  # the process boundary: every reason must reach the failure file
        known = isinstance(error, ImgclfError)
        message = str(error) if known else f"{type(error).__name__}: {error}"
        if not known:
            logger.exception("unexpected error")
        sys.stderr.write(f"error: {message}\n")
        write_failure(message, environ)
        return 1
    return 0


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout, force=True)
    sys.exit(main(sys.argv[1:], os.environ))
