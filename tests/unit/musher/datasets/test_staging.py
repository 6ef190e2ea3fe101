"""Staging uploads what is missing, the manifest last, and nothing for data that cannot be used."""

import hashlib
import io
import json
import re
import shutil
import tarfile
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from benchmarks.generated_photos import class_name, zip_photos
from musher.datasets.splitting import SplitShares
from musher.datasets.staging import StagedDataset, StagingRules, stage
from musher.errors import DatasetError, DatasetLayoutError, StagingError, UnreadableImageError


def run(s3: Any, source: object, **options: Any) -> StagedDataset:
    return stage(s3=s3, bucket="ours", prefix="musher", source=str(source), **options)


def manifest_of(s3: Any, result: StagedDataset) -> dict[str, Any]:
    key = result["manifest_uri"].removeprefix("s3://ours/")
    document: dict[str, Any] = json.loads(s3.objects["ours", key]["data"])
    return document


@pytest.fixture
def copy(photo_folder: Path, tmp_path: Path) -> Path:
    """Return a folder of photos that the test may change."""
    return Path(shutil.copytree(photo_folder, tmp_path / "dogs"))


def test_the_result_says_where_everything_is(s3: Any, photo_folder: Path) -> None:
    result = run(s3, photo_folder)
    home = f"s3://ours/musher/datasets/{result['dataset_id']}"
    assert result["dataset_id"] == result["data_hash"][:16]
    assert (result["name"], result["classes"], result["left_out"]) == ("dogImages", 3, 0)
    assert result["images"] == {"train": 9, "valid": 3, "test": 3}
    assert result["manifest_uri"] == f"{home}/manifest.json"
    assert [result["train_uri"], result["valid_uri"], result["test_uri"]] == [
        f"{home}/{split}/" for split in ("train", "valid", "test")
    ]
    assert result["uploaded_objects"] == len(s3.sent) == 8
    assert result["uploaded_bytes"] == sum(len(item["data"]) for item in s3.objects.values())
    assert result["seconds"] >= 0
    assert json.loads(json.dumps(result)) == result


def test_shards_hold_every_image_and_agree_with_the_manifest(s3: Any, photo_folder: Path) -> None:
    result = run(s3, photo_folder)
    prefix = f"musher/datasets/{result['dataset_id']}"
    manifest = json.loads(s3.objects["ours", f"{prefix}/manifest.json"]["data"])
    found: dict[str, bytes] = {}
    for split, description in manifest["splits"].items():
        for shard in description["shards"]:
            data = s3.objects["ours", f"{prefix}/{shard['key']}"]["data"]
            with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as tar:
                for member in tar:
                    file = tar.extractfile(member)
                    assert file is not None
                    found[f"{split}/{member.name}"] = file.read()
    assert sorted(found) == [image["path"] for image in manifest["images"]]
    assert all((photo_folder / path).read_bytes() == data for path, data in found.items())


def test_the_manifest_is_written_last(s3: Any, photo_folder: Path) -> None:
    run(s3, photo_folder)
    assert s3.sent[-1].endswith("/manifest.json")
    assert all("/samples/" in key for key in s3.sent[-4:-1])


def test_samples_are_objects_with_their_truth(s3: Any, photo_folder: Path) -> None:
    samples = run(s3, photo_folder)["samples"]
    assert sorted(sample["truth"] for sample in samples) == [class_name(number) for number in range(3)]
    for sample in samples:
        stored = s3.objects["ours", sample["key"]]
        file = sample["key"].partition("/samples/")[2]
        assert stored["ContentType"] == "image/jpeg"
        assert stored["data"] == (photo_folder / "test" / file).read_bytes()


def test_a_second_run_uploads_nothing(s3: Any, photo_folder: Path) -> None:
    first = run(s3, photo_folder)
    s3.sent.clear()
    second = run(s3, photo_folder)
    assert (s3.sent, second["uploaded_objects"], second["uploaded_bytes"]) == ([], 0, 0)
    varying = {"uploaded_objects": 0, "uploaded_bytes": 0, "seconds": 0}
    assert {**first, **varying} == {**second, **varying}


