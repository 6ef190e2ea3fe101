"""The same photo in two splits or classes is found, and so is one that looks the same."""

import hashlib
import time

import pytest

from musher.datasets import leaks
from musher.datasets.leaks import find_copies, find_lookalikes, refuse_copies
from musher.datasets.manifest import ImageRecord
from musher.errors import DatasetLayoutError


def image(path: str, content: str = "") -> ImageRecord:
    return ImageRecord(path=path, sha256=hashlib.sha256((content or path).encode()).hexdigest(), bytes=1)


CLEAN = [
    image(f"{split}/{name}/{n}.jpg") for split in ("train", "valid", "test") for name in "ab" for n in (1, 2)
]


def test_a_clean_data_set_has_no_copies() -> None:
    copies = find_copies(CLEAN)
    assert (copies.in_two_splits, copies.in_two_classes, copies.spare) == ((), (), 0)
    refuse_copies(copies, CLEAN, max_share=0)


def test_copies_are_told_by_where_they_lie() -> None:
    images = [
        *CLEAN,
        *(image(path, "split") for path in ("train/a/s.jpg", "test/a/s.jpg")),
        *(image(path, "class") for path in ("train/a/c.jpg", "train/b/c.jpg")),
        *(image(path, "same") for path in ("train/a/x.jpg", "train/a/y.jpg", "train/a/z.jpg")),
    ]
    copies = find_copies(images)
    assert copies.in_two_splits == (("train/a/s.jpg", "test/a/s.jpg"),)
    assert copies.in_two_classes == (("train/a/c.jpg", "train/b/c.jpg"),)
    assert copies.spare == 2
    assert copies.leaked(images) == pytest.approx(1 / 5)
    assert copies.contradicting(images) == pytest.approx(2 / 19)


@pytest.mark.parametrize(
    ("paths", "words"),
    [
        (("train/a/s.jpg", "test/a/s.jpg"), "20.0% of the images of valid or test are in another split too"),
        (("valid/a/s.jpg", "test/a/s.jpg"), "20.0% of the images of valid or test are in another split too"),
        (
            ("train/a/c.jpg", "train/b/c.jpg"),
            "14.3% of the images are in two classes: train/a/c.jpg = train/b",
        ),
    ],
)
def test_more_copies_than_allowed_are_refused(paths: tuple[str, str], words: str) -> None:
    images = [*CLEAN, *(image(path, "copy") for path in paths)]
    copies = find_copies(images)
    with pytest.raises(DatasetLayoutError) as caught:
        refuse_copies(copies, images, max_share=0.1)
    assert words in str(caught.value)
    assert " = ".join(paths) in str(caught.value)
    assert str(caught.value).endswith("Delete the copies, or raise max_duplicates (now 0.1).")
    refuse_copies(copies, images, max_share=0.2)


def prints(images: list[ImageRecord], **values: int) -> dict[str, int]:
    """Return fingerprints far apart, but those given by path with _ for /."""
    given = {path.replace("__", "/") + ".jpg": value for path, value in values.items()}
    return {
        found.sha256: given.get(found.path, int.from_bytes(hashlib.sha256(found.path.encode()).digest()[:8]))
        for found in images
    }


def test_lookalikes_of_train_are_paired() -> None:
    marks = prints(CLEAN, train__a__1=0b1111, test__b__2=0b11111111, valid__a__1=0b11111 << 8 | 0b1111)
    found = find_lookalikes(CLEAN, fingerprints=marks)
    assert found.pairs == (("test/b/2.jpg", "train/a/1.jpg"),)
    assert (found.compared, found.of) == (8, 8)


def test_exact_copies_are_no_lookalikes() -> None:
    images = [*CLEAN, image("train/a/c.jpg", "copy"), image("test/a/c.jpg", "copy")]
    assert find_lookalikes(images, fingerprints=prints(images)).pairs == ()


def test_photos_without_a_fingerprint_are_not_compared() -> None:
    found = find_lookalikes(CLEAN, fingerprints={})
    assert (found.pairs, found.compared, found.of) == ((), 0, 0)


def test_the_same_part_is_compared_where_there_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leaks, "MAX_PAIRS", 12)
    monkeypatch.setattr(leaks, "CHUNK_PAIRS", 4)
    marks = dict.fromkeys((found.sha256 for found in CLEAN), 7)
    found = find_lookalikes(CLEAN, fingerprints=marks)
    assert (len(found.pairs), found.compared, found.of) == (3, 3, 8)
    assert find_lookalikes(CLEAN[::-1], fingerprints=marks).pairs[0][0] == found.pairs[0][0]


def test_many_photos_are_compared_in_little_time() -> None:
    images = [
        image(f"{split}/a/{n}.jpg")
        for split, count in (("train", 8000), ("test", 2000))
        for n in range(count)
    ]
    started = time.process_time()
    assert find_lookalikes(images, fingerprints=prints(images)).pairs == ()
    assert time.process_time() - started < 5
