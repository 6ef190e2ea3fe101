"""Training and serving prepare images in one and the same way."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from PIL import Image

from imgclf.errors import ConfigError
from imgclf.images.scaling import Scale, scale_by_pillow, scale_by_torch
from imgclf.networks.models import preset_for
from imgclf.networks.registry import ARCHITECTURES
from imgclf.presets import Draw

PUBLISHED = [name for name, record in ARCHITECTURES.items() if record.has_published_weights]
RESNET = preset_for(architecture="resnet50", image_size=224)
MIDDLE = Draw(area=0.5, aspect=0.5, left=0.5, top=0.5, flip=False)
FIRST = Draw(area=0, aspect=0, left=0, top=0, flip=False)
LAST = Draw(area=0.99, aspect=0.99, left=0.99, top=0.99, flip=True)


def photo_jpeg(width: int, height: int, *, orientation: int = 1) -> bytes:
    """Return a JPEG with smooth waves, fine stripes and noise."""
    rows, columns = np.mgrid[0:height, 0:width]
    waves = [np.sin(rows / 31 + shift) * np.cos(columns / 23) for shift in range(3)]
    pixels = np.stack(waves, 2) * 80 + 128 + (np.sin(columns / 2) * 20)[..., None]
    pixels += np.random.default_rng(1).normal(0, 8, pixels.shape)
    exif = Image.Exif()
    exif[0x0112] = orientation
    buffer = io.BytesIO()
    Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(buffer, "JPEG", quality=90, exif=exif)
    return buffer.getvalue()


def difference(ours: npt.NDArray[np.uint8], theirs: npt.NDArray[np.uint8]) -> tuple[float, int]:
    """Return mean and largest absolute difference."""
    gap = np.abs(ours.astype(int) - theirs.astype(int))
    return float(gap.mean()), int(gap.max())


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("size", [(300, 200), (20, 31), (1, 1), (9_000, 2)])
def test_every_image_becomes_the_input_size(
    make_image: Callable[..., bytes], architecture: str, size: tuple[int, int]
) -> None:
    pixels = preset_for(architecture=architecture, image_size=32).to_pixels(make_image(size=size))
    assert (pixels.shape, pixels.dtype) == ((3, 32, 32), np.uint8)


def test_the_centre_is_kept() -> None:
    image = Image.new("RGB", (60, 20), "black")
    image.paste("white", (20, 0, 40, 20))
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    assert preset_for(architecture="small_cnn", image_size=20).to_pixels(buffer.getvalue()).min() == 255


def published(architecture: str) -> Any:
    """Return the transforms that torchvision publishes with an architecture's weights."""
    models = pytest.importorskip("torchvision.models")
    return models.get_weight(ARCHITECTURES[architecture].weights).transforms()


@pytest.mark.parametrize("architecture", PUBLISHED)
def test_a_published_network_has_its_weights_preset(architecture: str) -> None:
    theirs, ours = published(architecture), preset_for(architecture=architecture, image_size=224)
    assert [ours.resize_size, ours.image_size] == [*theirs.resize_size, *theirs.crop_size]
    assert [*ours.mean, *ours.std] == [*theirs.mean, *theirs.std]
    assert ours.interpolation == theirs.interpolation.value
    grey = torch.full((1, 3, 1, 1), 255, dtype=torch.uint8)
    expected = [(1 - mean) / std for mean, std in zip(theirs.mean, theirs.std, strict=True)]
    assert ours.normalise(grey).flatten().tolist() == pytest.approx(expected, rel=1e-5)


def test_an_architecture_without_preset_is_named() -> None:
    with pytest.raises(ConfigError, match="'vgg' is unknown: choose one of"):
        preset_for(architecture="vgg", image_size=32)


def reference(data: bytes, architecture: str, image_size: int) -> npt.NDArray[np.uint8]:
    """Return an image file's pixels after torchvision's Resize and CenterCrop of this size."""
    transforms, theirs = pytest.importorskip("torchvision.transforms"), published(architecture)
    side = round(image_size * theirs.resize_size[0] / theirs.crop_size[0])
    steps = [transforms.Resize(side, interpolation=theirs.interpolation), transforms.CenterCrop(image_size)]
    with Image.open(io.BytesIO(data)) as image:
        pixels: npt.NDArray[np.uint8] = np.asarray(transforms.Compose(steps)(image.convert("RGB")))
    return pixels.transpose(2, 0, 1)


