"""Small generated images and data sets."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from imgclf.images.data import Split
from imgclf.images.inputs import Indices, Variation
from imgclf.images.shards import Member

MakeImage = Callable[..., bytes]
CENTRES = torch.randn(3, 5, generator=torch.Generator().manual_seed(0))


def encode(image: Image.Image, kind: str) -> bytes:
    """Return the image as a file of this format."""
    buffer = io.BytesIO()
    image.save(buffer, kind)
    return buffer.getvalue()


@pytest.fixture
def make_image() -> MakeImage:
    """Return a maker of image files: make_image(seed, size=(w, h), kind="PNG")."""

    def make(seed: int = 0, *, size: tuple[int, int] = (20, 16), kind: str = "PNG") -> bytes:
        pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
        return encode(Image.fromarray(pixels), kind)

    return make


@pytest.fixture
def image_folder(tmp_path: Path, make_image: MakeImage) -> Path:
    """Write train, valid and test with two classes of 6, 3 and 3 images each."""
    for number, (split, images) in enumerate({"train": 6, "valid": 3, "test": 3}.items()):
        for class_name in ("001.cat", "002.dog"):
            folder = tmp_path / "data" / split / class_name
            folder.mkdir(parents=True)
            for index in range(images):
                (folder / f"{index}.png").write_bytes(make_image(100 * number + index))
    return tmp_path / "data"


@pytest.fixture
def staged(image_folder: Path, tmp_path: Path) -> Path:
    """Write the image folder as shards of four images with a manifest, as staging does."""
    root = tmp_path / "staged"
    manifest: dict[str, object] = {"format": 1, "name": "pets", "data_hash": "ab" * 32, "images": []}
    manifest["classes"] = ["001.cat", "002.dog"]
    manifest["splits"] = {
        split: write_shards(image_folder / split, root / split) for split in ("train", "valid", "test")
    }
    (root / "manifest.json").write_text(json.dumps(manifest))
    return root


def write_shards(source: Path, target: Path) -> dict[str, object]:
    """Write a split's images into shards of four and return its entry of the manifest."""
    target.mkdir(parents=True)
    files = sorted(source.glob("*/*"), key=lambda path: hashlib.sha256(path.name.encode()).hexdigest())
    shards = []
    for number, start in enumerate(range(0, len(files), 4)):
        path = target / f"shard-{number:05}.tar"
        with tarfile.open(path, "w") as archive:
            for file in files[start : start + 4]:
                archive.add(file, f"{file.parent.name}/{file.name}")
        images = len(files[start : start + 4])
        shards.append(
            {
                "key": f"{source.name}/{path.name}",
                "bytes": path.stat().st_size,
                "sha256": "0" * 64,
                "images": images,
            }
        )
    counts = {folder.name: len(list(folder.iterdir())) for folder in source.iterdir()}
    return {"images": len(files), "counts": counts, "shards": shards}


class Points:
    """Three clouds of points in five dimensions."""

    def __init__(self, *, images: int, seed: int, labels: Sequence[int] = (0, 1, 2)) -> None:
        """Draw the points."""
        truth = torch.tensor([labels[index % len(labels)] for index in range(images)])
        noise = torch.randn(images, 5, generator=torch.Generator().manual_seed(seed))
        self.values = CENTRES[truth] + 0.5 * noise
        members: list[Member] = [None] * images  # type: ignore[list-item] # they are never read
        self.split = Split(
            name="train", total=images, positions=np.arange(images), labels=truth.numpy(), members=members
        )

    def batches(
        self, steps: Sequence[Indices], *, variation: Variation | None = None
    ) -> Iterator[torch.Tensor]:
        """Yield the points of each step."""
        for indices in steps:
            yield self.values[torch.from_numpy(indices)]


@pytest.fixture
def make_points() -> type[Points]:
    """Return the maker of inputs for a fit: make_points(images=90, seed=1)."""
    return Points
