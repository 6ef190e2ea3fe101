"""How long the simulator takes for a week of traffic, and how near it comes to every request one by one.

A week at one-second resolution: a daily wave of 2,000 to 20,000 requests a second, drawn as Poisson, on up
to 1,000 instances under target tracking. Then ten minutes on 8 instances at three uses, where each request is
also followed by itself through the same queues (a discrete-event simulation).

seconds                the simulation of the week, the drawing of its requests not counted
highest                most instances in service in that week; 1,000 are allowed
p99_error_<use>        |simulated / one by one - 1|
sim_per_s              requests of the week per second of simulation
"""

import argparse
import heapq
import json
import time

import numpy as np

import benchmarks.source_paths  # noqa: F401 - finds musher
from benchmarks.tables import print_table
from musher.scaling.instances import Instance, from_samples
from musher.scaling.policies import ScalingPlan, TargetTracking, fixed
from musher.scaling.simulate import Outcome, simulate

WEEK_S = 7 * 86_400
LOW_RATE, HIGH_RATE = 2_000, 20_000
SEED = 1
USES = (0.6, 0.8, 0.9)
SMALL_FLEET = 8


def make_instance(times_s: "np.typing.NDArray[np.float64]") -> Instance:
    """Return an instance of 4 slots with measured-like times: log-normal, 100 ms in the middle."""
    return Instance(
        instance_type="ml.m5.large", service=from_samples(times_s), price_usd_per_hour=0.115, slots=4
    )


def simulate_week(instance: Instance, chance: np.random.Generator) -> tuple[Outcome, float]:
    """Return what becomes of the week, and the seconds that it took to find out."""
    wave = (1 - np.cos(2 * np.pi * np.arange(WEEK_S) / 86_400)) / 2
    arrivals = chance.poisson(LOW_RATE + (HIGH_RATE - LOW_RATE) * wave)
    plan = ScalingPlan(
        name="target tracking",
        initial=120,
        min_capacity=50,
        max_capacity=1_000,
        policies=[TargetTracking(target=0.57 * instance.rate * 60)],
    )
    started = time.perf_counter()
    outcome = simulate(arrivals, instance=instance, plan=plan)
    return outcome, time.perf_counter() - started


def p99_one_by_one_ms(
    counts: "np.typing.NDArray[np.int64]",
    times_s: "np.typing.NDArray[np.float64]",
    slots: int,
    chance: np.random.Generator,
) -> float:
    """Follow each request of a small fleet, routed at random, first come first served."""
    seconds = np.repeat(np.arange(len(counts)), counts)
    arrivals = np.sort(seconds + chance.random(len(seconds)))
    free = [[0.0] * slots for _ in range(SMALL_FLEET)]
    chosen = chance.integers(0, SMALL_FLEET, len(arrivals))
    took = np.empty(len(arrivals))
    services = chance.choice(times_s, len(arrivals))
    for number, (arrival, service, place) in enumerate(zip(arrivals, services, chosen, strict=True)):
        end = max(arrival, free[place][0]) + service
        heapq.heapreplace(free[place], end)
        took[number] = end - arrival
    return float(np.percentile(took, 99)) * 1000


def main() -> None:
    """Run both; print a table and a JSON object."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter).parse_args()
    chance = np.random.default_rng(SEED)
    times_s = chance.lognormal(np.log(0.1), 0.4, 20_000)
    instance = make_instance(times_s)
    outcome, seconds = simulate_week(instance, chance)
    result: dict[str, float] = {
        "seconds": round(seconds, 2),
        "highest": outcome.highest,
        "requests": outcome.requests,
        "sim_per_s": round(outcome.requests / seconds),
    }
    rows = []
    for use in USES:
        counts = chance.poisson(np.full(600, use * SMALL_FLEET * instance.rate))
        ours = simulate(counts, instance=instance, plan=fixed(SMALL_FLEET)).latencies.p99_ms
        exact = p99_one_by_one_ms(counts, times_s, instance.slots, chance)
        rows.append((use, f"{ours:.0f}", f"{exact:.0f}", f"{ours / exact - 1:+.1%}"))
        result[f"p99_error_{use}"] = round(abs(ours / exact - 1), 3)
    print(f"a week, {outcome.requests} requests, {outcome.activities} activities: {seconds:.2f} s")
    print_table(("use", "simulated p99 ms", "one by one ms", "error"), rows)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
