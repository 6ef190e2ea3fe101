"""Decode and compute photos as serve.py does, with its decoder, engine and streams, but without a server.

    python -m benchmarks.peers.in_process MODEL PHOTOS

Each line of stdin is a number of seconds: it works so long, and prints how many photos it did in what time.
"""

from __future__ import annotations

import itertools
import sys
import threading
import time
from pathlib import Path

import benchmarks.source_paths  # noqa: F401 - makes imgclf importable
from imgclf.serving import model_functions
from imgclf.serving.runtimes import ServedModel


def work(model: ServedModel, photos: list[bytes], seconds: float) -> tuple[int, float]:
    """Let each stream decode and compute one photo after the other."""
    started = time.perf_counter()
    counts: list[int] = []

    def stream() -> None:
        for count, photo in enumerate(itertools.cycle(photos)):
            if time.perf_counter() - started > seconds:
                counts.append(count)
                return
            logits = model_functions.predict_fn(model_functions.decode_image(photo), model)
            model_functions.output_fn(logits, "*/*")

    threads = [threading.Thread(target=stream) for _ in range(model.runtime.streams)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts), time.perf_counter() - started


def main() -> None:
    """Load, and work as often as stdin says."""
    model = model_functions.model_fn(sys.argv[1])
    photos = [path.read_bytes() for path in sorted(Path(sys.argv[2]).iterdir())]
    for line in sys.stdin:
        count, seconds = work(model, photos, float(line))
        print(count, seconds, flush=True)


if __name__ == "__main__":
    main()
