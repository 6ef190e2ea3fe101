"""Copy what hosts write to S3, while they write and when they end: checkpoints, outputs of processing jobs.

https://docs.aws.amazon.com/sagemaker/latest/dg/model-checkpoints.html
"""

import contextlib
import logging
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from localaws.errors import StorageError
from localaws.sagemaker.channels import safe_path
from localaws.storage import Download, S3Uri, download_all, list_objects, merge_files, upload_file

logger = logging.getLogger(__name__)

SCAN_S = 0.25
"""Real seconds between two looks at the folders."""
JOIN_S = 30.0
"""Real seconds that an upload under way gets to end."""

Found = tuple[str, int, int, int]
"""Name, inode, size and time of a file: once they change, there is something new to copy."""


class FolderSync:
    """Keep folders of the hosts and one S3 prefix alike, from the hosts to S3.

    All hosts share the prefix, as on AWS. What a host deletes stays in S3.
    """

    def __init__(self, client: Any, *, uri: str, folders: Sequence[Path], title: str) -> None:
        self._client = client
        self._uri = S3Uri.parse(uri)
        self._folders = folders
        self._title = title
        self._copied: dict[Path, Found] = {}
        self._seen: dict[Path, Found] = {}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, name=f"sync-{title}", daemon=True)

    def download(self, *, cancel: threading.Event) -> None:
        """Make every host's folder, and fetch what lies in S3 into it; raises StorageError.

        Each host gets files of its own, never links to another's: a script may write into one.
        """
        for folder in self._folders:
            folder.mkdir(parents=True, exist_ok=True)
        prefix = S3Uri(bucket=self._uri.bucket, key=f"{self._uri.key.rstrip('/')}/".lstrip("/"))
        found = [item.uri for item in list_objects(self._client, prefix)]
        downloads = [
            Download(uri=uri, targets=(safe_path(folder, uri.key.removeprefix(prefix.key), key=uri.key),))
            for uri in found
            for folder in self._folders
        ]
        download_all(self._client, downloads, cancel=cancel)
        self._copied = dict(self._scan())

    def start(self) -> None:
        """Begin to copy what appears."""
        self._thread.start()

    def finish(self) -> None:
        """Stop watching and copy what is left; raises StorageError where S3 refuses it."""
        self.abandon()
        self._copy(self._scan())

    def abandon(self) -> None:
        """Stop watching, and copy nothing more."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join(timeout=JOIN_S)

    def _watch(self) -> None:
        """Copy each file once it looks the same twice: one that is being written is left for later."""
        while not self._ended.wait(SCAN_S):
            found = self._scan()
            settled = {path: sign for path, sign in found.items() if self._seen.get(path) == sign}
            self._seen = found
            try:
                self._copy(settled)
            except StorageError as error:
                logger.warning("%s: %s", self._title, error)

    def _scan(self) -> dict[Path, Found]:
        found: dict[Path, Found] = {}
        for folder in self._folders:
            for name, path in merge_files([folder]).items():
                with contextlib.suppress(OSError):  # gone since it was listed
                    status = path.stat()
                    found[path] = (name, status.st_ino, status.st_size, status.st_mtime_ns)
        return found

    def _copy(self, found: dict[Path, Found]) -> None:
        for path, now in found.items():
            if self._copied.get(path) == now:
                continue
            try:
                upload_file(self._client, path, self._uri.join(now[0]))
            except StorageError:
                if path.is_file():
                    raise
                continue  # the script has renamed or deleted it meanwhile
            self._copied[path] = now
