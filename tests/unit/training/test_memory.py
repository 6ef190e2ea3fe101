"""A job keeps the memory that it frees."""

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


def count_faults(word: str) -> int:
    """Return the page faults of filling 64 MiB eight times, after a first time."""
    command = [sys.executable, "-c", FILL_AGAIN, word]
    done = subprocess.run(command, cwd=TRAINING, capture_output=True, text=True, timeout=60, check=True)
    return int(done.stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's malloc is Linux's")
def test_memory_that_was_freed_is_used_again_without_a_page_fault() -> None:
    assert count_faults("keep") < 2_000
    assert count_faults("leave") > 10_000
