"""Break each AWS call of the pipeline in each way, and compare what is left: `python -m benchmarks.chaos`.

Claim: whatever call fails, is throttled, lost, cut or answered late, and wherever the task's process is
killed, the run ends as an undisturbed one does; it starts no job twice, and leaves nothing behind.
docs/chaos.md says what a case is. Prints a line for each case, with the command that repeats it where it
fails, and as its last line {"cases": int, "same_end_state": int, "duplicates": int, "orphans": int,
"not_fired": int, "steady": bool, "seconds": float}. The exit code is 0 only if there are
cases, and all end the same.
"""

import argparse
import contextlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

import benchmarks.source_paths  # noqa: F401 - musher becomes importable
from benchmarks.chaos.cases import Case, Outcome, draw, list_cases, mix, summarise
from benchmarks.chaos.faults import FAULTS
from benchmarks.chaos.parts import BY_NAME, PARTS
from benchmarks.chaos.processes import die_with_parent, leave_on_sigterm
from benchmarks.chaos.worker import Worker, run_worker
from scripts.local_stack import ROOT

WORKERS = 2
SEED = 1
OUTCOME = "outcome "
CASE_FIELDS = 4
"""Parts of a case's name: part of the pipeline, call, position, fault."""


def choose(worker: Worker, arguments: argparse.Namespace) -> list[Case]:
    """Return the cases that the arguments name; of several workers each takes every nth."""
    names = [part for part in PARTS if not arguments.part or part.name in arguments.part]
    if arguments.case:
        wanted = {name.partition("/")[0] for name in arguments.case}
        names = [part for part in PARTS if part.name in wanted]
    cases = list_cases(site for part in names for site in worker.sites(part))
    if arguments.case:
        chosen = [case for case in cases if case.name in arguments.case]
        if missing := sorted(set(arguments.case) - {case.name for case in chosen}):
            raise SystemExit(f"no such case: {', '.join(missing)}. --list lists them.")
        return chosen
    if arguments.sample:
        cases = draw(cases, count=arguments.sample, seed=arguments.seed)
    if arguments.limit_s:  # what is done by then is to be of all parts
        cases = mix(cases, seed=arguments.seed)
    number, count = map(int, arguments.share.split("/"))
    return cases[number::count]


def work(folder: Path, arguments: argparse.Namespace) -> Iterator[Outcome]:
    """Run this process's cases, and begin none after the limit."""
    began = time.monotonic()

    def chosen(worker: Worker) -> Sequence[Case]:
        found = choose(worker, arguments)
        if arguments.list:
            for case in found:
                print(case.name)
            return ()
        return found

    with contextlib.closing(run_worker(folder, chosen)) as outcomes:
        for outcome in outcomes:
            yield outcome
            if 0 < arguments.limit_s < time.monotonic() - began:
                return


def gather(folder: Path, arguments: argparse.Namespace, argv: Sequence[str]) -> Iterator[Outcome]:
    """Run the cases in several processes, and yield the outcomes as they come."""
    commands = [
        [sys.executable, "-m", "benchmarks.chaos", *argv, "--share", f"{number}/{arguments.workers}"]
        for number in range(arguments.workers)
    ]
    logs = [folder / f"worker-{number}.log" for number in range(arguments.workers)]
    processes = []
    for number, (command, log) in enumerate(zip(commands, logs, strict=True)):
        place = ["--folder", str(folder / f"worker-{number}")]
        with log.open("w") as output:
            processes.append(
                subprocess.Popen(
                    [*command, *place],
                    cwd=ROOT,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    preexec_fn=die_with_parent,
                )
            )
    read = [0] * len(logs)
    try:
        is_last = False
        while not is_last:
            is_last = all(process.poll() is not None for process in processes)
            for number, log in enumerate(logs):
                lines = log.read_text().splitlines(keepends=True)
                whole = [line for line in lines if line.endswith("\n")]
                for line in whole[read[number] :]:
                    if line.startswith(OUTCOME):
                        yield Outcome(**json.loads(line.removeprefix(OUTCOME)))
                read[number] = len(whole)
            time.sleep(0.2)
    finally:
        for process in processes:
            process.terminate()
            process.wait()
    if any(process.returncode for process in processes):
        raise SystemExit(f"a worker failed: see {', '.join(map(str, logs))}")


