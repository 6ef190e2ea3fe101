"""Write a made-up photo data set in the dogImages layout, for tests and benchmarks that need many classes.

Each class has its own colour, stripe width and angle, so that a small network can learn it; every image
differs by phase, brightness and noise. The same arguments give the same pixels.
"""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

TOP_FOLDER = "dogImages"


def write_photos(
    *, folder: Path, classes: int = 133, train: int = 4, valid: int = 1, test: int = 1, side: int = 48
) -> Path:
    """Write JPEGs of side x side pixels, `train`, `valid` and `test` of each class; return dogImages/."""
    import numpy as np

    top = folder / TOP_FOLDER
    for place_of_split, (split, count) in enumerate((("train", train), ("valid", valid), ("test", test))):
        for number in range(classes):
            name = class_name(number)
            (top / split / name).mkdir(parents=True, exist_ok=True)
            for place in range(count):
                generator = np.random.default_rng([number, place, place_of_split])
                _write_photo(
                    top / split / name / f"{name[4:]}_{place:05d}.jpg",
                    number=number,
                    side=side,
                    generator=generator,
                )
    return top


def class_name(number: int) -> str:
    """Return the folder of a class: 001.Breed_001 for number 0."""
    return f"{number + 1:03d}.Breed_{number + 1:03d}"


def zip_photos(*, top: Path, target: Path) -> Path:
    """Pack a data set's folder into a zip, under its own name, in a fixed order."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for path in sorted(top.rglob("*")):
            archive.write(path, path.relative_to(top.parent).as_posix())
    return target


def _write_photo(path: Path, *, number: int, side: int, generator: np.random.Generator) -> None:
    """Draw the class's stripes with this image's phase, brightness and noise."""
    import numpy as np
    from PIL import Image

    hue = number * 0.61803398875 % 1.0  # the golden ratio spreads any number of hues evenly
    colour = np.array([0.5 + 0.5 * np.cos(2 * np.pi * (hue + shift / 3)) for shift in range(3)])
    angle = np.pi * (number % 7) / 7
    frequency = 2 + number % 5
    rows, columns = np.mgrid[0:side, 0:side] / side
    wave = np.cos(angle) * rows + np.sin(angle) * columns
    stripes = 0.5 + 0.5 * np.sin(2 * np.pi * frequency * wave + generator.uniform(0, 2 * np.pi))
    pixels = (0.35 + 0.65 * stripes[..., None]) * colour * generator.uniform(0.8, 1.0)
    noisy = pixels + generator.normal(0, 0.04, pixels.shape)
    Image.fromarray((noisy.clip(0, 1) * 255).astype(np.uint8)).save(path, "JPEG", quality=90)
