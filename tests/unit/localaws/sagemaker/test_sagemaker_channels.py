"""Which object becomes which file on which host."""

from pathlib import Path

import pytest

from localaws.errors import StorageError
from localaws.sagemaker.channels import assign, parse_manifest, plan, relative_name, safe_path
from localaws.sagemaker.training.spec import Channel
from localaws.storage import S3Uri

FOLDERS = {host: Path("/d", host) for host in ("algo-1", "algo-2")}


@pytest.mark.parametrize(
    ("key", "prefix", "name"),
    [
        ("a/b/c.txt", "a/b", "c.txt"),
        ("a/b/c.txt", "a/b/", "c.txt"),
        ("a/b/c/d.txt", "a/b", "c/d.txt"),
        ("a/b.txt", "a/b.txt", "b.txt"),
        ("a/bc.txt", "a/b", "bc.txt"),
        ("top.txt", "", "top.txt"),
        ("top.txt", "to", "top.txt"),
    ],
)
def test_a_file_is_named_by_what_follows_the_prefix(key: str, prefix: str, name: str) -> None:
    assert relative_name(key=key, prefix=prefix) == name


def files(count: int) -> list[tuple[S3Uri, str]]:
    """Return so many objects."""
    return [(S3Uri(bucket="b", key=f"k{number}"), f"k{number}") for number in range(count)]


def test_sharding_gives_each_object_to_one_host() -> None:
    dealt = assign(files(5), distribution="ShardedByS3Key", hosts=["algo-1", "algo-2"])
    assert dealt == {"k0": ["algo-1"], "k1": ["algo-2"], "k2": ["algo-1"], "k3": ["algo-2"], "k4": ["algo-1"]}


def test_with_fewer_objects_than_hosts_the_last_hosts_get_none() -> None:
    dealt = assign(files(1), distribution="ShardedByS3Key", hosts=["algo-1", "algo-2"])
    assert dealt == {"k0": ["algo-1"]}


def test_a_replicated_object_is_downloaded_once_for_all_hosts() -> None:
    (download,) = plan(Channel(name="train", uri="s3://b/k"), files(1), folders=FOLDERS)
    assert download.targets == tuple(Path(f"/d/{host}/k0") for host in FOLDERS)


@pytest.mark.parametrize("name", ["../x", "/etc/x", "a/../../x", ""])
def test_a_key_that_leaves_the_folder_is_refused(name: str) -> None:
    with pytest.raises(StorageError, match="bad/key"):
        safe_path(Path("/d"), name, key="bad/key")


def test_a_manifest_lists_names_below_its_prefix() -> None:
    content = b'[{"prefix": "s3://b/p/"}, "x/1.txt", "2.txt"]'
    found = parse_manifest(content, uri="s3://b/m")
    assert found == [
        (S3Uri(bucket="b", key="p/x/1.txt"), "x/1.txt"),
        (S3Uri(bucket="b", key="p/2.txt"), "2.txt"),
    ]


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"[]", b'["a"]', b'[{"prefix": "http://x"}]', b'[{"prefix": "s3://b/"}, 1]']
)
def test_what_is_no_manifest_is_refused_by_name(content: bytes) -> None:
    with pytest.raises(StorageError, match=r"s3://b/m|not an S3 URI"):
        parse_manifest(content, uri="s3://b/m")


@pytest.mark.parametrize("text", ["", "bucket/key", "https://bucket/key", "s3://", "s3:///key"])
def test_what_is_no_s3_uri_is_refused(text: str) -> None:
    with pytest.raises(StorageError, match="is not an S3 URI"):
        S3Uri.parse(text)