def tell(outcome: Outcome) -> None:
    """Print how a case went."""
    word = "same" if outcome.is_same else "DIFFERENT"
    word = word if outcome.fired else "not fired"
    print(f"{word:10} {outcome.seconds:6.1f} s  {outcome.case}", flush=True)
    if word != "DIFFERENT":
        return
    found = [f"failed: {task}" for task in outcome.failed] + outcome.duplicates + outcome.orphans
    for line in (found + outcome.different)[:12]:
        print(f"             {line[:300]}")
    print(
        f"             again: python -m benchmarks.chaos --case '{outcome.case}'   log: {outcome.log}",
        flush=True,
    )


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="benchmarks.chaos", description=__doc__)
    parser.add_argument("--list", action="store_true", help="print the cases, and run none")
    parser.add_argument("--case", nargs="*", default=[], help="run these alone")
    parser.add_argument("--part", nargs="*", default=[], choices=[part.name for part in PARTS])
    parser.add_argument("--sample", type=int, default=0, help="run so many, drawn by --seed; 0: all")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--limit-s", type=float, default=0, help="begin no case after that; 0: no limit")
    parser.add_argument("--workers", type=int, default=WORKERS)
    parser.add_argument("--folder", type=Path, help="where logs are kept; otherwise they are removed")
    parser.add_argument("--share", default="", help=argparse.SUPPRESS)
    arguments = parser.parse_args(argv)
    check(parser, arguments)
    return arguments


def check(parser: argparse.ArgumentParser, arguments: argparse.Namespace) -> None:
    """Refuse what cannot be run, before anything is started."""
    for name in arguments.case:
        fields = name.split("/")
        if len(fields) != CASE_FIELDS or fields[0] not in BY_NAME or fields[-1] not in FAULTS:
            parser.error(
                f"no such case: {name}. --list lists them, as part/service:Operation/position/fault."
            )
    for name in ("sample", "workers", "limit_s"):
        if getattr(arguments, name) < (name == "workers"):
            parser.error(
                f"--{name.replace('_', '-')} is {getattr(arguments, name)}: "
                "it must be a number of cases, processes or seconds."
            )
    folder = arguments.folder
    if folder is not None and folder.exists() and any(folder.iterdir()):
        parser.error(f"--folder {folder} is not empty: logs of other runs would be taken for this one's.")


def main(argv: Sequence[str]) -> int:
    """Run the cases; return the exit code."""
    arguments = parse(argv)
    leave_on_sigterm()
    if arguments.share:
        for outcome in work(arguments.folder, arguments):
            print(OUTCOME + json.dumps(asdict(outcome)), flush=True)
        return 0
    began = time.monotonic()
    folder = arguments.folder or Path(tempfile.mkdtemp(prefix="musher-chaos-"))
    folder.mkdir(parents=True, exist_ok=True)
    if arguments.list or arguments.case or arguments.workers == 1:
        arguments.share = "0/1"
        outcomes = _all(work(folder, arguments))
    else:
        outcomes = _all(gather(folder, arguments, argv))
    if arguments.list:
        return 0
    figures = summarise(outcomes, seconds=time.monotonic() - began)
    print(json.dumps(figures))
    return 0 if figures["cases"] and all(each.is_same for each in outcomes if each.fired) else 1


def _all(outcomes: Iterator[Outcome]) -> list[Outcome]:
    found = []
    for outcome in outcomes:
        tell(outcome)
        found.append(outcome)
    return found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
