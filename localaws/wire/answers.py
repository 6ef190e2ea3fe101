"""Give answers the form of AWS's: what holds nothing is left out."""

from collections.abc import Collection, Mapping
from typing import Any


def prune(value: Any, shape: Any, *, kept: Collection[str] = ()) -> Any:
    """Return an answer without its empty members.

    Members that the model requires stay, and so do those of the names `kept`: AWS gives them always.
    """
    if shape.type_name == "structure" and isinstance(value, Mapping):
        return _prune_structure(value, shape, kept=kept)
    if shape.type_name == "list" and isinstance(value, list | tuple):
        return [prune(item, shape.member, kept=kept) for item in value]
    return value


def _prune_structure(value: Mapping[str, Any], shape: Any, *, kept: Collection[str]) -> dict[str, Any]:
    found = {
        name: prune(item, shape.members[name], kept=kept) if name in shape.members else item
        for name, item in value.items()
    }
    staying = {*shape.required_members, *kept}
    return {name: item for name, item in found.items() if name in staying or not is_empty(item)}


def is_empty(value: Any) -> bool:
    """Tell whether a value holds nothing; empty texts, 0 and False are values."""
    return value is None or (isinstance(value, dict | list | tuple) and not value)
