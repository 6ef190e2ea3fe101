"""Give hostile archives to all that opens one, and count what goes wrong.

Claim: of at least 130 archives, each given to every opener of its format in a process of its own, none makes
anything outside of the folder that it is unpacked into, or anything but files and folders within it
(`outside`), none runs code (`code`), none takes more than CPU_S seconds of the processor, MEMORY_MB more
memory or WAIT_S seconds (`endless`), and each is taken, or refused by the opener's own error (`unhandled`).

Prints a table, and as its last line {"archives": int, "openers": int, "runs": int, "outside": int,
"code": int, "endless": int, "unhandled": int}; with --cases each run that went wrong before that.
"""

import argparse
import gzip
import io
import json
import multiprocessing
import os
import resource
import shutil
import signal
import stat
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

from benchmarks.archive_openers import OPENERS, Opener
from benchmarks.hostile_tars import packings, tars
from benchmarks.hostile_zips import zips
from benchmarks.tables import print_table

CPU_S = 10
WAIT_S = 40.0
MEMORY_MB = 768
"""More than the process has before; what unpacks 300 MiB at once has it three times."""
FILE_MB = 512
MEMORY = "/dev/shm"  # noqa: S108  # a folder of its own is made there
"""Where archives are unpacked: what a disk takes for 20,000 files is no fault of who opens the archive."""
TAKEN, REFUSED, UNHANDLED = 0, 10, 11
ENDS = {TAKEN: "taken", REFUSED: "refused", UNHANDLED: "unhandled"}
WRONG = ("outside", "code", "endless", "unhandled")
PRESENT = {"present": "untouched"}
"""What lies in the folder that nobody may touch."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """The folders of one run: the archive's, the one to unpack into, and one that nobody may touch."""

    root: Path

    @property
    def target(self) -> Path:
        """The folder to unpack into."""
        return self.root / "target"

    @property
    def outside(self) -> Path:
        """The folder that nobody may touch; it holds the file `present`."""
        return self.root / "outside"

    @property
    def canary(self) -> Path:
        """The file that an archive's code would make."""
        return self.root / "code-ran"

    def prepare(self) -> None:
        """Make the folders anew."""
        shutil.rmtree(self.root, ignore_errors=True)
        self.target.mkdir(parents=True)
        self.outside.mkdir()
        for name, text in PRESENT.items():
            (self.outside / name).write_text(text)

    def faults(self, archive: Path) -> Iterator[str]:
        """Yield "code" or "outside" for what a run has left where nothing should be."""
        if self.canary.exists():
            yield "code"
        expected = {archive.name, "target", "outside", self.canary.name}
        strangers = {entry.name for entry in self.root.iterdir()} - expected
        kept = {entry.name: entry.read_text() for entry in self.outside.iterdir()} == PRESENT
        if strangers or not kept or self._has_special():
            yield "outside"

    def _has_special(self) -> bool:
        """Tell whether the target holds what is neither a file nor a folder."""
        modes = (path.lstat().st_mode for path in self.target.rglob("*"))
        return any(not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)) for mode in modes)


def run(opener: Opener, archive: Path, place: Place) -> tuple[str, str]:
    """Open an archive in a process of its own; return how it ended, and the error of what is unhandled."""
    context = multiprocessing.get_context("fork")
    told, tell = context.Pipe(duplex=False)
    process = context.Process(target=_child, args=(opener, archive, place.target, tell))
    process.start()
    tell.close()
    process.join(WAIT_S)
    if process.is_alive():
        process.kill()
        process.join()
    code = process.exitcode
    detail = told.recv() if code == UNHANDLED and told.poll() else ""
    told.close()
    process.close()
    if code in (-signal.SIGKILL, -signal.SIGXCPU):
        return "endless", f"more than {CPU_S} s of the processor, or {WAIT_S} s"
    if "MemoryError" in detail:
        return "endless", f"more than {MEMORY_MB} MB of memory"
    return ENDS.get(code or 0, "unhandled"), detail or f"exit code {code}"


def _child(opener: Opener, archive: Path, target: Path, tell: Connection) -> None:
    """Open, within bounds, and exit with what came of it."""
    size_kb = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (size_kb + MEMORY_MB * 2**20,) * 2)
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S + 2))
    resource.setrlimit(resource.RLIMIT_FSIZE, (FILE_MB * 2**20,) * 2)
    sys.stderr = io.StringIO()
    try:
        opener.open(archive, target)
    except opener.refusals:
        os._exit(REFUSED)
    except BaseException:  # noqa: BLE001  # whatever it is, it is told
        tell.send(traceback.format_exc()[-600:])
        os._exit(UNHANDLED)
    os._exit(TAKEN)


def corpus(place: Place) -> dict[str, list[tuple[str, bytes]]]:
    """Return the archives by format, with their names."""
    plain = dict(tars(place.outside, place.canary))
    return {
        "tar": [*plain.items(), *packings(plain)],
        "tar.gz": [*((name, gzip.compress(data, 1)) for name, data in plain.items()), *packings(plain)],
        "zip": list(zips(place.outside, place.canary)),
    }


def main() -> None:
    """Run all, print the table and the JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", action="store_true", help="print each run that went wrong")
    options = parser.parse_args()
    ends: Counter[tuple[str, str]] = Counter()
    with tempfile.TemporaryDirectory(prefix="archives-", dir=MEMORY) as folder:
        place = Place(root=Path(folder, "place"))
        archives = corpus(place)
        for opener in OPENERS:
            for about, data in archives[opener.format]:
                place.prepare()
                path = place.root / f"archive.{opener.format}"
                path.write_bytes(data)
                end, detail = run(opener, path, place)
                for fault in (end, *place.faults(path)):
                    ends[opener.name, fault] += 1
                    if options.cases and fault in WRONG:
                        print(f"{opener.name}: {about}: {fault}\n{detail}", flush=True)
    kinds = ("taken", "refused", *WRONG)
    rows = [[opener.name, opener.format, *(ends[opener.name, kind] for kind in kinds)] for opener in OPENERS]
    print_table(["opener", "format", *kinds], rows)
    wrong = {kind: sum(ends[opener.name, kind] for opener in OPENERS) for kind in WRONG}
    distinct = len({name for name, _ in archives["tar.gz"]}) + len(archives["zip"])
    runs = sum(len(archives[opener.format]) for opener in OPENERS)
    print(json.dumps({"archives": distinct, "openers": len(OPENERS), "runs": runs, **wrong}))


if __name__ == "__main__":
    main()
