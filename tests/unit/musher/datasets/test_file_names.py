"""A file's name says whether it is a photo."""

import pytest

from musher.datasets.file_names import (
    check_name,
    clean_path,
    count_by_suffix,
    first_few,
    hidden_part,
    is_photo,
)


@pytest.mark.parametrize(
    ("given", "clean"),
    [
        ("a/b.jpg", "a/b.jpg"),
        ("a\\b.jpg", "a/b.jpg"),
        ("./a//b.jpg", "a/b.jpg"),
        (" a / b.jpg ", "a/b.jpg"),
        ("a/", "a"),
        ("u\u0308.jpg", "\u00fc.jpg"),
        ("\udcff.jpg", "\udcff.jpg"),
    ],
)
def test_paths_are_cleaned(given: str, clean: str) -> None:
    assert clean_path(given) == clean


@pytest.mark.parametrize(
    ("path", "hidden"),
    [
        ("train/cat/1.jpg", None),
        ("train/.git/a/b", "train/.git"),
        ("THUMBS.DB", "THUMBS.DB"),
        ("a/DeskTop.INI", "a/DeskTop.INI"),
        ("a/@EADIR/b.jpg", "a/@EADIR"),
        ("../a.jpg", ".."),
    ],
)
def test_hidden_and_system_names_are_found_in_any_case(path: str, hidden: str | None) -> None:
    assert hidden_part(path) == hidden


@pytest.mark.parametrize("path", ["1.jpg", "1.JPEG", "a/1.Png", "1.webp", "1.jfif", "1.heic", "1.CR2"])
def test_photos_are_told_by_their_ending(path: str) -> None:
    assert is_photo(path)


@pytest.mark.parametrize("path", ["1", "1.txt", "jpg", "1.jpg.txt", "1.svg", "a.jpg/1", "1.jpg~"])
def test_other_files_are_none(path: str) -> None:
    assert not is_photo(path)


@pytest.mark.parametrize("name", ["", ".", "..", " a", "a/b", "a\x00", "x" * 256])
def test_names_that_cannot_be_stored_have_a_reason(name: str) -> None:
    assert check_name(name)


@pytest.mark.parametrize("name", ["a", "photo[1].jpg", "a~", "\u0645\u06cc\u200c", "x" * 255])
def test_names_that_can_be_stored_have_none(name: str) -> None:
    assert check_name(name) is None


def test_kinds_of_files_are_counted() -> None:
    assert count_by_suffix(["a.TXT", "b.txt", "c", "d.csv"]) == "2 .txt, 1 .csv, 1 without suffix"


def test_the_first_few_are_joined() -> None:
    assert first_few(map(str, range(4)), count=2) == "0; 1; and 2 more"
    assert first_few(["a\x1b"]) == "a\\x1b"
