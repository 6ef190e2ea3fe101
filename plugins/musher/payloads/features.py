"""Tell what features are computed from, so that the same ones are paid for once.

A features id stands for everything that shapes the features of a frozen backbone: data, weights, model,
preset, views and code. The embed job is named by it.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass

FORMAT = 1
ID_CHARACTERS = 16

RANDOM = "random"


@dataclass(frozen=True, kw_only=True)
class FeaturesKey:
    """Hold what the features depend on; `weights` is the version of the backbone's, or RANDOM."""

    data_hash: str
    weights: str
    architecture: str
    image_size: int
    views: int
    seed: int
    code_hash: str


def features_id(key: FeaturesKey) -> str:
    """Return 16 hex digits; the seed counts only for random weights: views do not depend on it."""
    parts: dict[str, object] = {"format": FORMAT, **asdict(key)}
    if key.weights != RANDOM:
        del parts["seed"]
    return _digest(parts)[:ID_CHARACTERS]


def _digest(parts: Mapping[str, object]) -> str:
    canonical = json.dumps(parts, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()
