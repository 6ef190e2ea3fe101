"""All networks by name: the records of every file in networks/architectures/."""

from __future__ import annotations

import importlib
import pkgutil

from imgclf.errors import ConfigError
from imgclf.networks import architectures
from imgclf.networks.architecture import Architecture


def _find_all() -> dict[str, Architecture]:
    """Return the records of all files, those of one file in its order."""
    names = sorted(module.name for module in pkgutil.iter_modules(architectures.__path__))
    modules = [importlib.import_module(f"{architectures.__name__}.{name}") for name in names]
    records: list[Architecture] = [record for module in modules for record in module.ARCHITECTURES]
    return {record.name: record for record in records}


ARCHITECTURES = _find_all()
"""The records by name. Making them loads no network: torchvision is imported by the builders only."""


def find_architecture(name: str) -> Architecture:
    """Return a network's record; raise ConfigError for an unknown name."""
    if name not in ARCHITECTURES:
        raise ConfigError(f"architecture {name!r} is unknown: choose one of {', '.join(ARCHITECTURES)}")
    return ARCHITECTURES[name]
