"""The benchmark's images are what their names say, and of every kind that a client may send."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks.large_images import JPEGS, OTHERS, PNGS, PROGRESSIVE_JPEGS, WEBPS, Write

SIDE = 37
ALL = JPEGS | PROGRESSIVE_JPEGS | PNGS | WEBPS | OTHERS
MODES = {
    "PNG 1-bit grey": "1",
    "PNG 16-bit grey": "I;16",
    "PNG 8-bit palette": "P",
    "PNG 16-bit RGBA": "RGBA",
}


@pytest.mark.parametrize(("name", "write"), ALL.items(), ids=ALL)
def test_each_image_is_whole_and_of_its_format(name: str, write: Write, tmp_path: Path) -> None:
    write(tmp_path / "image", SIDE)
    with Image.open(tmp_path / "image") as image:
        image.load()
        assert image.size == (SIDE, SIDE)
        assert str(image.format).upper() == name.split()[0].upper()
        assert bool(image.info.get("progressive")) == ("progressive" in name)
        assert bool(image.info.get("interlace")) == ("interlaced" in name)
        assert getattr(image, "n_frames", 1) == (2 if "animated" in name else 1)
        assert image.mode == MODES.get(name, image.mode)


@pytest.mark.parametrize("depth", [8, 16])
def test_an_interlaced_png_has_the_values_of_its_passes(depth: int, tmp_path: Path) -> None:
    """Nobody else writes them here: every pixel must come out of one of the seven passes."""
    PNGS[f"PNG {depth}-bit RGBA interlaced"](tmp_path / "image", SIDE)
    with Image.open(tmp_path / "image") as image:
        pixels = np.asarray(image)
    assert pixels.shape == (SIDE, SIDE, 4)
    assert pixels.std() > 10