@pytest.mark.parametrize("scale", [scale_by_pillow, scale_by_torch])
@pytest.mark.parametrize("architecture", PUBLISHED)
@pytest.mark.parametrize("size", [(500, 375), (333, 500), (231, 229), (520, 383)])
def test_the_centre_path_gives_torchvisions_pixels(
    architecture: str, size: tuple[int, int], scale: Scale
) -> None:
    """Only rounding differs."""
    data, preset = photo_jpeg(*size), preset_for(architecture=architecture, image_size=224)
    mean, most = difference(preset.to_pixels(data, scale=scale), reference(data, architecture, 224))
    assert mean < 0.5
    assert most <= 2


@pytest.mark.parametrize("architecture", ["resnet50", "efficientnet_b0"])
@pytest.mark.parametrize(("size", "image_size"), [((1200, 900), 64), ((700, 1200), 64), ((2800, 2100), 224)])
def test_an_image_that_is_reduced_while_decoded_comes_close(
    architecture: str, size: tuple[int, int], image_size: int
) -> None:
    data = photo_jpeg(*size)
    preset = preset_for(architecture=architecture, image_size=image_size)
    mean, most = difference(preset.to_pixels(data), reference(data, architecture, image_size))
    assert mean < 1
    assert most <= 4


@pytest.mark.parametrize("draw", [MIDDLE, FIRST, LAST])
def test_the_varied_path_gives_torchvisions_resized_crop(draw: Draw) -> None:
    functional = pytest.importorskip("torchvision.transforms.functional")
    data = photo_jpeg(500, 375)
    left, top, width, height = RESNET.crop_box((500, 375), draw)
    with Image.open(io.BytesIO(data)) as image:
        expected = functional.resized_crop(image.convert("RGB"), top, left, height, width, [224, 224])
    expected = np.asarray(functional.hflip(expected) if draw.flip else expected).transpose(2, 0, 1)
    mean, most = difference(RESNET.to_varied_pixels(data, draw), expected)
    assert mean < 0.5
    assert most <= 2


def test_a_crop_of_a_reduced_image_shows_the_same_part() -> None:
    small, large = photo_jpeg(500, 375), photo_jpeg(500, 375)
    with Image.open(io.BytesIO(large)) as image:
        buffer = io.BytesIO()
        image.resize((2000, 1500), Image.Resampling.BICUBIC).save(buffer, "JPEG", quality=95)
    mean, _ = difference(
        RESNET.to_varied_pixels(small, MIDDLE), RESNET.to_varied_pixels(buffer.getvalue(), MIDDLE)
    )
    assert mean < 6


@pytest.mark.parametrize("size", [(500, 375), (375, 500), (3, 1000), (1, 1)])
def test_a_crop_box_lies_inside_the_image_and_keeps_the_asked_share(size: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    shares = []
    for area, aspect, left, top in rng.random((300, 4)).tolist():
        x, y, width, height = RESNET.crop_box(
            size, Draw(area=area, aspect=aspect, left=left, top=top, flip=False)
        )
        assert x >= 0
        assert y >= 0
        assert 1 <= width <= size[0] - x
        assert 1 <= height <= size[1] - y
        shares.append(width * height / (size[0] * size[1]))
    if size == (500, 375):
        assert min(shares) == pytest.approx(0.35, abs=0.02)
        assert max(shares) > 0.9


def test_an_upright_photo_and_its_turned_file_give_the_same_input() -> None:
    data = photo_jpeg(320, 300)
    with Image.open(io.BytesIO(photo_jpeg(320, 300, orientation=6))) as image:
        turned = image.transpose(Image.Transpose.ROTATE_270)
        buffer = io.BytesIO()
        turned.save(buffer, "PNG")
    assert np.array_equal(
        RESNET.to_pixels(photo_jpeg(320, 300, orientation=6)), RESNET.to_pixels(buffer.getvalue())
    )
    assert not np.array_equal(RESNET.to_pixels(data), RESNET.to_pixels(buffer.getvalue()))


def test_normalise_leaves_its_input_alone() -> None:
    pixels = torch.full((1, 3, 2, 2), 7.0)
    RESNET.normalise(pixels)
    assert pixels.unique().tolist() == [7.0]
