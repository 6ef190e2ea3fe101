"""The built-in digits become image folders, the same ones every time."""

import hashlib
import importlib.util
import io
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from PIL import Image

from musher.datasets.digits import encode_png, list_digits, split_names
from musher.errors import DatasetSourceError


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("digits")
    for photo in list_digits().photos:
        path = target / photo.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(photo.read())
        assert path.stat().st_size == photo.size
    return target


def test_all_scans_are_written_once(folder: Path) -> None:
    names = [path.name for path in folder.rglob("*.png")]
    assert len(names) == len(set(names)) == 1797
    counts = Counter(path.relative_to(folder).parts[0] for path in folder.rglob("*.png"))
    assert counts == {"train": 1253, "valid": 266, "test": 278}


def test_every_split_has_every_digit_in_proportion(folder: Path) -> None:
    for split, least in (("train", 120), ("valid", 25), ("test", 25)):
        sizes = {path.name: len(list(path.iterdir())) for path in (folder / split).iterdir()}
        assert sorted(sizes) == list("0123456789")
        assert min(sizes.values()) >= least


def test_the_files_are_the_same_on_every_machine(folder: Path) -> None:
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*.png")):
        digest.update(path.relative_to(folder).as_posix().encode() + path.read_bytes())
    assert digest.hexdigest() == "dd582245151e2859b8897bb663f7cee457ac23b124b199dbc62427a452f5b7ab"


def test_pixels_are_those_of_the_scan(folder: Path) -> None:
    (first,) = folder.glob("*/*/digit_0000.png")
    assert first.parent.name == "0"
    with Image.open(first) as image:
        assert (image.mode, image.size) == ("L", (8, 8))
        assert list(image.tobytes()[:8]) == [round(level * 255 / 16) for level in (0, 0, 5, 13, 9, 1, 0, 0)]


def test_a_name_s_split_does_not_depend_on_the_order() -> None:
    names = [f"{number}.png" for number in range(40)]
    assert split_names(names) == split_names(names[::-1])
    assert Counter(split_names(names).values()) == {"train": 28, "valid": 6, "test": 6}


def test_a_png_is_readable() -> None:
    pixels = bytes(range(16))
    with Image.open(io.BytesIO(encode_png(pixels, side=4))) as image:
        assert image.tobytes() == pixels


def test_the_digits_are_read_without_importing_scikit_learn() -> None:
    """Its import takes a second, on every machine that runs a demo."""
    program = (
        "import sys; from musher.datasets.digits import list_digits; "
        "list_digits(); print('sklearn' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "False"


def test_without_scikit_learn_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(DatasetSourceError, match="Install scikit-learn"):
        list_digits()
