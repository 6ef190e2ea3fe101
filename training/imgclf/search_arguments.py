"""Read the command lines of embed.py and search.py: their own options, and all of train.py's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from imgclf.arguments import TrainConfig, parse_arguments
from imgclf.errors import ConfigError
from imgclf.features.embedding import AUTO
from imgclf.features.engines import engine_names
from imgclf.learning.trials import MAX_TRIALS, STRATEGIES, Range, parse_ranges
from imgclf.options import Parser, number, unquote

MAX_VIEWS = 16
EPILOG = "Takes all options of train.py beside these; the backbone is always frozen."


@dataclass(frozen=True, kw_only=True)
class EmbedConfig:
    """One job that computes features."""

    train: TrainConfig
    views: int
    """Views of each training image: the image as it is, and fixed variations of it."""
    engine: str


@dataclass(frozen=True, kw_only=True)
class SearchConfig:
    """One job that runs trials."""

    train: TrainConfig
    views: int
    engine: str
    ranges: list[Range]
    strategy: str
    trials: int


def parse_embed_arguments(arguments: Sequence[str], environ: Mapping[str, str]) -> EmbedConfig:
    """Build embed.py's configuration; raise ConfigError as train.py does."""
    parser = _parser("Compute the features of a data set once.")
    own, others = parser.parse_known_args([unquote(argument) for argument in arguments])
    train = _train_config(others, environ)
    if train.features is not None:
        raise ConfigError(f"channel 'features' ({train.features}) is what embed.py writes: leave it out")
    return EmbedConfig(train=train, views=own.views, engine=own.engine)


def parse_search_arguments(arguments: Sequence[str], environ: Mapping[str, str]) -> SearchConfig:
    """Build search.py's configuration; raise ConfigError as train.py does."""
    parser = _parser("Run the trials of a search over one set of features.")
    parser.add_argument(
        "--ranges",
        required=True,
        help='JSON: {"learning_rate": {"type": "continuous", "min": 0.001, "max": 0.1, "scale": "log"}, '
        '"batch_size": {"type": "categorical", "values": [32, 64]}}',
    )
    parser.add_argument("--strategy", choices=STRATEGIES, default="random")
    parser.add_argument("--trials", type=number(int, least=1, most=MAX_TRIALS), default=10)
    own, others = parser.parse_known_args([unquote(argument) for argument in arguments])
    ranges = parse_ranges(own.ranges)
    return SearchConfig(
        train=_train_config(others, environ),
        views=own.views,
        engine=own.engine,
        ranges=ranges,
        strategy=own.strategy,
        trials=own.trials,
    )


def _parser(description: str) -> Parser:
    """Declare what both scripts have beside train.py's options."""
    parser = Parser(description=description, epilog=EPILOG, allow_abbrev=False)
    parser.add_argument("--views", type=number(int, least=1, most=MAX_VIEWS), default=1)
    parser.add_argument("--engine", choices=[AUTO, *engine_names()], default=AUTO)
    return parser


def _train_config(arguments: Sequence[str], environ: Mapping[str, str]) -> TrainConfig:
    """Read the other options as train.py does, with a frozen backbone."""
    return parse_arguments([*arguments, "--freeze_backbone", "true"], environ)
