"""The benchmark of decoding measures what it says, on small images."""

from __future__ import annotations

from pathlib import Path

from benchmarks.decode_memory import images, measure
from benchmarks.large_images import OTHERS, PNGS
from imgclf.images.limits import MAX_PIXELS


def test_a_decoded_image_costs_its_pixels_and_a_refused_one_nothing(tmp_path: Path) -> None:
    PNGS["PNG 8-bit RGB"](tmp_path / "png", 2_000)
    OTHERS["GIF"](tmp_path / "gif", 100)
    decoded, refused = measure(tmp_path / "png"), measure(tmp_path / "gif")
    assert decoded["refusal"] == ""
    assert 16 < decoded["extra_mb"] < 60  # four million pixels, at 4 bytes in Pillow and 3 here
    assert decoded["cpu_s"] > 0
    assert "not an image" in refused["refusal"]
    assert refused["extra_mb"] < 5


def test_every_format_is_measured_at_49_megapixels_and_at_its_limit() -> None:
    sides = {name: side for name, side, _ in images(pixels=49_000_000)}
    assert sides["PNG 16-bit grey"] == sides["WebP animated"] == sides["TIFF"] == 7_000
    assert (
        sides["PNG 1-bit palette, largest"] ** 2
        <= MAX_PIXELS["PNG"]
        < (sides["PNG 8-bit RGB, largest"] + 1) ** 2
    )
    assert len(sides) >= 45
