"""Staging 2,000 small JPEG files in S3: `stage()` against boto3 and s5cmd, which send one object for each.

The server is `rclone serve s3` on loopback. Our time is the whole of `stage()`: every image is opened and
hashed, shards are packed and sent, the manifest and the samples follow. The others only send the files. boto3
clients are made before the clock starts, as a stage is given one. Runs take turns, each into an empty bucket;
a ratio is the median over the rounds.

ratio_boto3       seconds of upload_file in 16 threads / ours; boto3 without its own threads for each file,
                  which are slower here
ratio_s5cmd       seconds of `s5cmd cp FOLDER/ s3://...` / ours; at its default of 256 workers or at 16,
                  whichever is faster
second_run_puts   requests other than GET and HEAD that a proxy before the server counted while the same
                  folder was staged again
"""

import argparse
import contextlib
import itertools
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import boto3
from boto3.s3.transfer import TransferConfig
from botocore.config import Config

import benchmarks.source_paths  # noqa: F401 - finds musher
from benchmarks.generated_photos import write_photos
from benchmarks.recording_proxy import count_writes, recording_proxy
from benchmarks.tables import print_table
from musher.datasets.s3_connection import S3Connection
from musher.datasets.staging import stage
from musher.results import StagedDataset

ACCESS_KEY = "AKIABENCHMARK0000000"
SECRET_KEY = "not-a-secret-of-anyone"  # noqa: S105 - the server lives as long as this benchmark, on loopback
REGION = "us-east-1"
WAIT_S = 20.0
RUN_LIMIT_S = 120.0
SERVER_LIMIT_S = 1800
"""After which the server ends even where this process was killed."""
BOTO3_THREADS = 16
S5CMD_WORKERS = (256, 16)
SIDE = 224
"""Pixels, what the networks take; the files are then 18 kB each."""
PHOTOS = {"classes": 20, "train": 80, "valid": 10, "test": 10}


