"""What people really have: each folder is staged as it should be, or refused with the way out.

Every case is a folder of small files, written on disk (or packed as a zip), and staged as the pipeline does.
"""

import io
import shutil
import stat
import unicodedata
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from musher.datasets.staging import StagedDataset, StagingRules, stage
from musher.errors import DatasetError

NFD = unicodedata.normalize("NFD", "Bär")
NFC = unicodedata.normalize("NFC", "Bär")
PER_CLASS = 6
SPLITS = ("train", "valid", "test")


@cache
def picture(number: int, kind: str = "JPEG", side: int = 40, mode: str = "RGB") -> bytes:
    """Return an image that no other number gives."""
    pixels = np.random.default_rng(number).integers(0, 256, (side, side, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(buffer, kind)
    return buffer.getvalue()


Files = dict[str, bytes | None]
"""By path; a folder that is empty has no bytes."""


def classes(
    form: str, *, names: tuple[str, ...] = ("cat", "dog"), count: int = PER_CLASS, start: int = 0
) -> Files:
    """Return files of classes; `form` has {c} for the class and {n} for the number."""
    return {
        form.format(c=name, n=number): picture(start + 1000 * place + number)
        for place, name in enumerate(names)
        for number in range(count)
    }


def splits(form: str = "{s}/{c}/{n}.jpg", names: tuple[str, ...] = SPLITS, **options: Any) -> Files:
    """Return files of splits; `form` has {s} for the split too."""
    return {
        path: data
        for place, split in enumerate(names)
        for path, data in classes(
            form.replace("{s}", split.replace("{", "{{").replace("}", "}}")),
            start=100_000 * (place + 1),
            **options,
        ).items()
    }


@dataclass(frozen=True, kw_only=True)
class Case:
    """A folder, and what comes of it: images of each split, or words of the refusal."""

    files: Files
    images: tuple[int | None, int | None, int | None] | None = None
    """Of train, valid and test; None where the cut decides (their sum is that of all files)."""
    refused: tuple[str, ...] = ()
    left_out: int = 0
    warned: tuple[str, ...] = ()
    rules: StagingRules = field(default_factory=StagingRules)
    total: int | None = None


def good(files: Files, *, images: Any = (12, 12, 12), **options: Any) -> Case:
    return Case(files=files, images=images, **options)


def cut(files: Files, **options: Any) -> Case:
    """Return a case whose splits are cut."""
    photos = sum(data is not None and len(data) > 100 for data in files.values())
    return Case(files=files, images=(None, None, None), **{"total": photos, **options})


def bad(files: Files, *words: str, **options: Any) -> Case:
    return Case(files=files, refused=words, **options)


TEXT = b"text"
JUNK = [
    *("README.md", "readme.TXT", "labels.csv", "LICENSE", "notes", "data.json", "train.csv", "sample.mp4"),
    *(".gitkeep", ".nomedia", ".git/HEAD", ".ipynb_checkpoints/x.jpg", ".DS_Store", "._README.md"),
    *("Thumbs.db", "thumbs.db", "THUMBS.DB", "ehthumbs.db", "Desktop.ini", "desktop.ini", "_DS_Store"),
    *("__MACOSX/._a.jpg", "@eaDir/a.jpg/SYNOPHOTO_THUMB_M.jpg", "$RECYCLE.BIN/a.jpg", "__pycache__/a.pyc"),
    *("#recycle/a.jpg", "System Volume Information/x", "lost+found/a.jpg", ".Trash-1000/files/a.jpg"),
]
PLACES = ("{}", "train/{}", "train/cat/{}")

CASES: dict[str, Case] = {
    # layouts
    "reference": good(splits()),
    "top folder": good(splits("dogImages/{s}/{c}/{n}.jpg")),
    "two top folders": good(splits("a/b c/{s}/{c}/{n}.jpg")),
    "top folder train": good(splits("train/{s}/{c}/{n}.jpg")),
    "capitals": good(splits(names=("Train", "Valid", "Test"))),
    "shouting": good(splits(names=("TRAIN", "VAL", "TEST"))),
    "val": good(splits(names=("train", "val", "test"))),
    "validation": good(splits(names=("training", "validation", "testing"))),
    "sets": good(splits(names=("training_set", "validation_set", "test_set"))),
    "sets with signs": good(splits(names=("Training Set", "validation-set", "Test.Data"))),
    "dev": good(splits(names=("train", "dev", "test"))),
    "train and test": cut(splits(names=("train", "test"))),
    "train and val": cut(splits(names=("train", "val"))),
    "train alone": cut(splits(names=("train",))),
    "Kaggle cats and dogs": cut(splits("{s}/{s}/{c}/{n}.jpg", names=("training_set", "test_set"))),
    "Kaggle Intel": cut(splits("{s}/{s}/{c}/{n}.jpg", names=("seg_train", "seg_test"))),
    "class folders": cut(classes("{c}/{n}.jpg")),
    "class folders below one": cut(classes("PetImages/{c}/{n}.jpg")),
    "class folders below two": cut(classes("a/images/{c}/{n}.jpg")),
    "a class train": cut(classes("{c}/{n}.jpg", names=("bus", "car", "train"))),
    "Oxford pets": cut({**classes("images/{c}/{n}.jpg"), "annotations/xmls/1.xml": TEXT}, left_out=1),
    "many classes": cut(classes("{c}/{n}.jpg", names=tuple(f"c{n}" for n in range(40)), count=3)),
    "the least": cut(classes("{c}/{n}.jpg", count=3), warned=("fewer than 5 images",)),
    "other shares": cut(classes("{c}/{n}.jpg"), rules=StagingRules()),
    "flat": bad(classes("{c}{n}.jpg"), "no folder train", "Arrange the images"),
    "flat with a table": bad(
        {**classes("{c}{n}.jpg"), "labels.csv": TEXT}, "no folder train", "<class>/<file>"
    ),
    "flat below one": bad(classes("images/{c}{n}.jpg"), "1 class (images)", "a folder of its own"),
    "flat train and test": bad(
        splits("{s}/{c}{n}.jpg", names=("train", "test")), "lie directly in", "Sort them"
    ),
    "flat test": bad(
        {**splits(names=("train",)), **classes("test/{c}{n}.jpg", start=9)},
        "lie directly in test",
        "move it away",
    ),
    "class folders and flat test": bad(
        {**classes("{c}/{n}.jpg"), **classes("test/{c}{n}.jpg", start=9)}, "lie directly in test", "Sort them"
    ),
    "unknown splits": bad(splits(names=("one", "two")), "no folder train, but one/; two/", "Arrange"),
    "unknown split eval": bad(splits(names=("train", "eval")), "wrong place", "rename their folder to train"),
    "no train": bad(
        splits(names=("val", "test")), "no folder train, but test (as test), val (as valid)", "Rename"
    ),
    "val and valid": bad(
        splits(names=("train", "val", "valid")), "val and valid are the same split", "Keep one"
    ),
    "Train and train": bad(
        splits(names=("train", "Train")), "Train and train are the same split", "Keep one"
    ),
    "deeper": bad(
        {**splits(), "train/cat/x/1.jpg": picture(1)}, "wrong place: train/cat/x/1.jpg", "move or delete"
    ),
    "shallower": bad({**splits(), "train/1.jpg": picture(1)}, "wrong place: train/1.jpg", "move or delete"),
    "loose photo": bad({**splits(), "cover.jpg": picture(1)}, "wrong place: cover.jpg", "move or delete"),
    "cells twice": bad(
        {**classes("cells/{c}/{n}.jpg"), **classes("cells/cells/{c}/{n}.jpg", start=9)},
        "wrong place",
        "delete",
    ),
    "class before split": bad(classes("{c}/train/{n}.jpg"), "no folder train, but cat/; dog/", "Arrange"),
    "one class": bad(classes("train/{c}/{n}.jpg", names=("cat",)), "1 class (cat)", "at least 2"),
    "one class folder": bad(classes("{c}/{n}.jpg", names=("cat",)), "1 class (cat)", "at least 2"),
    "empty": bad({}, "holds no file", "Arrange"),
    "empty folders": bad({"train/cat": None, "train/dog": None}, "holds no file", "Arrange"),
    "only text": bad({"a.txt": TEXT, "b.txt": TEXT}, "no image, but 2 .txt", ".jpg, .jpeg, .png or .webp"),
    "only a zip": bad({"photos.zip": TEXT}, "no image, but 1 .zip", "path of one zip"),
    "no endings": bad({path[:-4]: data for path, data in splits().items()}, "36 without suffix", "Rename"),
    "empty class": bad({**splits(), "train/owl": None}, "train/owl is empty", "Put some images"),
    "empty class among folders": bad({**classes("{c}/{n}.jpg"), "owl": None}, "owl is empty", "remove"),
    "empty split": bad(
        {**splits(names=("train", "valid")), "test": None}, "(split test) is empty", "cut from train"
    ),
    "empty train": bad(
        {**splits(names=("valid", "test")), "train": None}, "(split train) is empty", "Put images"
    ),
    "split of texts": bad(
        {**splits(names=("train", "valid")), "test/a.txt": TEXT}, "(split test) is empty", "cut from train"
    ),
    "class missing in test": bad(
        {**splits(), **classes("train/{c}/{n}.jpg", names=("owl",), start=7)},
        "valid/owl is missing",
        "Put some",
    ),
    "two photos a class": bad(
        classes("{c}/{n}.jpg", count=2), "at least 3 different images", "cat has 2; dog has 2", "Add images"
    ),
    "one photo and copies": bad(
        {**classes("{c}/{n}.jpg"), **{f"owl/{n}.jpg": picture(1) for n in range(9)}},
        "owl has 1",
        "Add images",
    ),
    # names
    "spaces and signs": good(splits("{s}/{c} & co (1)/IMG {n} +=@,;'$!.jpg")),
    "brackets": good(splits("{s}/{c}/photo[{n}].jpg")),
    "tilde": good(splits("{s}/{c}/IMG~{n}.jpg")),
    "hash and percent": good(splits("{s}/{c}/a#b%20c?{n}.jpg")),
    "all that S3 minds": good(splits('{s}/{c}/^`"<>|{n}.jpg')),
    "Japanese": good(splits("{s}/{c}/犬{n}.jpg")),
    "emoji": good(splits("{s}/{c}\U0001f415/{n}.jpg")),
    "joined emoji": good(splits("{s}/{c}\U0001f468\u200d\U0001f469/{n}.jpg")),
    "Persian": good(splits("{s}/{c}\u0645\u06cc\u200c\u0634/{n}.jpg")),
    "NFD beside NFC": good(
        {
            **splits(),
            **classes(f"train/{NFC}/{{n}}.jpg", names=("x",), start=31_000),
            **classes(f"valid/{NFD}/{{n}}.jpg", names=("x",), start=32_000),
            **classes(f"test/{NFD}/{{n}}.jpg", names=("x",), start=33_000),
        },
        images=(18, 18, 18),
    ),
    "NFD and NFC in one split": cut(
        {**classes(f"{NFC}/{{n}}.jpg", names=("x",)), **classes(f"{NFD}/{{n}}.jpg", names=("x",), start=50)}
        | classes("{c}/{n}.jpg", start=5000)
    ),
    "spaces around names": good(
        {path.replace("valid/cat/", "valid/cat / "): data for path, data in splits().items()}
    ),
    "backslashes": good({path.replace("/", "\\"): data for path, data in splits().items()}),
    "long name": good(splits("{s}/{c}/" + "x" * 240 + "{n}.jpg")),
    "numbers": good(splits(count=6, form="{s}/001.{c}/{n}.jpg")),
    "dots": good(splits("{s}/{c}.v1.0/{n}.a.b.jpg")),
    "control character": bad({**splits(), "train/cat/a\nb.jpg": picture(1)}, "cannot be stored", "Rename"),
    "direction mark": bad({**splits(), "train/cat/\u202egpj.jpg": picture(1)}, "cannot be stored", "Rename"),
    # endings
    **{
        f"ending {end}": good(splits("{s}/{c}/{n}" + end))
        for end in (".JPG", ".jpeg", ".JPE", ".jfif", ".Png")
    },
    "PNG by the name of JPEG": good({path: picture(place, "PNG") for place, path in enumerate(splits())}),
    "WebP": good({path.replace(".jpg", ".webp"): picture(n, "WEBP") for n, path in enumerate(splits())}),
    "grey": good({path: picture(n, mode="L") for n, path in enumerate(splits())}),
    "CMYK": good({path: picture(n, mode="CMYK") for n, path in enumerate(splits())}),
    "RGBA": good({path: picture(n, "PNG", mode="RGBA") for n, path in enumerate(splits())}),
    "palette": good({path: picture(n, "PNG", mode="P") for n, path in enumerate(splits())}),
    "black and white": good({path: picture(n, "PNG", mode="1") for n, path in enumerate(splits())}),
    "tiny": good({path: picture(n, "PNG", side=4) for n, path in enumerate(splits())}),
    # contents
    **{
        f"{what}": bad({**splits(), f"train/cat/{name}": data}, *words)
        for what, name, data, words in (
            ("empty file", "x.jpg", b"", ("train/cat/x.jpg: is empty (0 bytes)", "Copy empty files again")),
            ("HEIC", "x.heic", b"\0\0\0\x18ftypheic" + bytes(99), ("is a HEIC photo", "heif-convert")),
            ("HEIC as JPEG", "x.jpg", b"\0\0\0\x18ftypmif1" + bytes(99), ("is a HEIC photo", "iPhone")),
            ("AVIF", "x.avif", b"\0\0\0\x18ftypavif" + bytes(99), ("is an AVIF image", "magick")),
            ("GIF", "x.gif", picture(1, "GIF"), ("is a GIF image", "magick")),
            ("GIF as JPEG", "x.jpg", picture(1, "GIF"), ("is a GIF image", "magick")),
            ("BMP", "x.bmp", picture(1, "BMP"), ("is a BMP image", "magick")),
            ("TIFF", "x.tif", picture(1, "TIFF"), ("is a TIFF or raw image", "magick")),
            ("PPM", "x.ppm", picture(1, "PPM"), ("is a PNM image", "magick")),
            ("raw", "x.nef", b"MM\0*" + bytes(99), ("is a TIFF or raw image", "magick")),
            ("page", "x.jpg", b"<html>404</html>", ("is a web page", "Download such files again")),
            (
                "LFS",
                "x.jpg",
                b"version https://git-lfs.github.com/spec/v1",
                ("Git LFS pointer", "git lfs pull"),
            ),
            ("text", "x.jpg", b"hello", ("not a JPEG, PNG, WEBP image", "Replace or delete")),
            ("cut JPEG", "x.jpg", picture(1, side=200)[:-900], ("truncated", "Replace or delete")),
            ("cut PNG", "x.png", picture(1, "PNG")[:-900], ("truncated", "Replace or delete")),
            ("zeros", "x.jpg", bytes(5000), ("not a JPEG, PNG, WEBP image", "max_unreadable")),
            ("AppleDouble", "x.jpg", b"\0\x05\x16\x07" + bytes(99), ("macOS metadata", "Delete such files")),
        )
    },
    "one unreadable by permission": good(
        {**splits(), "train/cat/x.jpg": b"hello"}, rules=StagingRules(max_unreadable=1)
    ),
    "last photo of a class unreadable": bad(
        {**splits(), **{f"{s}/owl/1.jpg": picture(70 + n) if n else b"x" for n, s in enumerate(SPLITS)}},
        *("train/owl is empty", "Put some images"),
        rules=StagingRules(max_unreadable=1),
    ),
    # copies
    "copy in test": bad(
        {**splits(), "test/cat/x.jpg": picture(100_000)},
        "7.7% of the images of valid or test",
        "Delete the copies",
    ),
    "copy in test, allowed": good(
        {**splits(), "test/cat/x.jpg": picture(100_000)},
        images=(12, 12, 13),
        warned=("1 image(s) are in more than one split",),
        rules=StagingRules(max_duplicates=0.1),
    ),
    "copy in two classes": good(
        {**splits(count=30), "train/dog/x.jpg": picture(100_000)},
        images=(61, 60, 60),
        warned=("1 image(s) are in more than one class",),
    ),
    "copies in a class": cut(
        {**classes("{c}/{n}.jpg"), **{f"cat/copy{n}.jpg": picture(0) for n in range(5)}}
    ),
    "all the same": bad({path: picture(1) for path in splits()}, "100.0% of the images", "Delete the copies"),
    "test is train": bad(
        {
            **splits(names=("train",)),
            **{p.replace("train", "test"): d for p, d in splits(names=("train",)).items()},
        },
        *("100.0% of the images of valid or test", "Delete the copies"),
    ),
    # harmless files
    **{
        f"{junk} at {place}": good({**splits(), place.format(junk): TEXT}, left_out=1)
        for place in PLACES
        for junk in JUNK
        if place != "train/{}" or junk in {".gitkeep", "labels.csv", "@eaDir/a.jpg/SYNOPHOTO_THUMB_M.jpg"}
    },
    "side-cars": good(
        {**splits(), **{path.replace(".jpg", end): TEXT for path in splits() for end in (".json", ".xml")}},
        left_out=72,
    ),
    "all the junk together": good(
        {**splits(), **{junk: TEXT for junk in JUNK if junk != "thumbs.db"}}, left_out=len(JUNK) - 1
    ),
    "empty checkpoints": good({**splits(), "train/.ipynb_checkpoints": None}, left_out=1),
    "text folder": good({**splits(), "train/labels/1.txt": TEXT}, left_out=1),
}


def write(folder: Path, files: Files) -> Path:
    for path, data in files.items():
        target = folder / path
        (target if data is None else target.parent).mkdir(parents=True, exist_ok=True)
        if data is not None:
            target.write_bytes(data)
    folder.mkdir(exist_ok=True)
    return folder


def pack(target: Path, files: Files) -> Path:
    with zipfile.ZipFile(target, "w") as archive:
        for path, data in files.items():
            archive.writestr(f"{path}/" if data is None else path, data or b"")
    return target


def check(case: Case, run: Callable[[StagingRules], StagedDataset], s3: Any) -> None:
    if case.images is None:
        with pytest.raises(DatasetError) as caught:
            run(case.rules)
        message = str(caught.value)
        assert [words for words in case.refused if words not in message] == [], message
        assert message.endswith(".")
        assert len(message) < 1500
        assert s3.sent == []
        return
    result = run(case.rules)
    counts = [result["images"][split] for split in SPLITS]
    assert [
        count for count, wanted in zip(counts, case.images, strict=True) if wanted not in {None, count}
    ] == []
    assert case.total in {None, sum(counts)}
    assert min(counts) >= result["classes"]
    found = result["found"]
    assert found is not None
    assert sum(found["left_out"].values()) == case.left_out
    for words in case.warned:
        assert any(words in warning for warning in found["warnings"]), found["warnings"]


@pytest.mark.parametrize("name", CASES)
def test_a_folder_is_staged_or_refused_with_the_way_out(name: str, s3: Any, tmp_path: Path) -> None:
    source = write(tmp_path / "photos", CASES[name].files)
    check(
        CASES[name],
        lambda rules: stage(s3=s3, bucket="ours", prefix="p", source=str(source), rules=rules),
        s3,
    )


@pytest.mark.parametrize("name", [name for name in CASES if " at " not in name])
def test_a_zip_of_it_is_the_same(name: str, s3: Any, tmp_path: Path) -> None:
    source = pack(tmp_path / "photos.zip", CASES[name].files)
    check(
        CASES[name],
        lambda rules: stage(s3=s3, bucket="ours", prefix="p", source=str(source), rules=rules),
        s3,
    )


def test_a_link_to_photos_is_refused(s3: Any, tmp_path: Path) -> None:
    folder = write(tmp_path / "photos", splits())
    (folder / "train" / "owl").symlink_to(folder / "train" / "cat")
    with pytest.raises(DatasetError, match=r"1 link\(s\) or special file\(s\): train/owl\. Replace them"):
        stage(s3=s3, bucket="ours", prefix="p", source=str(folder))


def test_a_folder_that_cannot_be_read_is_refused(s3: Any, tmp_path: Path) -> None:
    folder = write(tmp_path / "photos", splits())
    shutil.rmtree(folder / "train" / "dog")
    (folder / "train" / "dog").write_bytes(b"")
    (folder / "train" / "dog").chmod(stat.S_IRUSR)
    with pytest.raises(DatasetError, match="class folder train/dog is missing"):
        stage(s3=s3, bucket="ours", prefix="p", source=str(folder))


def test_there_are_more_than_a_hundred_cases() -> None:
    assert len(CASES) > 100
