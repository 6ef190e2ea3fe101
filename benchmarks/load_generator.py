"""What the load generator measures of a server that stalls, and which rate it holds on one processor.

The server stalls for 1 s in every 10 s, for 20 s at 100 requests a second: by arithmetic, one request in a
hundred waits for 0.9 s or more. The closed loop asks for the same rate over one connection and waits for each
answer. Then a server that answers after 100 ms at 50 requests a second, by us and by npm's autocannon 9.0.0
(skipped, with the reason, where npm or its registry is missing). Its correction is off (-C): there is nothing
to correct, and it takes the interval of all connections for that of one, which invents answers of 20 to 80 ms
(its median was 66 ms). Last, rates that double until more than one request in a hundred is sent over 10 ms
late: client and server share the machine.

stall_p99_ms           ours; stall_exact_ms by arithmetic; closed_p99_ms of the closed loop
autocannon_difference  |our median / autocannon's - 1|, null where it was skipped
held_rps               the highest rate that was held, on a machine as busy as it was
rps_of_one_processor   requests per second of the generator's processor time, in the last of these
"""

import argparse
import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Generator
from typing import Any

from benchmarks.closed_loop import measure_closed_loop
from benchmarks.servers import ROOT
from benchmarks.tables import print_table

STALL = ("0.001", "5", "1", "10")
STALL_EXACT_MS = 901.0
DELAY_S = 0.1
AUTOCANNON = "autocannon@9.0.0"
FIRST_RATE, MAX_RATE = 250, 16_000


@contextlib.contextmanager
def stalling_server(*words: str) -> Generator[str, None, None]:
    """Run the server until the end of the block; give its address."""
    argv = [sys.executable, "-c", "from benchmarks.stalling_server import main; main()", *words]
    with subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield f"http://127.0.0.1:{int(process.stdout.readline())}/"
        finally:
            process.terminate()


def load_test(url: str, *, rate: float, duration_s: float) -> dict[str, Any]:
    """Run our load generator in a process of its own."""
    argv = [sys.executable, "-m", "musher.traffic", "--rate", str(rate), "--duration-s", str(duration_s)]
    search = os.pathsep.join(filter(None, [str(ROOT / "plugins"), os.environ.get("PYTHONPATH")]))
    told = subprocess.run(
        [*argv, "http", url],
        env={**os.environ, "PYTHONPATH": search},
        capture_output=True,
        text=True,
        check=True,
        timeout=duration_s + 120,
    )
    result: dict[str, Any] = json.loads(told.stdout)
    return result


def measure_stall() -> dict[str, float]:
    """Return the p99 of both loops."""
    with stalling_server(*STALL) as url:
        ours = load_test(url, rate=100, duration_s=20)
    with stalling_server(*STALL) as url:
        closed = measure_closed_loop(url, rate=100, duration_s=20)
    return {
        "stall_p99_ms": ours["latency"]["p99_ms"],
        "stall_exact_ms": STALL_EXACT_MS,
        "closed_p99_ms": round(closed["p99_ms"], 1),
    }


def compare_autocannon() -> float | None:
    """Return how far our median is from autocannon's; None where that cannot be had."""
    if shutil.which("npx") is None:
        print("autocannon: skipped, npm is not installed")
        return None
    with stalling_server(str(DELAY_S)) as url, tempfile.TemporaryDirectory() as cache:
        ours = load_test(url, rate=50, duration_s=10)["latency"]
        argv = [
            "npx",
            "--yes",
            "--cache",
            cache,
            AUTOCANNON,
            "-R",
            "50",
            "-c",
            "20",
            "-d",
            "10",
            "-C",
            "--json",
        ]
        told = subprocess.run([*argv, url], capture_output=True, text=True, timeout=300)
    if told.returncode:
        print(f"autocannon: skipped, npx failed: {told.stderr.strip()[-200:]}")
        return None
    theirs: dict[str, float] = json.loads(told.stdout)["latency"]
    rows = [(name, ours[name], theirs[word]) for name, word in (("p50_ms", "p50"), ("p99_ms", "p99"))]
    print_table(("", "ours", "autocannon"), [*rows, ("mean_ms", ours["mean_ms"], theirs["mean"])])
    difference: float = abs(ours["p50_ms"] / theirs["p50"] - 1)
    return round(difference, 3)


def find_held_rate() -> dict[str, int]:
    """Return the highest of the doubling rates that is sent on time, and what a processor is enough for."""
    held, rate, rows, per_cpu_s = 0, FIRST_RATE, [], 0
    while rate <= MAX_RATE:
        with stalling_server("0") as url:
            result = load_test(url, rate=rate, duration_s=5)
        late_ms, per_cpu_s = result["lateness"]["p99_ms"], round(result["sent"] / result["cpu_s"])
        rows.append(
            (rate, result["succeeded_per_s"], late_ms, result["latency"]["p99_ms"], result["dropped"])
        )
        if late_ms > 10 or result["dropped"]:
            break
        held, rate = rate, rate * 2
    print_table(("asked rps", "answered rps", "late p99 ms", "p99 ms", "dropped"), rows)
    return {"held_rps": held, "rps_of_one_processor": per_cpu_s}


def main() -> None:
    """Run all three; print tables and a JSON object."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter).parse_args()
    result = {**measure_stall(), "autocannon_difference": compare_autocannon(), **find_held_rate()}
    print(json.dumps(result))


if __name__ == "__main__":
    main()
