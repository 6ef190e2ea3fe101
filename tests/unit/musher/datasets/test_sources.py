"""What a user may name as a source, and what is refused by name."""

import os
from pathlib import Path
from typing import Any

import pytest

from benchmarks.generated_photos import zip_photos
from musher.datasets.images import MAX_IMAGE_BYTES, scan_photos
from musher.datasets.layout import arrange_listing
from musher.datasets.sources import list_folder, name_source, open_source, title_source
from musher.errors import DatasetSourceError, UnreadableImageError


def paths(source: str, s3: Any, tmp_path: Path) -> list[str]:
    with open_source(source=source, s3=s3, work_dir=tmp_path) as listing:
        photos = arrange_listing(listing).photos
        assert all(len(photo.read()) == photo.size for photo in photos)
        return [photo.path for photo in photos]


def upload(folder: Path, s3: Any, prefix: str) -> None:
    for path in folder.rglob("*.jpg"):
        s3.add("theirs", prefix + path.relative_to(folder).as_posix(), path.read_bytes())


@pytest.fixture
def expected(photo_folder: Path) -> list[str]:
    return sorted(path.relative_to(photo_folder).as_posix() for path in photo_folder.rglob("*.jpg"))


@pytest.mark.parametrize("form", ["{}", "file://{}", "{}/.."])
def test_a_local_folder(form: str, photo_folder: Path, s3: Any, tmp_path: Path, expected: list[str]) -> None:
    assert paths(form.format(photo_folder), s3, tmp_path) == expected


def test_a_local_zip(photo_folder: Path, s3: Any, tmp_path: Path, expected: list[str]) -> None:
    target = zip_photos(top=photo_folder, target=tmp_path / "photos.zip")
    assert paths(str(target), s3, tmp_path) == expected


def test_photos_below_an_s3_prefix_are_remote(photo_folder: Path, s3: Any, tmp_path: Path) -> None:
    upload(photo_folder, s3, "raw/dogs/")
    with open_source(source="s3://theirs/raw/dogs", s3=s3, work_dir=tmp_path) as listing:
        assert {photo.is_remote for photo in listing.photos} == {True}


def test_an_s3_prefix(photo_folder: Path, s3: Any, tmp_path: Path, expected: list[str]) -> None:
    upload(photo_folder, s3, "raw/dogs/")
    s3.add("theirs", "raw/dogs/train/", b"")
    s3.add("theirs", "raw/dogs2/train/x/1.jpg", b"of another data set")
    assert paths("s3://theirs/raw/dogs/", s3, tmp_path) == expected


def test_a_zip_in_s3(photo_folder: Path, s3: Any, tmp_path: Path, expected: list[str]) -> None:
    packed = zip_photos(top=photo_folder, target=tmp_path / "photos.zip").read_bytes()
    s3.add("theirs", "raw/photos.zip", packed)
    assert paths("s3://theirs/raw/photos.zip", s3, tmp_path) == expected


def test_digits(s3: Any, tmp_path: Path) -> None:
    assert len(paths("digits", s3, tmp_path)) == 1797


@pytest.mark.parametrize("source", ["s3://theirs/none", "s3://theirs/none/", "s3://theirs"])
def test_a_missing_or_empty_prefix_is_named(source: str, s3: Any, tmp_path: Path) -> None:
    with pytest.raises(
        DatasetSourceError, match=rf"{source.rstrip('/')}/ is missing or empty: .*Correct the"
    ):
        paths(source, s3, tmp_path)


def test_a_missing_bucket_is_named(s3: Any, tmp_path: Path) -> None:
    with pytest.raises(DatasetSourceError, match=r"s3://nowhere/dogs/ cannot be used: .*NoSuchBucket"):
        paths("s3://nowhere/dogs", s3, tmp_path)


def test_a_missing_zip_in_s3_is_named(s3: Any, tmp_path: Path) -> None:
    with pytest.raises(DatasetSourceError, match=r"s3://theirs/dogs.zip cannot be used: .*404"):
        paths("s3://theirs/dogs.zip", s3, tmp_path)


def test_a_key_never_becomes_a_path(s3: Any, tmp_path: Path) -> None:
    s3.add("theirs", "raw/../../../evil.jpg", b"x")
    (tmp_path / "work").mkdir()
    with open_source(source="s3://theirs/raw", s3=s3, work_dir=tmp_path / "work") as listing:
        assert listing.photos[0].read() == b"x"
    assert [path.name for path in tmp_path.iterdir()] == ["work"]


def test_a_missing_path_is_named(s3: Any, tmp_path: Path) -> None:
    with pytest.raises(DatasetSourceError, match=r"/none does not exist on this worker. Give the path"):
        paths(str(tmp_path / "none"), s3, tmp_path)


@pytest.mark.parametrize(
    "source", ["", "dogs", "./dogs", "ftp://host/a.zip", "file://host/a", "s4://b/p", "http://["]
)
def test_what_is_no_source_is_refused_with_the_choices(source: str, s3: Any, tmp_path: Path) -> None:
    with pytest.raises(DatasetSourceError, match=r"is not a data source. Give 'digits', /folder, /file.zip"):
        paths(source, s3, tmp_path)


@pytest.mark.parametrize("source", ["s3://", "s3:///prefix", "s3://bucket/a?versionId=1"])
def test_a_wrong_s3_address_is_refused(source: str, s3: Any, tmp_path: Path) -> None:
    with pytest.raises(DatasetSourceError, match="is not an address of the form s3://bucket/prefix"):
        paths(source, s3, tmp_path)


