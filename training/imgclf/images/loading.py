"""Load a job's data set: what its channels hold, without the images that cannot be decoded."""

from __future__ import annotations

import numpy as np

from imgclf.distributed import World
from imgclf.errors import DataError
from imgclf.images.bad_images import skip_bad_images
from imgclf.images.data import Channels, Dataset, check_counts, index_images


def load_dataset(channels: Channels, world: World, *, max_bad_images: int = 0) -> Dataset:
    """Return the images of the channels, dealt out to the processes.

    With `max_bad_images` above 0 each image is decoded once, and up to so many bad ones are left out.
    Raises DataError as index_images and skip_bad_images do, and where a class had bad images only.
    """
    data = index_images(channels, world)
    if not max_bad_images:
        return data
    data = skip_bad_images(data, world, limit=max_bad_images)
    _check_what_is_left(data, world)
    return data


def _check_what_is_left(data: Dataset, world: World) -> None:
    """Raise DataError where a split, or a class of one, had bad images only."""
    for name, split in data.splits.items():
        parts = world.gather(np.bincount(split.labels, minlength=len(data.classes)).tolist())
        counts = dict(zip(data.classes, map(sum, zip(*parts, strict=True)), strict=True))
        try:
            check_counts(name, counts, data.classes)
        except DataError as error:
            raise DataError(
                f"without the {len(data.bad_images)} images that cannot be read, {error}"
            ) from error
