"""A manifest says what a data set is, in bytes that depend on nothing else."""

import hashlib
import json
from collections.abc import Callable
from typing import Any

import pytest

from musher.datasets.manifest import (
    ImageRecord,
    Manifest,
    ShardRecord,
    choose_samples,
    hash_images,
    parse_manifest,
)
from musher.errors import StagingError


def record(path: str) -> ImageRecord:
    return ImageRecord(path=path, sha256=hashlib.sha256(path.encode()).hexdigest(), bytes=len(path))


def manifest(*names: str, per_class: int = 1) -> Manifest:
    images = sorted(
        (
            record(f"{split}/{name}/{number}.jpg")
            for split in ("train", "valid", "test")
            for name in names or ("cat", "dog")
            for number in range(per_class)
        ),
        key=lambda image: image.path,
    )
    shards = {
        split: (ShardRecord(key=f"{split}/shard-00000.tar", bytes=1024, sha256="ab" * 32, images=2),)
        for split in ("train", "valid", "test")
    }
    return Manifest(name="pets", images=tuple(images), shards=shards)


def test_the_data_hash_is_over_sorted_lines_of_path_and_hash() -> None:
    images = [record("valid/b/1.jpg"), record("train/a/1.jpg")]
    lines = sorted(f"{image.path} {image.sha256}\n" for image in images)
    assert hash_images(images) == hashlib.sha256("".join(lines).encode()).hexdigest()


def test_the_document_is_the_one_that_training_reads() -> None:
    document = json.loads(manifest().to_bytes())
    assert list(document) == ["classes", "data_hash", "format", "images", "name", "splits"]
    assert (document["format"], document["name"], document["classes"]) == (1, "pets", ["cat", "dog"])
    assert document["splits"]["train"] == {
        "images": 2,
        "counts": {"cat": 1, "dog": 1},
        "shards": [{"key": "train/shard-00000.tar", "bytes": 1024, "sha256": "ab" * 32, "images": 2}],
    }
    assert document["images"][0] == {
        "path": "test/cat/0.jpg",
        "sha256": record("test/cat/0.jpg").sha256,
        "bytes": 14,
    }


def test_the_id_is_the_start_of_the_data_hash() -> None:
    assert manifest().dataset_id == manifest().data_hash[:16]


def test_a_manifest_survives_being_written_and_read() -> None:
    again = parse_manifest(manifest().to_bytes(), address="s3://b/manifest.json")
    assert again == manifest()
    assert again.to_bytes() == manifest().to_bytes()
    assert again.image_counts() == {"train": 2, "valid": 2, "test": 2}


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b'{"name": "x", "images": [{"path": 1}]}', b"\xff"])
def test_what_is_no_manifest_is_refused(data: bytes) -> None:
    with pytest.raises(StagingError, match=r"s3://b/manifest.json is not a data set's manifest .*Delete it"):
        parse_manifest(data, address="s3://b/manifest.json")


def _set(**changes: Any) -> Callable[[dict[str, Any]], None]:
    return lambda document: document.update(changes)


def _escape(document: dict[str, Any]) -> None:
    document["splits"]["train"]["shards"][0]["key"] = "train/../../other.tar"


@pytest.mark.parametrize(
    "change",
    [
        _set(data_hash="0" * 64),
        _set(classes=["dog", "cat"]),
        _set(format=2),
        lambda document: document["images"].pop(),
        lambda document: document["splits"]["test"]["counts"].update(cat=9),
        _escape,
    ],
)
def test_a_manifest_that_contradicts_itself_is_refused(change: Callable[[dict[str, Any]], None]) -> None:
    document = manifest().to_document()
    change(document)
    with pytest.raises(StagingError, match="contradicts itself"):
        parse_manifest(json.dumps(document).encode(), address="s3://b/manifest.json")


def test_samples_are_test_images_of_different_classes() -> None:
    of_many = manifest(*"abcdef", per_class=4)
    samples = choose_samples(of_many, count=3)
    assert len({image.class_name for image in samples}) == 3
    assert {image.split for image in samples} == {"test"}
    assert samples == choose_samples(of_many, count=3)


def test_samples_repeat_a_class_only_when_there_are_too_few() -> None:
    samples = choose_samples(manifest(per_class=2), count=3)
    assert len(samples) == 3
    assert {image.class_name for image in samples} == {"cat", "dog"}


def test_there_are_no_more_samples_than_test_images() -> None:
    assert len(choose_samples(manifest(), count=3)) == 2
