"""A job keeps the memory that it frees; a server gives it back."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

TRAINING = Path(__file__).resolve().parents[3] / "training"
FILL_AGAIN = """
import resource, sys
from imgclf.memory import keep_freed_memory

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

if sys.argv[1] == "keep":
    assert keep_freed_memory()
bytearray(b"x") * (64 * 2**20)
before = faults()
for _ in range(8):
    bytearray(b"x") * (64 * 2**20)
print(faults() - before)
"""

FREE_IN_A_THREAD = """
import sys, threading
from pathlib import Path
from imgclf.memory import give_back_freed_memory, keep_freed_memory

def resident_mb():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 // 2**20

def fill():
    blocks = [bytearray(b"x") * 2**16 for _ in range(3_200)]
    del blocks[1::2], blocks[:]

if sys.argv[1] == "keep":
    keep_freed_memory()
before = resident_mb()
threads = [threading.Thread(target=fill) for _ in range(2)]
[thread.start() for thread in threads], [thread.join() for thread in threads]
left = [bytearray(100) for _ in range(10)]
give_back_freed_memory()
print(resident_mb() - before)
"""


def test_a_server_gives_back_what_it_freed_and_a_job_does_not() -> None:
    sizes = {}
    for word in ("keep", "give"):
        command = [sys.executable, "-c", FREE_IN_A_THREAD, word]
        done = subprocess.run(command, cwd=TRAINING, capture_output=True, text=True, timeout=60, check=True)
        sizes[word] = int(done.stdout)
    assert sizes["give"] < 20
    assert sizes["keep"] > 100


def count_faults(word: str) -> int:
    """Return the page faults of filling 64 MiB eight times, after a first time."""
    command = [sys.executable, "-c", FILL_AGAIN, word]
    done = subprocess.run(command, cwd=TRAINING, capture_output=True, text=True, timeout=60, check=True)
    return int(done.stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's malloc is Linux's")
def test_memory_that_was_freed_is_used_again_without_a_page_fault() -> None:
    assert count_faults("keep") < 2_000
    assert count_faults("leave") > 10_000
