"""Set up a training job: find its data, build its model, and refuse here what cannot work."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator
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
from imgclf.int8 import check_images, check_packages
from imgclf.learning.recipe import Recipe, resolve_precision
from imgclf.learning.running_statistics import batch_norm_layers
from imgclf.networks.models import Classifier, build_model, preset_for
from imgclf.networks.registry import find_architecture
from imgclf.networks.weights import Origin, load_backbone
from imgclf.presets import Preset

logger = logging.getLogger(__name__)

DECODE_MARGIN = 2
"""Decoding threads per computing thread: they also wait for the disk."""


@dataclass(frozen=True, kw_only=True)
class Phase:
    """A part of the job in which one part of the model learns."""

    name: str
    model: nn.Module
    inputs: dict[str, Inputs]
    recipe: Recipe


@dataclass(frozen=True, kw_only=True)
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
    int8_images: Dataset | None = None
    """What int8 is calibrated on and judged by; None where the job quantises nothing."""

    def vary(self, epoch: int) -> Variation:
        """Return the random variation of an epoch's training images."""
        total = self.inputs["train"].split.total
        return Variation(self.preset, total=total, seed=self.config.recipe.seed, epoch=epoch)

    def identity(self) -> dict[str, Any]:
        """Return what a checkpoint must have in common with this job to be continued by it."""
        shaping = {name: value for name, value in self.config.hyperparameters.items() if name != "int8"}
        return {
            **shaping,
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
    if config.quantises:
        check_packages()
    if config.features is not None:
        job = make_job_on_features(config, world)
        check_batch_size(config.recipe, images=job.inputs["train"].split.total, world=world)
        return replace(job, int8_images=check_images(load_images(job))) if config.quantises else job
    preset = preset_for(architecture=config.architecture, image_size=config.image_size)
    data = load_dataset(config.channels, world, max_bad_images=config.max_bad_images)
    images = data.splits["train"].total
    check_batch_size(config.recipe, images=images, world=world)
    model, origin = make_model(config, len(data.classes), world)
    job = Job(
        config=config,
        world=world,
        data=data,
        preset=preset,
        model=model,
        origin=origin,
        inputs={},
        engine=None,
        int8_images=check_images(data) if config.quantises else None,
    )
    if not config.freeze_backbone:
        return replace(job, inputs=make_training_pixels(job, data))
    pixels = make_pixels(config, data, preset, world)
    features, engine = compute_inputs(
        Pass(backbone=model.backbone, preset=preset, pixels=pixels, world=world)
    )
    return replace(job, inputs=dict(features), engine=engine)


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
    return Job(
        config=config,
        world=world,
        data=found.data,
        preset=preset,
        model=model,
        origin=origin,
        inputs=dict(found.inputs),
        engine=found.manifest["engine"],
    )


def phases(job: Job) -> Iterator[Phase]:
    """Yield what learns, one after the other: the model; or the head on features, then all where wanted.

    Each phase is prepared when the one before it has ended.
    """
    recipe = job.config.recipe
    if not job.config.freeze_backbone:
        yield Phase(name="model", model=job.model, inputs=job.inputs, recipe=recipe)
        return
    yield Phase(name="head", model=job.model.head, inputs=job.inputs, recipe=head_recipe(recipe))
    if job.config.finetune_epochs:
        yield _finetuning_phase(job)


def head_recipe(recipe: Recipe) -> Recipe:
    """Return the recipe of a head on features, which are small: a process computes its images all at once."""
    return replace(recipe, micro_batch_size=recipe.batch_size)


def _finetuning_phase(job: Job) -> Phase:
    """Let the backbone learn too, from the images and with a recipe of its own; the head goes on."""
    config, data = job.config, load_images(job)
    recipe = replace(
        config.recipe, epochs=config.finetune_epochs, learning_rate=config.finetune_learning_rate
    )
    job.model.backbone.requires_grad_(True)
    inputs = make_training_pixels(job, data)
    return Phase(name="finetune", model=job.model, inputs=inputs, recipe=recipe)


def load_images(job: Job) -> Dataset:
    """Return the job's images, which a job on features has not looked at yet; all processes call this."""
    config = job.config
    if config.features is None:
        return job.data
    data = load_dataset(config.channels, job.world, max_bad_images=config.max_bad_images)
    if data.data_hash != job.data.data_hash:
        raise ConfigError(
            f"the images have data_hash {data.data_hash}, the features {job.data.data_hash}: "
            "pass images and features of the same data set"
        )
    return data


def check_batch_size(recipe: Recipe, *, images: int, world: World) -> None:
    """Refuse a batch that the data cannot fill, or that leaves processes without work."""
    batch_size = recipe.batch_size
    if batch_size > images:
        raise ConfigError(f"batch_size {batch_size} is larger than the {images} training images: lower it")
    if batch_size < world.size:
        raise ConfigError(f"batch_size {batch_size} is smaller than the {world.size} processes: raise it")


def make_training_pixels(job: Job, data: Dataset) -> dict[str, Inputs]:
    """Return each split's images for a phase in which the whole model learns.

    Where the model has batch normalisation and each host holds all training images, whole parts of a batch
    are dealt out to the processes, so that a part is the same for any number of them. Else each process
    computes the images that it owns.
    """
    train = data.splits["train"]
    if batch_norm_layers(job.model):
        check_parts(job.config, images=train.total, can_deal=train.replica is not None)
        log_parts(job.config.recipe, job.world)
        data = replace(data, splits={**data.splits, "train": train.replica or train})
    return dict(make_pixels(job.config, data, job.preset, job.world))


def check_parts(config: TrainConfig, *, images: int, can_deal: bool) -> None:
    """Refuse parts of one image where one leaves batch normalisation with one value for each channel.

    A network's last layers see ceil(image_size / last_stride) values per side.
    """
    recipe, last_stride = config.recipe, find_architecture(config.architecture).last_stride
    if config.image_size > last_stride:
        return
    if not can_deal:
        raise ConfigError(
            f"a {config.architecture} at image_size {config.image_size} needs all training images on each "
            f"host: use FullyReplicated channels, or an image_size above {last_stride}"
        )
    batches = {recipe.batch_size, images % recipe.batch_size or recipe.batch_size}
    if min(batch // math.ceil(batch / recipe.micro_batch_size) for batch in batches) < 2:
        raise ConfigError(
            f"batch_size {recipe.batch_size} of {images} training images, in parts of micro_batch_size "
            f"{recipe.micro_batch_size}, makes a part of one image, which a {config.architecture} at "
            f"image_size {config.image_size} cannot normalise: choose others, or an image_size "
            f"above {last_stride}"
        )


def log_parts(recipe: Recipe, world: World) -> None:
    """Say how a step's parts are dealt out; warn where some processes wait for others."""
    if not world.is_main or world.size == 1:
        return
    parts = math.ceil(recipe.batch_size / recipe.micro_batch_size)
    logger.log(
        logging.WARNING if parts % world.size else logging.INFO,
        "batch_size %s makes %s parts of micro_batch_size %s, for %s processes%s",
        recipe.batch_size,
        parts,
        recipe.micro_batch_size,
        world.size,
        ": some wait in each step; let the parts be a multiple" if parts % world.size else "",
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
