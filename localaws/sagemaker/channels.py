"""Decide which S3 object becomes which file on which host, and fetch them."""

import json
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from localaws.errors import StorageError
from localaws.sagemaker.training.spec import Channel
from localaws.storage import Download, S3Uri, download_all, list_objects, read_object


def relative_name(*, key: str, prefix: str) -> str:
    """Return where an object lies in its channel's folder.

    A prefix that is a folder ("a/b" or "a/b/" for "a/b/c.txt") is taken off; one that is a whole key leaves
    the file's name; one that ends inside a name ("a/b" for "a/bc.txt") leaves the name from its last slash.
    """
    if not prefix or prefix.endswith("/"):
        return key.removeprefix(prefix)
    if key.startswith(prefix + "/"):
        return key.removeprefix(prefix + "/")
    return key[prefix.rfind("/") + 1 :]


def assign(
    files: Sequence[tuple[S3Uri, str]], *, distribution: str, hosts: Sequence[str]
) -> dict[str, list[str]]:
    """Return the names of the hosts that get each file, by key.

    ShardedByS3Key deals the objects out in key order, so each host has 1/N of them and every object is on
    exactly one (API_S3DataSource); with fewer objects than hosts the last hosts get none.
    """
    if distribution == "ShardedByS3Key":
        return {uri.key: [hosts[index % len(hosts)]] for index, (uri, _) in enumerate(files)}
    return {uri.key: list(hosts) for uri, _ in files}


def safe_path(folder: Path, name: str, *, key: str) -> Path:
    """Return the file for `name` in `folder`; raises StorageError where it would lie outside."""
    pure = PurePosixPath(name)
    if pure.is_absolute() or ".." in pure.parts or not pure.parts or "\0" in name:
        raise StorageError(f"Unable to download object {key}: its key does not make a file name")
    return folder.joinpath(*pure.parts)


def plan(
    channel: Channel, files: Sequence[tuple[S3Uri, str]], *, folders: Mapping[str, Path]
) -> list[Download]:
    """Return the downloads of one channel: each object once, with a file in the folder of each host."""
    hosts_of = assign(files, distribution=channel.distribution, hosts=list(folders))
    return [
        Download(
            uri=uri,
            targets=tuple(safe_path(folders[host], name, key=uri.key) for host in hosts_of[uri.key]),
        )
        for uri, name in files
    ]


def parse_manifest(content: bytes, *, uri: str) -> list[tuple[S3Uri, str]]:
    """Return the objects of a ManifestFile: `[{"prefix": "s3://..."}, "name", ...]` (API_S3DataSource)."""
    try:
        first, *names = json.loads(content)
        prefix = S3Uri.parse(first["prefix"])
        return [(S3Uri(bucket=prefix.bucket, key=prefix.key + name), name) for name in names]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise StorageError(f"{uri} is not a manifest ({error!r})") from error


def list_files(client: Any, channel: Channel) -> list[tuple[S3Uri, str]]:
    """Return the channel's objects and their names in its folder; raises StorageError if there are none."""
    uri = S3Uri.parse(channel.uri)
    if channel.data_type == "ManifestFile":
        files = parse_manifest(read_object(client, uri), uri=channel.uri)
    else:
        found = list_objects(client, uri)
        files = [(item.uri, relative_name(key=item.uri.key, prefix=uri.key)) for item in found]
    if not files:
        raise StorageError(f"No S3 objects found under S3 URL {channel.uri!r} of channel {channel.name!r}")
    return files


def fetch_channels(
    client: Any, channels: Sequence[Channel], *, folders: Mapping[str, Path], cancel: threading.Event
) -> None:
    """Download all channels below each host's folder. A FastFile channel is downloaded like a File one."""
    downloads: list[Download] = []
    for channel in channels:
        targets = {host: folder / channel.name for host, folder in folders.items()}
        downloads += plan(channel, list_files(client, channel), folders=targets)
    if downloads:
        download_all(client, downloads, cancel=cancel)
