"""Compare serve.py with other model servers on the same photos, decoder and weights.

    python -m benchmarks.serving [--rounds 5] [--seconds 3] [--peers ...] [--work noop model] [--sweep]

8 connections, each busy all the time, send JPEGs of 30 kB: to a model that computes nothing, and to a
ResNet-18 of 133 classes at 224 pixels, which the peers run by eager torch and by ONNX Runtime (our
model.onnx). All take turns in each round, after a longer one that is not counted; a contestant that is not
measured is stopped by a signal. serve.py has a process for each processor where nothing is computed, which
its documentation recommends for such models, and one process, its default, for the ResNet-18. Peers are
installed into an environment of their own (benchmarks/peers/requirements). With --sweep, serve.py alone with
each number of streams.

Claims: twice the photos a second of the best peer where nothing is computed; 1.4 times those of the best one
on torch; as many as the best one on our ONNX file, and 1.5 times as many by int8; 0.95 of decoding and
computing without any server. Prints tables, and as its last line a JSON object, where `*_cpu_ratio` compares
the processor's time for a photo.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import benchmarks.source_paths  # noqa: F401 - makes imgclf importable
from benchmarks.peers.programs import PEERS
from benchmarks.serving_bench import Bench, title
from benchmarks.serving_ratios import Found, compare, compare_cpu, median_rate, rows_of
from benchmarks.tables import print_table
from imgclf.serving.seats import MAX_PROCESSES

OURS, INT8, BARE = "serve.py", "serve.py, int8", "in process"
HEADER = ("server", "photos/s", "least", "most", "CPU ms")
NOOP, MODEL = "noop", "model"


def read_arguments() -> argparse.Namespace:
    """Return what is to be compared."""
    parser = argparse.ArgumentParser(description="Compare serve.py with other model servers.")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3.0, help="of one turn")
    parser.add_argument("--peers", nargs="*", choices=tuple(PEERS), default=list(PEERS))
    parser.add_argument("--work", nargs="+", choices=(NOOP, MODEL), default=[NOOP, MODEL])
    parser.add_argument("--sweep", action="store_true", help="compare numbers of streams instead")
    return parser.parse_args()


def compare_noop(bench: Bench, peers: Sequence[str]) -> Found:
    """Measure servers of a model that computes nothing."""
    processes = str(min(MAX_PROCESSES, len(os.sched_getaffinity(0))))
    ours = bench.ours(OURS, ["-m", "benchmarks.peers.noop_server"], MUSHER_SERVE_PROCESSES=processes)
    return bench.compare({OURS: ours, **{name: bench.peer(name, "noop") for name in peers}})


def compare_model(bench: Bench, peers: Sequence[str]) -> Found:
    """Measure servers of a ResNet-18, and the same work without any."""
    opened = {OURS: bench.served(OURS, bench.model), BARE: bench.in_process()}
    int8 = bench.quantise()
    if int8 is None:
        bench.obstacles[INT8] = "this tree has no imgclf.int8, which quantises"
    else:
        opened[INT8] = bench.served(INT8, int8)
    for work in ("onnx", "torch"):
        opened |= {title(name, work): bench.peer(name, work) for name in peers}
    return bench.compare(opened)


def compare_streams(bench: Bench) -> Found:
    """Measure serve.py with each number of streams that shares the processors evenly."""
    processors = len(os.sched_getaffinity(0))
    wanted = [count for count in range(1, processors + 1) if processors % count == 0]
    return bench.compare(
        {
            f"{count} streams": bench.served(f"{count} streams", bench.model, MUSHER_SERVE_STREAMS=str(count))
            for count in wanted
        }
    )


def judge(noop: Found, model: Found, peers: Sequence[str]) -> dict[str, Any]:
    """Return the claims' figures; null where there is nothing to compare with."""
    by = {work: [title(name, work) for name in peers] for work in ("noop", "torch", "onnx")}
    pairs = {
        "noop_ratio_best_peer": (noop, OURS, by["noop"]),
        "model_ratio_torch_peers": (model, OURS, by["torch"]),
        "model_ratio_same_engine": (model, OURS, by["onnx"]),
        "int8_ratio_best_peer": (model, INT8, by["onnx"]),
        "of_inprocess": (model, OURS, [BARE]),
    }
    figures = {name: _rounded(compare(*pair)) for name, pair in pairs.items()}
    spent = {
        "noop_cpu_ratio": compare_cpu(noop, OURS, by["noop"]),
        "torch_cpu_ratio": compare_cpu(model, OURS, by["torch"]),
        "same_engine_cpu_ratio": compare_cpu(model, OURS, by["onnx"]),
        "int8_cpu_ratio": compare_cpu(model, INT8, by["onnx"]),
    }
    took_part = [name for name in peers if any(title(name, work) in {**noop, **model} for work in by)]
    return {**figures, **{name: _rounded(value) for name, value in spent.items()}, "peers": took_part}


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)


def main() -> None:
    """Set up, measure, and tell."""
    arguments = read_arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that no server is left
    with tempfile.TemporaryDirectory(prefix="serving-", ignore_cleanup_errors=True) as folder:
        bench = Bench(folder=Path(folder), rounds=arguments.rounds, seconds=arguments.seconds)
        bench.prepare(has_model=arguments.sweep or MODEL in arguments.work)
        if arguments.sweep:
            streams = compare_streams(bench)
            print_table(HEADER, rows_of(streams))
            print(json.dumps({name: round(median_rate(turns), 1) for name, turns in streams.items()}))
            return
        peers = bench.install(arguments.peers)
        noop = compare_noop(bench, peers) if NOOP in arguments.work else {}
        model = compare_model(bench, peers) if MODEL in arguments.work else {}
    for heading, found in (("nothing is computed", noop), ("ResNet-18 at 224 pixels", model)):
        if found:
            print(f"{heading}:")
            print_table(HEADER, rows_of(found))
    for name, reason in bench.obstacles.items():
        print(f"without {name}: {reason}")
    print(json.dumps(judge(noop, model, arguments.peers)))


if __name__ == "__main__":
    main()
