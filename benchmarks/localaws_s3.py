"""S3 of localaws beside stock moto_server and `rclone serve s3`: small objects, memory, and one of 1 GiB.

Objects of 64 KiB go over 16 connections, kept alive where the server does so (moto_server does not). The load
generator (benchmarks/raw_http.py) is one process that sends requests written beforehand, not really signed,
and reads answers without looking at them. The servers take turns; a ratio is the median over the rounds of
theirs / ours.

put_ratio_moto, get_ratio_moto       seconds of moto_server / ours
put_ratio_rclone, get_ratio_rclone   seconds of rclone / ours
put_rps, get_rps                     requests a second of localaws, and of the load generator against a server
                                     that does nothing (generator_rps): the most that can be measured
rss_mb_per_gb                        what the memory of localaws grows by for 1 GB in objects of 4 MiB
rss_kb_per_object                    and for each object, whatever its size: moto's lists
multipart_up_s, multipart_down_s     boto3's upload_file and download_file of 1 GiB, with its defaults
multipart_peak_mb                    the most memory that localaws had meanwhile
"""

import argparse
import contextlib
import itertools
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks.raw_http import seconds_for
from benchmarks.servers import BUCKET, Server, client, free_port, localaws_argv, moto_argv, running
from benchmarks.tables import print_table

OBJECT_BYTES, LARGE_BYTES = 64 << 10, 4 << 20
CONNECTIONS = 16
SCOPE = "Credential=test/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0"
COMMON = f"host: 127.0.0.1\r\nauthorization: AWS4-HMAC-SHA256 {SCOPE}\r\n"
UNSIGNED = "x-amz-content-sha256: UNSIGNED-PAYLOAD\r\n"
NOTHING = """
import asyncio


class Answer(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.transport.write(b"HTTP/1.1 200 OK\\r\\ncontent-length: 0\\r\\n\\r\\n")


async def main():
    server = await asyncio.get_running_loop().create_server(Answer, "127.0.0.1", PORT)
    await server.serve_forever()

import uvloop
uvloop.run(main())
"""


def rclone_argv(port: int, folder: Path) -> list[str]:
    """Return the command that serves a folder; without --auth-key anybody may."""
    rclone = str(Path(sys.executable).with_name("rclone"))
    return [
        rclone, "serve", "s3", "--config", os.devnull, "--addr", f"127.0.0.1:{port}", str(folder),
    ]  # fmt: skip


def puts(prefix: str, count: int, body: bytes) -> Iterator[Sequence[bytes]]:
    """Give requests that store objects."""
    rest = f"{COMMON}{UNSIGNED}content-length: {len(body)}\r\n\r\n"
    for number in range(count):
        yield f"PUT /{BUCKET}/{prefix}-{number} HTTP/1.1\r\n{rest}".encode(), body


def gets(prefix: str, count: int) -> Iterator[Sequence[bytes]]:
    """Give requests that read them."""
    for number in range(count):
        yield (f"GET /{BUCKET}/{prefix}-{number} HTTP/1.1\r\n{COMMON}\r\n".encode(),)


def measure_small(servers: Sequence[Server], *, rounds: int, count: int) -> dict[str, float]:
    """Let the servers take turns at storing and reading objects of 64 KiB."""
    body = os.urandom(OBJECT_BYTES)
    seconds: dict[str, list[float]] = {}
    for run in range(-1, rounds):  # the first warms up
        for server in servers:
            for kind, requests in (("put", puts(f"{run}", count, body)), ("get", gets(f"{run}", count))):
                taken = seconds_for(requests, port=server.port, connections=CONNECTIONS)
                if run >= 0:
                    seconds.setdefault(f"{kind} {server.name}", []).append(taken)
    results = {}
    for kind in ("put", "get"):
        ours = seconds[f"{kind} localaws"]
        results[f"{kind}_rps"] = count / statistics.median(ours)
        for name in ("moto", "rclone"):
            pairs = zip(seconds[f"{kind} {name}"], ours, strict=True)
            results[f"{kind}_ratio_{name}"] = statistics.median(theirs / own for theirs, own in pairs)
    return results


