"""Run random histories on localaws' own services, and count those after which something does not hold.

Claim: in none of 10,000 histories does a function run more than its limit, an object that was acknowledged
change or go, an endpoint that serves lose its last healthy instance by a change, or a scaling decision
leave its bounds. What a history does and must never see stands in benchmarks/history_models/. Nothing is
simulated but what lies below localaws: processes, the disk's pace, the clock. A history that fails is
printed as the shortest program that fails too, with the seed that finds it again.

histories               that came to their end without a violation; a search for a shorter one counts none
violations              seeds whose histories found one (the search ends there)
seconds                 from the first to the last
"""

import argparse
import json
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context

from benchmarks.history_models.endpoints import EndpointHistory
from benchmarks.history_models.functions import FunctionHistory
from benchmarks.history_models.machine import Found, History, run_histories
from benchmarks.history_models.objects import ObjectHistory
from benchmarks.history_models.scaling import ScalingHistory
from benchmarks.tables import print_table

MODELS: dict[str, type[History]] = {
    "functions": FunctionHistory,
    "objects": ObjectHistory,
    "endpoints": EndpointHistory,
    "scaling": ScalingHistory,
}
BATCH = 125
"""Histories of one seed: few enough that one seed is found again in seconds."""


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Histories of one model that follow from one seed."""

    model: str
    seed: int
    histories: int


def plan_batches(models: Sequence[str], *, histories: int, first_seed: int) -> list[Batch]:
    """Share histories out among models, each batch with a seed of its own; the models take turns."""
    sizes = {
        model: histories // len(models) + (n < histories % len(models)) for n, model in enumerate(models)
    }
    batches = []
    for number in range(-(-max(sizes.values()) // BATCH)):
        for model, size in sizes.items():
            left = min(BATCH, size - number * BATCH)
            if left > 0:
                batches.append(Batch(model=model, seed=first_seed + number, histories=left))
    return batches


def run_batch(batch: Batch) -> Found:
    """Run one batch, in a process that does nothing else meanwhile."""
    return run_histories(MODELS[batch.model], first_seed=batch.seed, histories=batch.histories)


def run_all(batches: Sequence[Batch], *, processes: int) -> list[Found]:
    """Run batches side by side; print a violation as soon as it is found."""
    found: dict[Batch, Found] = {}
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        running = {pool.submit(run_batch, batch): batch for batch in batches}
        for ended in as_completed(running):
            batch = running[ended]
            found[batch] = ended.result()
            print_violation(batch, found[batch])
    return [found[batch] for batch in batches]


def add_up(model: str, found: Sequence[Found]) -> list[object]:
    """Return a row of the table."""
    seconds = sum(batch.seconds for batch in found)
    histories = sum(batch.histories for batch in found)
    return [
        model,
        histories,
        sum(batch.steps for batch in found),
        sum(bool(batch.program) for batch in found),
        f"{seconds:.1f}",
        f"{1000 * seconds / max(histories, 1):.1f}",
    ]


def print_reached(model: str, found: Sequence[Found]) -> None:
    """Say what the histories of a model have come to."""
    reached: Counter[str] = Counter()
    for batch in found:
        reached.update(batch.reached)
    print(f"{model}: {', '.join(f'{what} {count}' for what, count in sorted(reached.items()))}")


def print_violation(batch: Batch, found: Found) -> None:
    """Print the shortest program of a violation, and how to find it again."""
    if found.program:
        options = f"--models {batch.model} --seed {batch.seed} --histories {batch.histories}"
        print(f"\npython -m benchmarks.histories {options} --processes 1\n{found.program}\n", flush=True)


def main() -> None:
    """Run, print the tables, and the figures as the last line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--histories", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0, help="of the first batch of each model")
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS))
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    if options.histories < 1 or options.processes < 1:
        parser.error("--histories and --processes are 1 at least")
    batches = plan_batches(options.models, histories=options.histories, first_seed=options.seed)
    started = time.perf_counter()
    found = run_all(batches, processes=options.processes)
    seconds = time.perf_counter() - started
    by_model = {
        model: [result for batch, result in zip(batches, found, strict=True) if batch.model == model]
        for model in options.models
    }
    header = ("model", "histories", "steps", "violations", "seconds", "ms a history")
    print_table(header, [add_up(model, results) for model, results in by_model.items()])
    for model, results in by_model.items():
        print_reached(model, results)
    figures = {
        "histories": sum(result.histories for result in found),
        "violations": sum(bool(result.program) for result in found),
        "seconds": round(seconds, 1),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