def test_the_same_photos_from_a_zip_are_the_same_data_set(
    s3: Any, photo_folder: Path, tmp_path: Path
) -> None:
    run(s3, photo_folder)
    s3.sent.clear()
    run(s3, zip_photos(top=photo_folder, target=tmp_path / "dogImages.zip"))
    assert s3.sent == []


def test_an_interrupted_run_is_continued(s3: Any, photo_folder: Path) -> None:
    s3.fail_after = 2
    with pytest.raises(ClientError, match="come back later"):
        run(s3, photo_folder)
    assert not any(key.endswith("manifest.json") for key in s3.sent)
    s3.fail_after = None
    assert run(s3, photo_folder)["uploaded_objects"] == 6
    assert len(s3.sent) == len(set(s3.sent)) == 8


@pytest.mark.parametrize("kind", ["train/shard-00001.tar", "samples/", "manifest.json"])
def test_what_is_missing_or_damaged_is_sent_again(s3: Any, photo_folder: Path, kind: str) -> None:
    run(s3, photo_folder)
    (key, *_) = [key for _, key in s3.objects if kind in key]
    good = s3.objects["ours", key]
    for wrong in (None, {"data": b"damaged"}):
        if wrong:
            s3.objects["ours", key] = wrong
        else:
            del s3.objects["ours", key]
        assert run(s3, photo_folder)["uploaded_objects"] == 1
        assert s3.objects["ours", key] == good


def test_another_name_rewrites_the_manifest_only(s3: Any, photo_folder: Path, tmp_path: Path) -> None:
    run(s3, photo_folder)
    s3.sent.clear()
    result = run(s3, shutil.copytree(photo_folder, tmp_path / "Fotos M\u00fcller"))
    assert (result["name"], result["title"]) == ("Fotos-Muller", "Fotos M\u00fcller")
    assert manifest_of(s3, result)["title"] == "Fotos M\u00fcller"
    assert [key.rpartition("/")[2] for key in s3.sent] == ["manifest.json"]


def test_a_changed_image_makes_another_data_set(s3: Any, photo_folder: Path, copy: Path) -> None:
    before = run(s3, photo_folder)
    first, second = sorted((copy / "train").rglob("*.jpg"))[:2]
    first.write_bytes(second.read_bytes())
    assert run(s3, copy)["dataset_id"] != before["dataset_id"]


def _truncate(folder: Path) -> str:
    path = next(iter(sorted((folder / "test").rglob("*.jpg"))))
    path.write_bytes(path.read_bytes()[:300])
    return f"test/{path.parent.name}/{path.name}"


def _drop_class(folder: Path) -> str:
    shutil.rmtree(folder / "valid" / class_name(1))
    return f"valid/{class_name(1)} is missing"


def _empty_split(folder: Path) -> str:
    shutil.rmtree(folder / "test")
    (folder / "test").mkdir()
    return "test (split test) is empty"


def _rename(folder: Path) -> str:
    path = next((folder / "train").rglob("*.jpg"))
    path.rename(path.with_name("a\nb.jpg"))
    return r"'a\nb.jpg' has '\n'"


def _leak(folder: Path) -> str:
    photo = next((folder / "test" / class_name(0)).iterdir())
    shutil.copy(photo, folder / "train" / class_name(0) / "x.jpg")
    return "33.3% of the images of valid or test are in another split too"


def _contradict(folder: Path) -> str:
    photos = [next((folder / "train" / class_name(number)).rglob("*.jpg")) for number in (0, 1)]
    photos[0].write_bytes(photos[1].read_bytes())
    return "13.3% of the images are in two classes: "


@pytest.mark.parametrize("spoil", [_truncate, _drop_class, _empty_split, _rename, _leak, _contradict])
def test_nothing_is_uploaded_for_data_that_cannot_be_used(s3: Any, copy: Path, spoil: Any) -> None:
    words = spoil(copy)
    with pytest.raises(DatasetError) as caught:
        run(s3, copy)
    assert words in str(caught.value)
    assert s3.sent == []


def test_unreadable_images_may_be_left_out(s3: Any, copy: Path) -> None:
    (copy / "train" / class_name(0) / "bad.jpg").write_bytes(b"x")
    with pytest.raises(UnreadableImageError, match="1 of 16 images cannot be read"):
        run(s3, copy)
    result = run(s3, copy, rules=StagingRules(max_unreadable=1))
    assert (result["left_out"], result["images"]["train"]) == (1, 9)


