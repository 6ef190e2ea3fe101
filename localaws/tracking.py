"""Let moto's record of its objects keep none of them: each that there ever was stays in memory otherwise.

The record is for moto's own page (/moto-api), which shows what there is, and for S3's reset.
"""

import weakref
from collections.abc import Iterator
from typing import Any

from moto.core.common_models import BaseModel

RECORD = "instances_tracked"


class WeakRecord:
    """The objects of a class that somebody still has, in the order in which they were made."""

    def __init__(self) -> None:
        self._references: dict[int, weakref.ref[Any]] = {}

    def append(self, instance: Any) -> None:
        """Note an object; it need not be hashable."""
        key = id(instance)
        self._references[key] = weakref.ref(instance, lambda _: self._references.pop(key, None))

    def __iter__(self) -> Iterator[Any]:
        """Give the objects that there are."""
        found = (reference() for reference in list(self._references.values()))
        return (instance for instance in found if instance is not None)


def create(cls: Any, *arguments: Any, **options: Any) -> Any:
    """Make an object of one of moto's classes, and note it (BaseModel.__new__)."""
    instance = object.__new__(cls)
    record = cls.__dict__.get(RECORD)
    if not isinstance(record, WeakRecord):  # moto gives each class a list, and a new one at each reset
        record = WeakRecord()
        setattr(cls, RECORD, record)
    record.append(instance)
    return instance


def install() -> None:
    """Put this in the place of moto's."""
    setattr(BaseModel, "__new__", create)  # noqa: B010 - mypy refuses to assign it
