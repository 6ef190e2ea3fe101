"""Compute the features of a data set once, for any number of trainings and trials.

    python embed.py --data FOLDER --architecture resnet50 --model_dir features

A frozen backbone makes the same features of an image in every epoch of every trial. Each process writes
those of its own images into the model folder, rank 0 adds features.json. As a SageMaker job with
CompressionType NONE they lie in S3 as files, which channel `features` of train.py and search.py takes.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence

from imgclf.distributed import World, joined_world
from imgclf.features.embedding import Pass, embed
from imgclf.features.store import FeatureSource
from imgclf.images.loading import load_dataset
from imgclf.jobs import make_model, make_pixels
from imgclf.networks.models import preset_for
from imgclf.process import leave, log_to_stdout, run_script
from imgclf.search_arguments import EmbedConfig, parse_embed_arguments


def embed_images(config: EmbedConfig, world: World) -> None:
    """Write the features of this process's images; every process of the job runs this."""
    train = config.train
    data = load_dataset(train.channels, world, max_bad_images=train.max_bad_images)
    model, origin = make_model(train, len(data.classes), world)
    preset = preset_for(architecture=train.architecture, image_size=train.image_size)
    source = FeatureSource(
        data_hash=data.data_hash,
        backbone_hash=origin.sha256,
        architecture=train.architecture,
        image_size=train.image_size,
        preset=preset,
    )
    pixels = make_pixels(train, data, preset, world)
    job = Pass(
        backbone=model.backbone,
        preset=preset,
        pixels=pixels,
        world=world,
        views=config.views,
        engine=config.engine,
    )
    embed(job, data=data, source=source, folder=train.model_dir)


def main(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run the job and return its exit code."""

    def work() -> None:
        config = parse_embed_arguments(arguments, environ)
        with joined_world(environ, timeout_s=config.train.peer_timeout_s) as world:
            embed_images(config, world)

    return run_script(work, environ)


if __name__ == "__main__":
    log_to_stdout()
    leave(main(sys.argv[1:], os.environ))