def test_leaving_out_the_last_image_of_a_class_is_refused(s3: Any, copy: Path) -> None:
    words = _truncate(copy).rpartition("/")[0]
    with pytest.raises(DatasetLayoutError, match=f"class folder {words} is empty"):
        run(s3, copy, rules=StagingRules(max_unreadable=5))


def test_a_staged_data_set_in_the_bucket_is_used_where_it_is(s3: Any, photo_folder: Path) -> None:
    first = run(s3, photo_folder)
    s3.sent.clear()
    again = run(s3, first["manifest_uri"].removesuffix("/manifest.json"))
    assert s3.sent == []
    varying = {"uploaded_objects": 0, "uploaded_bytes": 0, "seconds": 0}
    assert {**first, **varying} == {**again, **varying}


def test_a_data_set_of_an_older_version_is_used_where_it_is(s3: Any, photo_folder: Path) -> None:
    """Its manifest has neither title nor findings."""
    first = run(s3, photo_folder)
    key = ("ours", f"musher/datasets/{first['dataset_id']}/manifest.json")
    old = {name: value for name, value in manifest_of(s3, first).items() if name not in {"title", "found"}}
    s3.add(*key, json.dumps(old).encode())
    again = run(s3, first["manifest_uri"].removesuffix("/manifest.json"))
    assert (again["title"], again["found"], again["left_out"]) == ("dogImages", None, 0)
    assert again["samples"] == first["samples"]


def test_a_manifest_that_is_damaged_on_the_way_is_read_again_by_a_retry(s3: Any, photo_folder: Path) -> None:
    """It is JSON all the same; what S3 holds has another hash."""
    first = run(s3, photo_folder)
    key = ("ours", f"musher/datasets/{first['dataset_id']}/manifest.json")
    s3.objects[key]["data"] = s3.objects[key]["data"].replace(b"dogImages", b"catImages")
    with pytest.raises(ConnectionError, match=r"manifest.json came with the SHA-256 \w{64}, and S3 holds"):
        run(s3, first["manifest_uri"].removesuffix("/manifest.json"))


def test_the_digits_are_the_same_data_set_as_ever(s3: Any) -> None:
    """Features are kept by the data hash, and the shards' bytes with it."""
    result = run(s3, "digits")
    assert result["data_hash"] == "c6f50abb85e6025404f8bb1c1b5e42742514e173449744740cf2b9df78e238fe"
    digest = hashlib.sha256()
    for (_, key), stored in sorted(s3.objects.items()):
        if key.endswith(".tar"):
            digest.update(stored["data"])
    assert digest.hexdigest() == "f5d760a6102cbd27b2fc213d0d6cecefc9940ea08dba7248dd3b5130ccc64c69"
    found = result["found"]
    assert found is not None
    assert found["warnings"] == []


def flatten(folder: Path) -> Path:
    """Leave class folders alone of a data set: 5 photos a class."""
    for path in sorted(folder.rglob("*.jpg")):
        target = folder / path.parent.name / f"{path.parent.parent.name}_{path.name}"
        target.parent.mkdir(exist_ok=True)
        path.rename(target)
    for split in ("train", "valid", "test"):
        shutil.rmtree(folder / split)
    return folder


def test_class_folders_are_cut_and_the_manifest_says_how(s3: Any, copy: Path) -> None:
    rules = StagingRules(shares=SplitShares(valid=0.2, test=0.1, seed=7))
    result = run(s3, flatten(copy), rules=rules)
    assert sum(result["images"].values()) == 15
    assert min(result["images"].values()) >= 3
    found = manifest_of(s3, result)["found"]
    assert found == result["found"]
    assert (found["layout"], found["cut"]) == (
        "classes",
        {"shares": {"valid": 0.2, "test": 0.1}, "seed": 7},
    )
    assert found["notes"][1] == (
        "There was no folder for valid and test: valid (20%) and test (10%) was cut from train by the "
        "images' contents, class by class (seed 7)."
    )
    s3.sent.clear()
    assert run(s3, copy, rules=rules)["uploaded_objects"] == 0
    assert run(s3, copy, rules=StagingRules(shares=SplitShares(seed=8)))["data_hash"] != result["data_hash"]