def test_links_and_special_files_in_a_folder_are_named(tmp_path: Path) -> None:
    (tmp_path / "train").mkdir()
    (tmp_path / "train" / "secret.jpg").symlink_to("/etc/passwd")
    (tmp_path / "more").symlink_to("/etc")
    os.mkfifo(tmp_path / "pipe.jpg")
    with pytest.raises(
        DatasetSourceError, match=r"has 3 link\(s\) or special file\(s\): more; pipe.jpg; train/secret"
    ):
        list_folder(tmp_path)


def test_hidden_folders_are_not_entered_and_harmless_links_not_minded(tmp_path: Path) -> None:
    (tmp_path / ".git" / "objects").mkdir(parents=True)
    (tmp_path / ".git" / "link.jpg").symlink_to("/etc/passwd")
    (tmp_path / "LICENSE").symlink_to("/etc/passwd")
    (tmp_path / "1.jpg").write_bytes(b"1")
    listing = list_folder(tmp_path)
    assert [photo.path for photo in listing.photos] == ["1.jpg"]
    assert not listing.folders
    assert listing.hidden == {".git", "LICENSE"}


def test_names_with_backslashes_are_paths(tmp_path: Path) -> None:
    """As `unzip` leaves them of an archive that Windows packed."""
    for name in ("train\\cat\\1.jpg", "train\\dog\\1.jpg"):
        (tmp_path / name).write_bytes(b"1")
    arranged = arrange_listing(list_folder(tmp_path)).photos
    assert [photo.path for photo in arranged] == ["train/cat/1.jpg", "train/dog/1.jpg"]


@pytest.mark.parametrize("name", ["photos.tar.gz", "photos.TGZ", "photos.7z"])
def test_another_archive_in_s3_is_refused(name: str, s3: Any, tmp_path: Path) -> None:
    with pytest.raises(DatasetSourceError, match=rf"s3://theirs/{name} is no zip by its name.*Unpack it"):
        paths(f"s3://theirs/{name}", s3, tmp_path)


def test_a_folder_lists_its_empty_folders(tmp_path: Path) -> None:
    (tmp_path / "train" / "cat").mkdir(parents=True)
    assert list_folder(tmp_path).folders == {"train", "train/cat"}


@pytest.mark.parametrize(
    ("source", "name", "title"),
    [
        ("digits", "digits", "digits"),
        ("/data/My dogs/", "My-dogs", "My dogs"),
        ("file:///data/dog%20s", "dog-s", "dog s"),
        ("https://host/path/dogImages.zip?signature=x", "dogImages", "dogImages"),
        ("s3://bucket/raw/dogs/", "dogs", "dogs"),
        ("s3://bucket", "bucket", "bucket"),
        ("/data/犬", "photos", "犬"),
        ("/data/Fotos Müller.ZIP", "Fotos-Muller", "Fotos Müller"),
        ("/data/Fotos Mu\u0308ller", "Fotos-Muller", "Fotos M\u00fcller"),
        ("/" + "x" * 199, "x" * 63, "x" * 120),
    ],
)
def test_a_source_gives_its_data_set_a_name_and_a_title(source: str, name: str, title: str) -> None:
    assert (name_source(source), title_source(source)) == (name, title)


@pytest.mark.parametrize("size", [0, 5, 3_000_000])
def test_a_file_on_disk_is_read_whole(size: int, tmp_path: Path) -> None:
    (tmp_path / "photo.jpg").write_bytes(data := os.urandom(size))
    (photo,) = list_folder(tmp_path).photos
    assert photo.read() == data
    assert not photo.is_remote


def test_a_file_on_disk_takes_four_system_calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """docs/benchmarks.md says what more of them cost where threads read thousands of photos."""
    (tmp_path / "photo.jpg").write_bytes(bytes(100_000))
    (photo,) = list_folder(tmp_path).photos
    calls: list[str] = []
    for name in ("open", "fstat", "read", "close", "stat", "lstat", "lseek"):
        monkeypatch.setattr(os, name, _counted(name, calls))
    photo.read()
    monkeypatch.undo()
    assert calls == ["open", "fstat", "read", "close"]


def _counted(name: str, calls: list[str]) -> Any:
    real = getattr(os, name)

    def call(*args: Any, **options: Any) -> Any:
        calls.append(name)
        return real(*args, **options)

    return call


def _swap_link(path: Path) -> None:
    secret = path.with_name("secret")
    secret.write_bytes(b"secret")
    path.symlink_to(secret)


@pytest.mark.parametrize("swap", [_swap_link, os.mkfifo], ids=["link", "pipe"])
@pytest.mark.timeout(10)  # a pipe would wait for a writer for ever
def test_what_takes_a_files_place_after_the_listing_is_not_read(swap: Any, tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(b"photo")
    (photo,) = list_folder(tmp_path).photos
    path.unlink()
    swap(path)
    with pytest.raises(
        DatasetSourceError,
        match=r"photo\.jpg became a link or special file after it was listed\. Run the task again when",
    ):
        photo.read()


def test_a_file_that_grows_after_the_listing_is_read_up_to_the_limit(tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(b"photo")
    (photo,) = list_folder(tmp_path).photos
    with path.open("r+b") as file:
        file.truncate(2 * MAX_IMAGE_BYTES)
    assert len(photo.read()) == MAX_IMAGE_BYTES + 1
    with pytest.raises(UnreadableImageError, match=r"photo\.jpg: 33554433 bytes, and 33554432 is the limit"):
        scan_photos(photos=[photo])
