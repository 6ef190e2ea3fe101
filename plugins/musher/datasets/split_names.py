"""The names under which people keep the three splits."""

import re

SPLITS = ("train", "valid", "test")

NAMES = {
    "train": "train",
    "training": "train",
    "segtrain": "train",
    "valid": "valid",
    "val": "valid",
    "validation": "valid",
    "validate": "valid",
    "dev": "valid",
    "test": "test",
    "testing": "test",
    "segtest": "test",
}
"""Without case, spaces, signs and ENDINGS."""

ENDINGS = re.compile(r"(dataset|data|set|split|images|imgs|photos)$")

_SIGNS = re.compile(r"[\W_]+")


def split_of(folder: str) -> str | None:
    """Return the split that a folder's name stands for: train for `Training_Set`; None for other names."""
    plain = _SIGNS.sub("", folder.casefold())
    return NAMES.get(plain) or NAMES.get(ENDINGS.sub("", plain))