def test_a_cut_goes_into_the_shards(s3: Any, copy: Path) -> None:
    result = run(s3, flatten(copy))
    prefix = f"musher/datasets/{result['dataset_id']}"
    names: dict[str, list[str]] = {}
    for split in ("valid", "test"):
        shard = s3.objects["ours", f"{prefix}/{split}/shard-00000.tar"]["data"]
        with tarfile.open(fileobj=io.BytesIO(shard)) as tar:
            names[split] = tar.getnames()
    assert all(len(members) == result["images"][split] for split, members in names.items())
    assert {image["path"] for image in manifest_of(s3, result)["images"]} >= {
        f"{split}/{member}" for split, members in names.items() for member in members
    }


def test_what_is_left_out_is_counted_everywhere(
    s3: Any, copy: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    for name in ("README.md", "labels.csv", "train/Thumbs.db"):
        (copy / name).write_bytes(b"x")
    (copy / ".git").mkdir()
    result = run(s3, copy)
    found = manifest_of(s3, result)["found"]
    assert found["left_out"] == {"hidden or system file": 2, "no image by its name": 2}
    for sentence in (
        "2 file(s) were left out, hidden or system file: .git; train/Thumbs.db.",
        "2 file(s) were left out, no image by its name: README.md; labels.csv.",
    ):
        assert sentence in found["notes"]
        assert sentence in caplog.text


def test_few_leaks_are_warned_of(s3: Any, copy: Path, caplog: pytest.LogCaptureFixture) -> None:
    _leak(copy)
    result = run(s3, copy, rules=StagingRules(max_duplicates=0.4))
    found = result["found"]
    assert found is not None
    assert found["copies"] == {"in_two_splits": 1, "in_two_classes": 0, "spare": 0}
    assert "1 image(s) are in more than one split, which makes the measured accuracy" in caplog.text
    assert any("1 image(s) are in more than one split" in warning for warning in found["warnings"])


def test_a_sample_with_odd_characters_has_a_plain_key(s3: Any, copy: Path) -> None:
    for path in (copy / "test").rglob("*.jpg"):
        path.rename(path.with_name("photo[1]~.jpg"))
    result = run(s3, copy)
    for sample in result["samples"]:
        folder, _, file = sample["key"].rpartition("/")
        assert re.fullmatch(r"photo-1---[0-9a-f]{8}\.jpg", file)
        assert (
            s3.objects["ours", sample["key"]]["data"]
            == (copy / "test" / folder.rpartition("/")[2] / "photo[1]~.jpg").read_bytes()
        )
    assert len({sample["key"] for sample in result["samples"]}) == 3


def test_a_staged_data_set_in_another_bucket_is_copied_once(s3: Any, photo_folder: Path) -> None:
    first = stage(s3=s3, bucket="theirs", prefix="lab", source=str(photo_folder))
    source = first["manifest_uri"].removesuffix("/manifest.json")
    copied = run(s3, source)
    assert copied["manifest_uri"] == f"s3://ours/musher/datasets/{first['dataset_id']}/manifest.json"
    assert copied["uploaded_objects"] == 8
    assert run(s3, source)["uploaded_objects"] == 0


@pytest.mark.parametrize("kind", ["test/shard-00000.tar", "samples/"])
def test_a_staged_data_set_with_damage_is_refused(s3: Any, photo_folder: Path, kind: str) -> None:
    first = run(s3, photo_folder)
    (key, *_) = [key for _, key in s3.objects if kind in key]
    s3.objects["ours", key] = {"data": b"damaged"}
    with pytest.raises(StagingError, match=rf"missing or changed: .*{kind}.*Stage the data set again"):
        run(s3, first["manifest_uri"].removesuffix("/manifest.json"))


def test_no_temporary_file_is_left(
    s3: Any, photo_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    run(s3, photo_folder)
    assert list(tmp_path.iterdir()) == []


def test_an_empty_prefix_puts_data_sets_at_the_top(s3: Any, photo_folder: Path) -> None:
    result = stage(s3=s3, bucket="ours", prefix="", source=str(photo_folder))
    assert result["train_uri"] == f"s3://ours/datasets/{result['dataset_id']}/train/"
