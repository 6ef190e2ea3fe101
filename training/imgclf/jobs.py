"""Set up a training job: find its data, build its model, and refuse here what cannot work."""

from __future__ import annotations

import logging
from dataclasses import asdict, dataclass, replace
from typing import Any

import torch
from torch import nn

from imgclf.arguments import TrainConfig
from imgclf.distributed import World
from imgclf.errors import ConfigError
from imgclf.features.embedding import Pass, compute_inputs
from imgclf.features.store import FeatureInputs, FeatureSource, backbone_hash, read_features
from imgclf.images.data import SPLITS, Dataset, read_data_hash
from imgclf.images.inputs import Inputs, PixelInputs, Variation
from imgclf.images.loading import load_dataset
from imgclf.learning.recipe import Recipe, resolve_precision
from imgclf.networks.models import Classifier, build_model, preset_for
from imgclf.networks.registry import find_architecture
from imgclf.networks.weights import Origin, load_backbone
from imgclf.presets import Preset

logger = logging.getLogger(__name__)

DECODE_MARGIN = 2
"""Decoding threads per computing thread: they also wait for the disk."""


@dataclass(frozen=True)
class Phase:
    """A part of the job in which one part of the model learns."""

    name: str
    model: nn.Module
    inputs: dict[str, Inputs]
    recipe: Recipe


@dataclass(frozen=True)
class Job:
    """What one process of a training job works with."""

    config: TrainConfig
    world: World
    data: Dataset
    preset: Preset
    model: Classifier
    origin: Origin
    inputs: dict[str, Inputs]
    """Each split's images, or what a frozen backbone makes of them."""
    engine: dict[str, Any] | None
    """How the features were computed; None where there are none."""

    def vary(self, epoch: int) -> Variation:
        """Return the random variation of an epoch's training images."""
        total = self.inputs["train"].split.total
        return Variation(self.preset, total=total, seed=self.config.recipe.seed, epoch=epoch)

    def identity(self) -> dict[str, Any]:
        """Return what a checkpoint must have in common with this job to be continued by it."""
        return {
            **self.config.hyperparameters,
            "precision": resolve_precision(self.config.recipe.precision, self.world.device),
            "classes": len(self.data.classes),
            "data_hash": self.data.data_hash,
            "backbone_hash": self.origin.sha256,
            "views": self.views,
        }

    @property
    def views(self) -> int:
        """Return how many views of each training image the features have; 0 where images are trained on."""
        inputs = self.inputs["train"]
        return inputs.features.shape[1] if isinstance(inputs, FeatureInputs) else 0


def make_job(config: TrainConfig, world: World) -> Job:
    """Find the data and build the model; everything that can be refused is refused here."""
    recipe = replace(config.recipe, precision=resolve_precision(config.recipe.precision, world.device))
    config = replace(config, recipe=recipe)
    if config.features is not None:
        job = make_job_on_features(config, world)
        check_batch_size(config.recipe, images=job.inputs["train"].split.total, world=world)
        return job
    preset = preset_for(architecture=config.architecture, image_size=config.image_size)
    data = load_dataset(config.channels, world, max_bad_images=config.max_bad_images)
    images = data.splits["train"].total
    check_batch_size(config.recipe, images=images, world=world)
    if not config.freeze_backbone:
        check_batch_norm(config, images=images, world=world)
    model, origin = make_model(config, len(data.classes), world)
    pixels = make_pixels(config, data, preset, world)
    if not config.freeze_backbone:
        return Job(config, world, data, preset, model, origin, dict(pixels), None)
    features, engine = compute_inputs(
        Pass(backbone=model.backbone, preset=preset, pixels=pixels, world=world)
    )
    return Job(config, world, data, preset, model, origin, dict(features), engine)


def make_job_on_features(config: TrainConfig, world: World) -> Job:
    """Set up a job that reads embed.py's features; they must be those of this job's backbone and data."""
    assert config.features is not None
    preset = preset_for(architecture=config.architecture, image_size=config.image_size)
    found = read_features(config.features, world)
    model, origin = make_model(config, len(found.data.classes), world)
    known_hash = read_data_hash(config.channels)
    source = FeatureSource(
        data_hash=known_hash or found.data.data_hash,
        backbone_hash=origin.sha256,
        architecture=config.architecture,
        image_size=config.image_size,
        preset=preset,
    )
    found.check(source)
    return Job(config, world, found.data, preset, model, origin, dict(found.inputs), found.manifest["engine"])


