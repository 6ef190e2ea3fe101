"""How a job deals out its images: whole parts where batch normalisation asks for it, else owned images."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from imgclf.arguments import TrainConfig, parse_arguments
from imgclf.distributed import World
from imgclf.errors import ConfigError
from imgclf.jobs import check_parts, head_recipe, log_parts, make_job, phases

CPU = torch.device("cpu")


class SecondOfTwo(World):
    """One of two processes that hold the same; both say the same."""

    def gather(self, value: Any) -> list[Any]:
        return [value, value]


def configure(folder: Path, **options: object) -> TrainConfig:
    defaults = {
        "data": folder,
        "architecture": "resnet18",
        "init": "random",
        "image_size": 64,
        "batch_size": 8,
    }
    words = [word for name, value in {**defaults, **options}.items() for word in (f"--{name}", str(value))]
    return parse_arguments(words, {"SAGEMAKER_BASE_DIR": str(folder)})


@pytest.mark.parametrize(
    ("architecture", "positions"), [("resnet18", range(12)), ("small_cnn", range(1, 12, 2))]
)
def test_batch_normalisation_makes_every_image_anyones(
    image_folder: Path, architecture: str, positions: range
) -> None:
    """The other splits, and all splits of a network that normalises each image alone, are dealt out once."""
    job = make_job(
        configure(image_folder, architecture=architecture),
        SecondOfTwo(rank=1, size=2, local_rank=0, host="b", device=CPU),
    )
    assert job.inputs["train"].split.positions.tolist() == list(positions)
    assert job.inputs["train"].split.is_replicated == (architecture == "resnet18")
    assert job.inputs["valid"].split.positions.tolist() == [1, 3, 5]


def test_a_head_computes_its_images_at_once_and_what_follows_in_parts(image_folder: Path) -> None:
    config = configure(image_folder, freeze_backbone=True, finetune_epochs=1, micro_batch_size=3)
    job = make_job(config, World(rank=0, size=1, local_rank=0, host="localhost", device=CPU))
    head, tuning = phases(job)
    assert (head.name, head.recipe.micro_batch_size) == ("head", 8)
    assert (tuning.name, tuning.recipe.micro_batch_size) == ("finetune", 3)
    assert all(weight.requires_grad for weight in job.model.parameters())
    assert replace(head_recipe(config.recipe), micro_batch_size=3) == config.recipe


@pytest.mark.parametrize(
    ("hosts", "level", "words"),
    [
        (2, "INFO", "makes 4 parts of micro_batch_size 2, for 2 processes"),
        (3, "WARNING", "let the parts be a multiple"),
    ],
)
def test_hosts_that_would_wait_are_told_of(
    image_folder: Path, caplog: pytest.LogCaptureFixture, hosts: int, level: str, words: str
) -> None:
    caplog.set_level("INFO")
    log_parts(
        configure(image_folder, micro_batch_size=2).recipe,
        World(rank=0, size=hosts, local_rank=0, host="a", device=CPU),
    )
    [record] = caplog.records
    assert record.levelname == level
    assert words in record.getMessage()


def test_spread_images_that_may_leave_a_host_with_one_are_refused(image_folder: Path) -> None:
    """ShardedByS3Key: which images a host has of a batch is chance."""
    config = configure(image_folder, image_size=32)
    with pytest.raises(ConfigError, match="needs all training images on each host: use FullyReplicated"):
        check_parts(config, images=12, can_deal=False)
    check_parts(replace(config, image_size=64), images=12, can_deal=False)
