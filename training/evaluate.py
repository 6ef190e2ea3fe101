"""Score a trained model on the test split of a data set, which may be another than it was trained on.

    python evaluate.py --data FOLDER --champion FOLDER --output_dir output

`champion` holds a model.tar.gz as train.py's job leaves it. As a SageMaker job, channels take the place of
the folders. evaluation.json is the one that train.py writes, so that two models can be compared on the same
images. The temperature is the model's own: the validation split is not looked at.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from imgclf.archives import unpack
from imgclf.arguments import TrainConfig, parse_arguments
from imgclf.artifacts import LoadedModel, load_model, write_json
from imgclf.distributed import World, joined_world
from imgclf.errors import ConfigError
from imgclf.images.inputs import PixelInputs
from imgclf.images.loading import load_dataset
from imgclf.jobs import DECODE_MARGIN
from imgclf.learning.evaluation import judge, predict_split
from imgclf.options import Parser, unquote
from imgclf.process import leave, log_to_stdout, run_script

MODEL_ARCHIVE = "model.tar.gz"


@dataclass(frozen=True, kw_only=True)
class EvaluateConfig:
    """One job that scores a model."""

    train: TrainConfig
    champion: Path


def parse_evaluate_arguments(arguments: Sequence[str], environ: Mapping[str, str]) -> EvaluateConfig:
    """Build the job's configuration; raise ConfigError as train.py does."""
    parser = Parser(description="Score a trained model on a test split.", allow_abbrev=False)
    parser.add_argument("--champion", type=Path, default=environ.get("SM_CHANNEL_CHAMPION"))
    own, others = parser.parse_known_args([unquote(argument) for argument in arguments])
    if own.champion is None:
        raise ConfigError("channel 'champion' is missing: pass the folder of a model.tar.gz")
    return EvaluateConfig(train=parse_arguments(others, environ), champion=Path(own.champion))


def score(config: EvaluateConfig, world: World) -> None:
    """Write evaluation.json; every process of the job runs this."""
    data = load_dataset(config.train.channels, world, max_bad_images=config.train.max_bad_images)
    model = open_archive(config.champion / MODEL_ARCHIVE)
    known = model.folder.classes
    if known != data.classes:
        raise ConfigError(
            f"the model knows {len(known)} classes and the data set has {len(data.classes)}, or their names "
            "or order differ: they cannot be compared"
        )
    threads = DECODE_MARGIN * torch.get_num_threads()
    inputs = PixelInputs(data.splits["test"], model.folder.preset, device=world.device, threads=threads)
    test = predict_split(model.classifier.to(world.device), inputs, world, classes=len(data.classes))
    if world.is_main:
        temperature = float(model.folder.card.get("temperature") or 1.0)
        evaluation = judge(test, temperature=temperature, classes=data.classes)
        write_json(config.train.output_dir / "evaluation.json", evaluation)


def open_archive(archive: Path) -> LoadedModel:
    """Return the model of a model.tar.gz; raises ConfigError or ModelError."""
    if not archive.is_file():
        raise ConfigError(f"{archive} is missing: is channel 'champion' a training job's output?")
    with tempfile.TemporaryDirectory(prefix="champion-") as folder:
        unpack(archive, Path(folder))
        return load_model(Path(folder))


def main(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run the job and return its exit code."""

    def work() -> None:
        config = parse_evaluate_arguments(arguments, environ)
        with joined_world(environ, timeout_s=config.train.peer_timeout_s) as world:
            score(config, world)

    return run_script(work, environ)


if __name__ == "__main__":
    log_to_stdout()
    leave(main(sys.argv[1:], os.environ))