def first_phase(job: Job) -> Phase:
    """Return the phase that every job has: the head on features, or the whole model on images."""
    if job.config.freeze_backbone:
        return Phase("head", job.model.head, job.inputs, job.config.recipe)
    return Phase("model", job.model, job.inputs, job.config.recipe)


def finetuning_phase(job: Job) -> Phase:
    """Let the backbone learn too, from the images and with a recipe of its own; the head goes on."""
    config, data = job.config, job.data
    if config.features is not None:
        data = load_dataset(config.channels, job.world, max_bad_images=config.max_bad_images)
        if data.data_hash != job.data.data_hash:
            raise ConfigError(
                f"the images have data_hash {data.data_hash}, the features {job.data.data_hash}: "
                "pass images and features of the same data set"
            )
    recipe = replace(
        config.recipe, epochs=config.finetune_epochs, learning_rate=config.finetune_learning_rate
    )
    check_batch_norm(config, images=data.splits["train"].total, world=job.world)
    job.model.backbone.requires_grad_(True)
    pixels = make_pixels(config, data, job.preset, job.world)
    return Phase("finetune", job.model, dict(pixels), recipe)


def check_batch_size(recipe: Recipe, *, images: int, world: World) -> None:
    """Refuse a batch that the data cannot fill, or that leaves processes without work."""
    batch_size = recipe.batch_size
    if batch_size > images:
        raise ConfigError(f"batch_size {batch_size} is larger than the {images} training images: lower it")
    if batch_size < world.size:
        raise ConfigError(f"batch_size {batch_size} is smaller than the {world.size} processes: raise it")


def check_batch_norm(config: TrainConfig, *, images: int, world: World) -> None:
    """Refuse single images where one leaves batch normalisation with one value for each channel.

    The last layers see ceil(image_size / last_stride) values per side. Processes on CPUs share theirs.
    """
    recipe, record = config.recipe, find_architecture(config.architecture)
    if world.size > 1 or not record.has_batch_norm or config.image_size > record.last_stride:
        return
    smallest = min(recipe.batch_size, images % recipe.batch_size or recipe.batch_size)
    if smallest < 2 * recipe.accumulate:
        raise ConfigError(
            f"batch_size {recipe.batch_size} of {images} training images, in {recipe.accumulate} parts each "
            f"(accumulate), makes a part of one image, which a {config.architecture} at image_size "
            f"{config.image_size} cannot normalise: choose another batch_size, or an image_size above "
            f"{record.last_stride}"
        )


def make_model(config: TrainConfig, classes: int, world: World) -> tuple[Classifier, Origin]:
    """Build the model with the seed's initial weights, or the weights channel's."""
    torch.manual_seed(config.recipe.seed)
    model = build_model(
        architecture=config.architecture,
        classes=classes,
        freeze_backbone=config.freeze_backbone,
        image_size=config.image_size,
    )
    if config.init == "pretrained":
        if config.channels.weights is None:
            raise ConfigError(
                f"channel 'weights' is missing: stage {config.architecture} weights that convert_weights.py "
                "made, or pass --init random"
            )
        origin = load_backbone(
            model, config.channels.weights, architecture=config.architecture, image_size=config.image_size
        )
    else:
        origin = Origin(
            init="random", sha256=backbone_hash(model.backbone), source=f"seed {config.recipe.seed}"
        )
        if config.freeze_backbone and not config.finetune_epochs:
            logger.warning(
                "the frozen backbone has random weights: add a 'weights' channel with pre-trained ones"
            )
    # Channels innermost: a step of a ResNet is a fifth faster on CPUs, and GPUs' matrix units want it.
    return model.to(world.device).to(memory_format=torch.channels_last), origin


def make_pixels(config: TrainConfig, data: Dataset, preset: Preset, world: World) -> dict[str, PixelInputs]:
    """Return each split's images."""
    threads = DECODE_MARGIN * torch.get_num_threads()
    return {
        name: PixelInputs(data.splits[name], preset, device=world.device, threads=threads) for name in SPLITS
    }


def describe_backbone(job: Job) -> dict[str, Any]:
    """Return what the model card says of the backbone."""
    return {**asdict(job.origin), "features": job.engine}
