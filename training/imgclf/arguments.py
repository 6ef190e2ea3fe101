"""Read the command line of train.py: hyper-parameters, and where SageMaker put the data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from imgclf.errors import ConfigError
from imgclf.images.data import SPLITS, Channels
from imgclf.learning.recipe import CLASS_WEIGHTS, PRECISIONS, SCHEDULES, Recipe
from imgclf.networks.models import ARCHITECTURES, MAX_IMAGE_SIZE, MIN_IMAGE_SIZE
from imgclf.options import Parser, boolean, number, unquote

INITS = ("pretrained", "random")
WITHOUT_PRETRAINED = ("small_cnn",)
"""Architectures that nobody publishes weights of: they start from random ones unless told otherwise."""
HYPERPARAMETERS = (
    "architecture",
    "image_size",
    "freeze_backbone",
    "init",
    "finetune_epochs",
    "finetune_learning_rate",
    "max_bad_images",
)
BELOW_ZERO = -5e-324
"""A lower bound that lets 0 pass: bounds of floats are themselves not allowed."""
CHANNELS = (*SPLITS, "manifest", "weights", "features")


@dataclass(frozen=True)
class TrainConfig:
    """One training job: what to train, how, from which data, and where to."""

    recipe: Recipe
    architecture: str
    image_size: int
    """Height and width in pixels."""
    freeze_backbone: bool
    init: str
    finetune_epochs: int
    """Epochs in which the backbone learns too, after the head has learned on its features; 0: none."""
    finetune_learning_rate: float
    max_bad_images: int
    save_model: bool
    checkpoint_dir: Path | None
    checkpoint_minutes: float
    peer_timeout_s: int
    channels: Channels
    features: Path | None
    """Folder of channel `features`: what embed.py wrote."""
    model_dir: Path
    output_dir: Path

    @property
    def hyperparameters(self) -> dict[str, Any]:
        """Return the values that shape the model, for its card and its checkpoints."""
        return {**asdict(self.recipe), **{name: getattr(self, name) for name in HYPERPARAMETERS}}


def parse_arguments(arguments: Sequence[str], environ: Mapping[str, str]) -> TrainConfig:
    """Build the job's configuration; values may be JSON-quoted, as SageMaker's tuner sends them.

    Raises ConfigError naming the option, its value and what is allowed.
    """
    options = vars(_parser(environ).parse_args([unquote(argument) for argument in arguments]))
    recipe = Recipe(**{field.name: options.pop(field.name) for field in fields(Recipe)})
    del options["optimizer"]
    if options["init"] is None:
        is_random = options["architecture"] in WITHOUT_PRETRAINED and not options["weights"]
        options["init"] = "random" if is_random else "pretrained"
    config = TrainConfig(recipe=recipe, channels=_take_channels(options), **options)
    _check(config)
    return config


def _take_channels(options: dict[str, Any]) -> Channels:
    """Take the folders of images, manifest and weights out of the options."""
    data = options.pop("data")
    found = {name: options.pop(name) for name in (*SPLITS, "manifest", "weights")}
    if data:
        manifest = data / "manifest.json"
        found.update({name: data / name for name in SPLITS})
        found["manifest"] = manifest if manifest.is_file() else None
    return Channels(**found)


def _check(config: TrainConfig) -> None:
    """Raise ConfigError for options that contradict each other."""
    if config.finetune_epochs and not config.freeze_backbone:
        raise ConfigError(
            f"finetune_epochs {config.finetune_epochs} follows the training of the head alone: "
            "add --freeze_backbone true, or leave it out"
        )
    if config.features and not config.freeze_backbone:
        raise ConfigError("channel 'features' is for a frozen backbone: add --freeze_backbone true")
    if config.init == "random" and config.channels.weights:
        raise ConfigError(
            f"init 'random' contradicts channel 'weights' ({config.channels.weights}): leave out one of them"
        )


def _parser(environ: Mapping[str, str]) -> Parser:
    """Declare the options; SM_* variables are only their defaults."""
    parser = Parser(description="Train an image classifier.", allow_abbrev=False)
    _add_model_options(parser)
    _add_recipe_options(parser)
    _add_checkpoint_options(parser, environ)
    _add_folders(parser, environ)
    return parser


def _add_model_options(parser: Parser) -> None:
    """Declare what is trained."""
    add = parser.add_argument
    sizes = f"a whole number from {MIN_IMAGE_SIZE} to {MAX_IMAGE_SIZE}"
    add("--architecture", choices=ARCHITECTURES, default="resnet50")
    add("--image_size", type=number(sizes, int, MIN_IMAGE_SIZE, MAX_IMAGE_SIZE), default=224, help="pixels")
    add("--freeze_backbone", type=boolean, nargs="?", const=True, default=False, help="train the head only")
    add("--init", choices=INITS, help="pretrained (default): channel 'weights'; small_cnn: random")
    add("--save_model", type=boolean, nargs="?", const=True, default=True, help="false for trials")


def _add_recipe_options(parser: Parser) -> None:
    """Declare how it is trained."""
    add = parser.add_argument
    rates, whole = "a number above 0 and up to 10", "a whole number from 0"
    add("--learning_rate", type=number(rates, float, 0, 10), default=0.001)
    add("--batch_size", type=number("a whole number from 1", int, 1), default=64, help="over all hosts")
    add("--epochs", type=number("a whole number from 1 to 10000", int, 1, 10_000), default=10)
    add("--seed", type=number(whole, int, 0, 2**32 - 1), default=1)
    add("--optimizer", choices=("adamw",), default="adamw")
    add("--weight_decay", type=number("a number from 0 to 1", float, BELOW_ZERO, 1), default=1e-4)
    add("--schedule", choices=SCHEDULES, default="cosine", help="of the learning rate, after the warm-up")
    add("--warmup_epochs", type=number("a number from 0", float, BELOW_ZERO), help="default: a tenth of all")
    add("--label_smoothing", type=number("a number from 0 to 0.9", float, BELOW_ZERO, 0.9), default=0.0)
    add("--class_weights", choices=CLASS_WEIGHTS, default="none")
    add(
        "--micro_batch_size",
        type=number("a whole number from 1", int, 1),
        default=32,
        help="computed at a time",
    )
    add("--patience", type=number(whole, int, 0), default=0, help="epochs without a gain; 0: no early stop")
    add("--precision", choices=PRECISIONS, default="auto")
    add("--finetune_epochs", type=number(whole, int, 0, 10_000), default=0, help="after the head's epochs")
    add("--finetune_learning_rate", type=number(rates, float, 0, 10), default=8e-5)
    add("--max_bad_images", type=number(whole, int, 0), default=0, help="unreadable images to skip")


def _add_checkpoint_options(parser: Parser, environ: Mapping[str, str]) -> None:
    """Declare where checkpoints go: SageMaker's own folder, where the job has one."""
    folder = Path(environ.get("SAGEMAKER_BASE_DIR", "/opt/ml")) / "checkpoints"
    default = folder if folder.is_dir() else None
    minutes = number("a number above 0", float, 0)
    parser.add_argument("--checkpoint_dir", type=Path, default=default)
    parser.add_argument("--checkpoint_minutes", type=minutes, default=10.0, help="beside each epoch's end")


def _add_folders(parser: Parser, environ: Mapping[str, str]) -> None:
    """Declare the channels, and the folders that train.py writes."""
    add = parser.add_argument
    seconds = number("a whole number from 1", int, 1)
    add("--peer_timeout_s", type=seconds, default=600, help="wait for other hosts")
    add("--data", type=Path, help="folder with train, valid and test in it, instead of the channels")
    add("--model_dir", type=Path, default=Path(environ.get("SM_MODEL_DIR", "model")))
    add("--output_dir", type=Path, default=Path(environ.get("SM_OUTPUT_DATA_DIR", "output")))
    for channel in CHANNELS:
        path = environ.get(f"SM_CHANNEL_{channel.upper()}")
        default = Path(path) if path else None
        add(f"--{channel}", type=Path, default=default, help=f"folder of channel {channel}")