class Server:
    """`rclone serve s3` over a folder, one child folder for each bucket."""

    def __init__(self, folder: Path) -> None:
        """Start it and wait for its address; raises RuntimeError after WAIT_S."""
        self.folder = folder
        self._numbers = itertools.count()
        self.log = folder.with_suffix(".log")
        keys = f"{ACCESS_KEY},{SECRET_KEY}"
        arguments = ["serve", "s3", "--config", os.devnull, "--addr", "127.0.0.1:0", "--auth-key", keys]
        rclone = str(Path(sys.executable).with_name("rclone"))
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                ["timeout", "--kill-after=5", str(SERVER_LIMIT_S), rclone, *arguments, str(folder)],
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self.url = self._wait_for_address()

    def _wait_for_address(self) -> str:
        deadline = time.monotonic() + WAIT_S
        while time.monotonic() < deadline and self.process.poll() is None:
            found = re.search(r"http://127\.0\.0\.1:\d+", self.log.read_text())
            if found:
                return found[0]
            time.sleep(0.02)
        self.stop()
        raise RuntimeError(f"rclone did not start: {self.log.read_text()}")

    def stop(self) -> None:
        """End the process."""
        self.process.terminate()
        try:
            self.process.wait(timeout=WAIT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    @contextlib.contextmanager
    def bucket(self) -> Generator[str, None, None]:
        """Give a new bucket; its files are removed at the end, its name is used once: rclone remembers it."""
        name = f"bucket-{next(self._numbers)}"
        connect(self.url).client.create_bucket(Bucket=name)
        try:
            yield name
        finally:
            shutil.rmtree(self.folder / name)

    def object_count(self, bucket: str) -> int:
        """Return the number of objects that lie in a bucket's folder."""
        return sum(path.is_file() for path in (self.folder / bucket).rglob("*"))


@contextlib.contextmanager
def running_server(folder: Path) -> Generator[Server, None, None]:
    """Run the server for a while."""
    folder.mkdir()
    server = Server(folder)
    try:
        yield server
    finally:
        server.stop()


def connect(url: str) -> S3Connection:
    """Return a connection as a stage has it: a session's client, and the session."""
    session = boto3.Session(
        aws_access_key_id=ACCESS_KEY, aws_secret_access_key=SECRET_KEY, region_name=REGION
    )
    config = Config(
        s3={"addressing_style": "path"}, max_pool_connections=BOTO3_THREADS, signature_version="s3v4"
    )
    return S3Connection(client=session.client("s3", endpoint_url=url, config=config), session=session)


def stage_photos(photos: Path, *, s3: S3Connection, bucket: str) -> StagedDataset:
    """Stage the folder as the pipeline does."""
    return stage(s3=s3, bucket=bucket, prefix="musher", source=str(photos))


def upload_with_boto3(photos: Path, *, s3: S3Connection, bucket: str) -> None:
    """Send each file by upload_file, BOTO3_THREADS at once."""
    config = TransferConfig(use_threads=False)
    with ThreadPoolExecutor(BOTO3_THREADS) as threads:
        futures = [
            threads.submit(
                s3.client.upload_file,
                str(path),
                bucket,
                f"photos/{path.relative_to(photos).as_posix()}",
                Config=config,
            )
            for path in photos.rglob("*.jpg")
        ]
        for future in futures:
            future.result()


def upload_with_s5cmd(photos: Path, *, s3: S3Connection, bucket: str, workers: int) -> None:
    """Send the folder by one s5cmd."""
    url = s3.client.meta.endpoint_url
    binary = distribution("s5cmd").locate_file("s5cmd/bin/s5cmd")
    subprocess.run(
        [
            *(str(binary), "--endpoint-url", url, "--numworkers", str(workers)),
            *("cp", f"{photos}/", f"s3://{bucket}/photos/"),
        ],
        env={**os.environ, "AWS_ACCESS_KEY_ID": ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": SECRET_KEY},
        stdout=subprocess.DEVNULL,
        check=True,
        timeout=RUN_LIMIT_S,
    )


def seconds_of(
    run: Callable[..., Any], photos: Path, *, server: Server, objects: int, **options: Any
) -> float:
    """Return the seconds of one run into an empty bucket; raises RuntimeError where objects are missing."""
    with server.bucket() as bucket:
        s3 = connect(server.url)
        started = time.perf_counter()
        run(photos, s3=s3, bucket=bucket, **options)
        seconds = time.perf_counter() - started
        stored = server.object_count(bucket)
        if stored != objects:
            raise RuntimeError(f"{run.__name__} stored {stored} objects, not {objects}")
    return seconds


def count_puts(photos: Path, *, server: Server) -> tuple[int, int]:
    """Stage twice through the proxy; return the writing requests of each run."""
    puts = []
    with server.bucket() as bucket, recording_proxy(server.url) as (url, requests):
        for _ in range(2):
            requests.clear()
            stage_photos(photos, s3=connect(url), bucket=bucket)
            puts.append(count_writes(requests))
    return puts[0], puts[1]


def measure(photos: Path, *, server: Server, ours: int, rounds: int) -> dict[str, list[float]]:
    """Let all take turns, after one uncounted round; `ours` is the number of objects that a stage makes."""
    files = sum(1 for _ in photos.rglob("*.jpg"))
    timed = partial(seconds_of, photos=photos, server=server)
    runs: dict[str, Callable[[], float]] = {
        "stage": partial(timed, stage_photos, objects=ours),
        "boto3": partial(timed, upload_with_boto3, objects=files),
    }
    for workers in S5CMD_WORKERS:
        runs[f"s5cmd {workers}"] = partial(timed, upload_with_s5cmd, objects=files, workers=workers)
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for number in range(rounds + 1):
        for name, run in runs.items():
            taken = run()
            if number:
                seconds[name].append(taken)
    return seconds


def report(seconds: dict[str, list[float]], *, files: int, puts: tuple[int, int]) -> dict[str, float]:
    """Print the table; return the figures of the JSON line."""
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    rows = [
        [
            name,
            *(f"{value:.2f}" for value in (medians[name], min(values), max(values))),
            f"{files / medians[name]:.0f}",
        ]
        for name, values in seconds.items()
    ]
    print_table(["run", "median s", "min s", "max s", "files/s"], rows)
    ratios = {
        name: statistics.median(theirs / ours for theirs, ours in zip(values, seconds["stage"], strict=True))
        for name, values in seconds.items()
    }
    return {
        "ratio_boto3": round(ratios["boto3"], 2),
        "ratio_s5cmd": round(min(ratios[f"s5cmd {workers}"] for workers in S5CMD_WORKERS), 2),
        "first_run_puts": puts[0],
        "second_run_puts": puts[1],
    }


def main() -> None:
    """Generate the photos, measure, print a table and the JSON line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5, help="runs of each, after one that does not count")
    parser.add_argument("--side", type=int, default=SIDE, help="pixels of each photo's side")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="musher-staging-") as work:
        photos = write_photos(folder=Path(work) / "photos", side=arguments.side, **PHOTOS)
        files = [path.stat().st_size for path in photos.rglob("*.jpg")]
        print(
            f"{len(files)} files, {sum(files) / 1e6:.1f} MB, median {statistics.median(files) / 1e3:.1f} kB"
        )
        with running_server(Path(work) / "server") as server:
            puts = count_puts(photos, server=server)
            seconds = measure(photos, server=server, ours=puts[0], rounds=arguments.rounds)
    print(json.dumps(report(seconds, files=len(files), puts=puts)))


if __name__ == "__main__":
    main()
