"""Find the cheapest endpoint for recorded traffic.

    python -m musher.scaling --trace week.csv --p99-ms 400 --instance ml.m5.large 4 large.json

TYPE, SLOTS, RESULT: an instance type, how many requests it works on at once, and the JSON result of a load
test of one such instance (docs/simulator.md). Prints one JSON object: the best plan, or null, and all that
were tried. Exit status: 0; 1 where nothing keeps the goal; 2 where the question is wrong.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from musher.costs.prices import NOTED_ON, PRICES_USD_PER_HOUR, REGION
from musher.errors import MusherError, ScalingError
from musher.scaling.instances import Instance, from_load_test
from musher.scaling.queueing import Floats
from musher.scaling.recommend import Goal, recommend
from musher.scaling.simulate import MAX_TRACE_S, Outcome, World
from musher.traffic.traces import ArrivalsTrace, CountsTrace, read_trace


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m musher.scaling", description="Find the cheapest endpoint."
    )
    parser.add_argument("--trace", type=Path, required=True, help="CSV: second,requests or offset_s")
    parser.add_argument("--p99-ms", type=float, required=True)
    parser.add_argument("--max-failed-share", type=float, default=Goal.max_failed_share)
    parser.add_argument(
        "--instance", nargs=3, action="append", required=True, metavar=("TYPE", "SLOTS", "RESULT")
    )
    parser.add_argument("--start-s", type=float, default=Instance.start_s)
    parser.add_argument("--routing", choices=("RANDOM", "LEAST_OUTSTANDING_REQUESTS"), default="RANDOM")
    return parser


def requests_per_second(trace: CountsTrace | ArrivalsTrace) -> Floats:
    """Return how many requests each second of a trace has."""
    if trace.duration_s >= MAX_TRACE_S:
        raise ScalingError(f"The trace has {trace.duration_s:.0f} s. Cut it to {MAX_TRACE_S}.")
    if isinstance(trace, CountsTrace):
        return np.asarray(trace.counts, dtype=np.float64)
    return np.bincount(np.asarray(trace.offsets_s).astype(np.int64)).astype(np.float64)


def read_instance(instance_type: str, slots: str, result: str, *, start_s: float) -> Instance:
    """Return an instance type with its price and what a load test measured of it."""
    price = PRICES_USD_PER_HOUR.get(instance_type)
    if price is None:
        raise ScalingError(f"No price is noted for {instance_type}. Add it to musher/costs/prices.py.")
    if not slots.isdecimal():
        raise ScalingError(f"{instance_type} has {slots!r} slots. Give a whole number.")
    try:
        measured = json.loads(Path(result).read_text())
    except (OSError, ValueError) as error:
        raise ScalingError(f"{result} is no JSON of a load test: {error}.") from None
    return Instance(
        instance_type=instance_type,
        service=from_load_test(measured),
        price_usd_per_hour=price,
        slots=int(slots),
        start_s=start_s,
    )


def describe(outcome: Outcome) -> dict[str, Any]:
    """Return an outcome as JSON holds it, without the instances of each second."""
    row = {name: value for name, value in asdict(outcome).items() if name != "in_service"}
    return {**row, "cost_usd": round(outcome.cost_usd, 2), "instance_hours": round(outcome.instance_hours, 2)}


def main(arguments: Sequence[str] | None = None) -> int:
    """Answer one question; return the exit status."""
    options = build_parser().parse_args(arguments)
    try:
        instances = [read_instance(*words, start_s=options.start_s) for words in options.instance]
        found = recommend(
            requests_per_second(read_trace(options.trace)),
            instances=instances,
            goal=Goal(p99_ms=options.p99_ms, max_failed_share=options.max_failed_share),
            world=World(routing=options.routing),
        )
    except MusherError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    answer = {
        "best": None if found.best is None else describe(found.best),
        "tried": [describe(outcome) for outcome in found.tried],
        "prices": f"on demand, {REGION}, noted {NOTED_ON}",
    }
    sys.stdout.write(json.dumps(answer, allow_nan=False) + "\n")
    return 0 if found.best is not None else 1


if __name__ == "__main__":
    sys.exit(main())