def measure_generator(count: int) -> dict[str, float]:
    """Return how many requests a second the load generator can send to a server that does nothing."""
    port = free_port()
    argv = [sys.executable, "-c", NOTHING.replace("PORT", str(port))]
    with running("nothing", argv, port=port) as server:
        taken = seconds_for(gets("x", count), port=server.port, connections=CONNECTIONS)
    return {"generator_rps": count / taken}


def measure_memory(server: Server, *, gigabytes: float, count: int) -> dict[str, float]:
    """Return what memory grows by for much in few objects, and for little in many.

    Of much, three times, and the median: what a thread takes once for its own, some 11 MB, is not per GB.
    """
    large, body = int(gigabytes * 1e9 / LARGE_BYTES), os.urandom(LARGE_BYTES)
    seconds_for(puts("warm", 50, body), port=server.port, connections=4)
    sizes = [server.memory_mb()]
    for turn in range(3):
        seconds_for(puts(f"large{turn}", large, body), port=server.port, connections=4)
        sizes.append(server.memory_mb())
    growth, between = statistics.median(b - a for a, b in itertools.pairwise(sizes)), sizes[-1]
    seconds_for(puts("empty", count, b""), port=server.port, connections=CONNECTIONS)
    return {
        "rss_mb_per_gb": growth / gigabytes,
        "rss_kb_per_object": (server.memory_mb() - between) * 1024 / count,
    }


def measure_multipart(server: Server, *, size: int) -> dict[str, float]:
    """Send one large file by boto3 and fetch it again."""
    s3 = client("s3", port=server.port)
    with tempfile.TemporaryDirectory(prefix="benchmark-s3-") as folder:
        source, target = Path(folder, "source"), Path(folder, "target")
        with source.open("wb") as file:
            for _ in range(size >> 20):
                file.write(os.urandom(1 << 20))
        server.forget_peak()
        started = time.perf_counter()
        s3.upload_file(str(source), BUCKET, "one-large")
        uploaded = time.perf_counter()
        s3.download_file(BUCKET, "one-large", str(target))
        ended = time.perf_counter()
        if target.stat().st_size != size:
            raise RuntimeError(f"{target.stat().st_size} bytes came back of {size}")
    return {
        "multipart_up_s": uploaded - started,
        "multipart_down_s": ended - uploaded,
        "multipart_peak_mb": server.memory_mb("VmHWM"),
    }


def measure(arguments: Any) -> dict[str, float]:
    """Start the servers and measure everything."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="benchmark-rclone-")))
        servers = []
        for name in ("localaws", "moto", "rclone"):
            port = free_port()
            argv = {
                "localaws": localaws_argv(port),
                "moto": moto_argv(port),
                "rclone": rclone_argv(port, folder),
            }[name]
            servers.append(stack.enter_context(running(name, argv, port=port)))
            client("s3", port=port).create_bucket(Bucket=BUCKET)
        ours = servers[0]
        results = measure_generator(arguments.objects * 2)
        results |= measure_small(servers, rounds=arguments.rounds, count=arguments.objects)
        results |= measure_memory(ours, gigabytes=arguments.gigabytes, count=arguments.objects)
        results |= measure_multipart(ours, size=arguments.mebibytes << 20)
    return results


def main() -> None:
    """Measure, print a table and the JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a minute: few objects and 128 MiB")
    quick = parser.parse_known_args()[0].quick
    parser.add_argument("--rounds", type=int, default=2 if quick else 5)
    parser.add_argument("--objects", type=int, default=300 if quick else 2000, help="objects of one round")
    parser.add_argument("--gigabytes", type=float, default=0.2 if quick else 2, help="stored for the memory")
    parser.add_argument("--mebibytes", type=int, default=128 if quick else 1024, help="of the large file")
    results = measure(parser.parse_args())
    rounded = {name: round(value, 3) for name, value in results.items()}
    print_table(["figure", "value"], list(rounded.items()))
    print(json.dumps(rounded))


if __name__ == "__main__":
    main()
