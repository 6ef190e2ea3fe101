"""Read the command line of train.py: hyper-parameters, and where SageMaker put the data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imgclf.data import SPLITS, Channels
from imgclf.models import ARCHITECTURES, MAX_IMAGE_SIZE, MIN_IMAGE_SIZE
from imgclf.options import Parser, boolean, number, unquote

HYPERPARAMETERS = (
    "learning_rate",
    "batch_size",
    "epochs",
    "architecture",
    "image_size",
    "freeze_backbone",
    "seed",
)


@dataclass(frozen=True)
class TrainConfig:
    """One training job: what to train, how, from which data, and where to."""

    learning_rate: float
    batch_size: int
    """Images of one step over all hosts together."""
    epochs: int
    architecture: str
    image_size: int
    """Height and width in pixels."""
    freeze_backbone: bool
    seed: int
    peer_timeout_s: int
    channels: Channels
    model_dir: Path
    output_dir: Path

    @property
    def hyperparameters(self) -> dict[str, Any]:
        """Return the values that shape the model, for its card."""
        return {name: getattr(self, name) for name in HYPERPARAMETERS}


def parse_arguments(arguments: Sequence[str], environ: Mapping[str, str]) -> TrainConfig:
    """Build the job's configuration; values may be JSON-quoted, as SageMaker's tuner sends them.

    Raises ConfigError naming the option, its value and what is allowed.
    """
    options = vars(_parser(environ).parse_args([unquote(argument) for argument in arguments]))
    data = options.pop("data")
    manifest = data / "manifest.json" if data else None
    channels = Channels(
        **{name: data / name if data else options[name] for name in SPLITS},
        manifest=manifest if manifest and manifest.is_file() else None if data else options["manifest"],
        weights=options.pop("weights"),
    )
    for name in (*SPLITS, "manifest"):
        del options[name]
    return TrainConfig(channels=channels, **options)


def _parser(environ: Mapping[str, str]) -> Parser:
    """Declare the options; SM_* variables are only their defaults."""
    parser = Parser(description="Train an image classifier.", allow_abbrev=False)
    add = parser.add_argument
    add("--learning_rate", type=number("a number above 0 and up to 10", float, 0, 10), default=0.001)
    add(
        "--batch_size",
        type=number("a whole number from 1", int, 1),
        default=64,
        help="over all hosts together",
    )
    add("--epochs", type=number("a whole number from 1 to 10000", int, 1, 10_000), default=10)
    add("--architecture", choices=ARCHITECTURES, default="resnet50")
    sizes = f"a whole number from {MIN_IMAGE_SIZE} to {MAX_IMAGE_SIZE}"
    add("--image_size", type=number(sizes, int, MIN_IMAGE_SIZE, MAX_IMAGE_SIZE), default=224, help="pixels")
    add("--freeze_backbone", type=boolean, nargs="?", const=True, default=False, help="train the head only")
    add("--seed", type=number("a whole number from 0", int, 0, 2**32 - 1), default=1)
    add(
        "--peer_timeout_s",
        type=number("a whole number from 1", int, 1),
        default=600,
        help="wait for other hosts",
    )
    add("--data", type=Path, help="folder with train, valid and test in it, instead of the channels")
    add("--model_dir", type=Path, default=Path(environ.get("SM_MODEL_DIR", "model")))
    add("--output_dir", type=Path, default=Path(environ.get("SM_OUTPUT_DATA_DIR", "output")))
    for channel in (*SPLITS, "manifest", "weights"):
        path = environ.get(f"SM_CHANNEL_{channel.upper()}")
        add(
            f"--{channel}",
            type=Path,
            default=Path(path) if path else None,
            help=f"folder of channel {channel}",
        )
    return parser
