"""The life of S3's objects: a folder and some threads, made at the start and gone at the end."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from localaws.asgi import Router, Scope
from localaws.s3.files import Files, activate
from localaws.s3.step import ObjectStep

FOLDER = "s3"
DISK_THREADS = 8
EVENT_THREADS = 32
"""Each may wait for a function that a notification invokes."""


class ObjectService:
    """The files of all objects, and the step that serves them."""

    def __init__(self, data_dir: Path) -> None:
        self._files = Files(data_dir / FOLDER)
        self._disk = ThreadPoolExecutor(max_workers=DISK_THREADS, thread_name_prefix="s3-disk")
        self._events = ThreadPoolExecutor(max_workers=EVENT_THREADS, thread_name_prefix="s3-event")
        activate(self._files)

    def make_step(self, *, is_for_s3: Callable[[Scope], bool]) -> ObjectStep:
        """Return the step of the chain; `is_for_s3` tells it of requests that nobody signed."""
        return ObjectStep(files=self._files, disk=self._disk, events=self._events, is_for_s3=is_for_s3)

    def register(self, router: Router) -> None:
        """Have no routes: any path may be an object."""

    async def stop(self) -> None:
        """End the threads, and remove the files: moto's lists end with the process."""
        self._disk.shutdown(wait=False, cancel_futures=True)
        self._events.shutdown(wait=False, cancel_futures=True)
        self._files.close()
        activate(None)
