"""How many environments of a function to provision for recorded traffic.

    python -m musher.scaling.provisioned --trace week.csv --mean-ms 120 --max-spilled-share 0.01

A request that finds all provisioned environments busy spills over to one on demand, which may start cold for
it. Its share is Erlang's loss formula for each minute (arrivals within a minute are taken as Poisson; the
formula holds for any distribution of durations). AWS also lets an environment take no more than ten requests
a second. Prints one JSON object. Exit status: 0; 2 where the question is wrong.
"""

import argparse
import json
import math
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from musher.errors import MusherError, ScalingError
from musher.scaling.__main__ import requests_per_second
from musher.scaling.queueing import Floats
from musher.scaling.simulate import MINUTE_S, check_arrivals
from musher.traffic.traces import read_trace

REQUESTS_PER_S = 10
"""https://docs.aws.amazon.com/lambda/latest/dg/lambda-concurrency.html"""
USD_PER_GB_S = 0.0000041667
"""Of provisioned concurrency, x86, us-east-1: https://aws.amazon.com/lambda/pricing/"""
MONTH_S = 730 * 3600
MAX_ENVIRONMENTS = 10_000
MEMORY_MB = 256


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """A number of provisioned environments, and what it leaves."""

    count: int
    spilled_share: float
    """Of all requests of the trace; fewer start cold, as some meet an environment that is still warm."""
    busiest_minute_share: float
    usd_per_month: float
    """Of the environments alone; calls cost besides."""


@dataclass(frozen=True, kw_only=True)
class Proposals:
    """The least numbers that keep a share of spilled requests: over the trace, and in its busiest minute."""

    fixed: Proposal
    """For `function_provisioned`, where nothing scales."""
    at_most: Proposal
    """For `function_scale_max`."""


def propose(
    arrivals: Floats, *, mean_s: float, max_spilled_share: float, memory_mb: int = MEMORY_MB
) -> Proposals:
    """Return the proposals for requests in each second; `mean_s` is the mean duration of a warm one."""
    if not (0 < mean_s < math.inf and 0 < max_spilled_share < 1):
        raise ScalingError(
            f"The mean is {mean_s} s and the share {max_spilled_share}. Set a time above 0, and a share "
            "between 0 and 1."
        )
    counts = check_arrivals(arrivals)
    seconds = np.pad(counts, (0, -len(counts) % MINUTE_S)).reshape(-1, MINUTE_S)
    requests = seconds.sum(axis=1)
    loads = requests / MINUTE_S * mean_s
    lost = np.ones_like(loads)
    fixed: Proposal | None = None
    for count in range(MAX_ENVIRONMENTS + 1):
        if count:
            lost = loads * lost / (count + loads * lost)
        over = np.clip(seconds - count * REQUESTS_PER_S, 0, None).sum(axis=1)
        spilled = np.maximum(lost * requests, over)
        busiest = float(np.max(spilled / np.maximum(requests, 1)))
        found = Proposal(
            count=count,
            spilled_share=float(spilled.sum() / max(requests.sum(), 1)),
            busiest_minute_share=busiest,
            usd_per_month=round(count * memory_mb / 1024 * USD_PER_GB_S * MONTH_S, 2),
        )
        fixed = found if fixed is None and found.spilled_share <= max_spilled_share else fixed
        if fixed is not None and busiest <= max_spilled_share:
            return Proposals(fixed=fixed, at_most=found)
    raise ScalingError(f"More than {MAX_ENVIRONMENTS} environments would be needed. Is the mean in seconds?")


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m musher.scaling.provisioned", description="Propose provisioned concurrency."
    )
    parser.add_argument("--trace", type=Path, required=True, help="CSV: second,requests or offset_s")
    parser.add_argument("--mean-ms", type=float, required=True, help="mean Duration of warm calls")
    parser.add_argument("--max-spilled-share", type=float, default=0.01)
    parser.add_argument("--memory-mb", type=int, default=MEMORY_MB)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Answer one question; return the exit status."""
    options = build_parser().parse_args(arguments)
    try:
        found = propose(
            requests_per_second(read_trace(options.trace)),
            mean_s=options.mean_ms / 1000,
            max_spilled_share=options.max_spilled_share,
            memory_mb=options.memory_mb,
        )
    except MusherError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    sys.stdout.write(json.dumps(asdict(found), allow_nan=False) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
