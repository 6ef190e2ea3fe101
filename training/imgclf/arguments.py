"""Read the command line of train.py: hyper-parameters, and where SageMaker put the data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from imgclf.errors import ConfigError
from imgclf.hyperparameters import Bounds, hyperparameter, hyperparameters
from imgclf.images.data import SPLITS, Channels
from imgclf.learning.recipe import Recipe
from imgclf.networks.architecture import MAX_IMAGE_SIZE, MIN_IMAGE_SIZE
from imgclf.networks.registry import ARCHITECTURES, find_architecture
from imgclf.options import Parser, add_options, boolean, number, unquote

INITS = ("pretrained", "random")
CHANNELS = (*SPLITS, "manifest", "weights", "features")


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """One training job: what to train, how, from which data, and where to."""

    recipe: Recipe
    architecture: str = hyperparameter(
        "small_cnn",
        choices=tuple(ARCHITECTURES),
        help="`small_cnn` for images of some 32 pixels, the others for photos.",
    )
    image_size: int = hyperparameter(
        16, bounds=Bounds(least=MIN_IMAGE_SIZE, most=MAX_IMAGE_SIZE), help="Height and width in pixels."
    )
    freeze_backbone: bool = hyperparameter(
        False, help="Train the last layers only, on features that are computed once and kept."
    )
    finetune_epochs: int = hyperparameter(
        0,
        bounds=Bounds(least=0, most=1000),
        help="With a frozen backbone: passes over the data in which, after the last layers, all layers are "
        "trained.",
    )
    finetune_learning_rate: float = hyperparameter(
        8e-5, bounds=Bounds(above=0, most=1), help="Step size of these passes."
    )
    max_bad_images: int = hyperparameter(
        0,
        bounds=Bounds(least=0, most=10_000),
        help="Images that training skips because they cannot be decoded; one more fails it.",
    )
    int8: bool = hyperparameter(
        False,
        is_tunable=False,
        help="Serve in 8-bit integers on CPUs, if that costs at most half a point of top-1 accuracy on the "
        "validation images. Else 32-bit floats serve, and the model card says why.",
    )
    init: str
    """"pretrained": the weights of channel `weights`; "random": those that the seed draws."""
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
    def quantises(self) -> bool:
        """Return whether the job writes an int8 file beside the model."""
        return self.int8 and self.save_model

    @property
    def hyperparameters(self) -> dict[str, Any]:
        """Return the values that shape the model, for its card and its checkpoints."""
        own = {name: getattr(self, name) for name in (*hyperparameters(TrainConfig), "init")}
        return {**asdict(self.recipe), **own}


def parse_arguments(arguments: Sequence[str], environ: Mapping[str, str]) -> TrainConfig:
    """Build the job's configuration; values may be JSON-quoted, as SageMaker's tuner sends them.

    Raises ConfigError naming the option, its value and what is allowed.
    """
    options = vars(_parser(environ).parse_args([unquote(argument) for argument in arguments]))
    recipe = Recipe(**{field.name: options.pop(field.name) for field in fields(Recipe)})
    if options["init"] is None:
        record = find_architecture(options["architecture"])
        is_random = not (record.has_published_weights or options["weights"])
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
    find_architecture(config.architecture).check_image_size(config.image_size)
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
    declared = {**hyperparameters(TrainConfig), **hyperparameters(Recipe)}
    add_options(parser, declared.values())
    _add_job_options(parser)
    _add_checkpoint_options(parser, environ)
    _add_folders(parser, environ)
    return parser


def _add_job_options(parser: Parser) -> None:
    """Declare what a job does beside learning."""
    add = parser.add_argument
    add("--init", choices=INITS, help="Default: pretrained, where somebody publishes weights; else random.")
    add("--save_model", type=boolean, nargs="?", const=True, default=True, help="false for trials")


def _add_checkpoint_options(parser: Parser, environ: Mapping[str, str]) -> None:
    """Declare where checkpoints go: SageMaker's own folder, where the job has one."""
    folder = Path(environ.get("SAGEMAKER_BASE_DIR", "/opt/ml")) / "checkpoints"
    default = folder if folder.is_dir() else None
    minutes = number(float, above=0)
    parser.add_argument("--checkpoint_dir", type=Path, default=default)
    parser.add_argument("--checkpoint_minutes", type=minutes, default=10.0, help="beside each epoch's end")


def _add_folders(parser: Parser, environ: Mapping[str, str]) -> None:
    """Declare the channels, and the folders that train.py writes."""
    add = parser.add_argument
    seconds = number(int, least=1)
    add("--peer_timeout_s", type=seconds, default=600, help="wait for other hosts")
    add("--data", type=Path, help="folder with train, valid and test in it, instead of the channels")
    add("--model_dir", type=Path, default=Path(environ.get("SM_MODEL_DIR", "model")))
    add("--output_dir", type=Path, default=Path(environ.get("SM_OUTPUT_DATA_DIR", "output")))
    for channel in CHANNELS:
        path = environ.get(f"SM_CHANNEL_{channel.upper()}")
        default = Path(path) if path else None
        add(f"--{channel}", type=Path, default=default, help=f"folder of channel {channel}")
