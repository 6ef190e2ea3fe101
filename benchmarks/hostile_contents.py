"""What hostile archives hold, whatever their format: names that lead out, odd names, and code."""

import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias

MIB = 1 << 20

Corpus: TypeAlias = Iterator[tuple[str, bytes]]
"""What an archive is about, and its bytes."""


class _Harm:
    """What a pickle runs, where anybody loads it."""

    def __init__(self, canary: Path) -> None:
        self.canary = canary

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        """Make the canary."""
        return Path.touch, (self.canary,)


def names_that_lead_out(outside: Path) -> dict[str, str]:
    """Return names that point elsewhere; `outside` is a folder of ours that nothing may be written to."""
    return {
        "a parent": "../evil",
        "a parent behind a folder": "a/../../evil",
        "many parents": "../" * 40 + str(outside)[1:] + "/evil",
        "an absolute name": f"{outside}/evil",
        "an absolute name with two slashes": f"/{outside}/evil",
        "a parent with a dot": "./../evil",
        "a parent at the end": "a/..",
        "backslashes": "..\\..\\evil",
        "a drive": "C:\\evil",
        "a parent by turns": "../target/../evil",
    }


def odd_names() -> dict[str, str]:
    """Return names that are hard to write."""
    return {
        "no name": "",
        "a dot": ".",
        "a slash": "/",
        "a long part": "x" * 300,
        "a long path": "/".join(["d" * 100] * 60),
        "a space": " ",
        "a new line": "a\nb",
        "an escape": "a\x1b[2Jb",
        "a letter from right to left": "a\u202egpj.exe",
        "bytes that are no text": "a\udcff\udcfe",
        "a name of a device": "dev/null",
        "a name of the kernel": "proc/self/mem",
    }


def kinds_of_code(canary: Path) -> dict[str, bytes]:
    """Return files that somebody might run or load: each makes the canary."""
    line = f"open({str(canary)!r}, 'w').close()\n".encode()
    return {
        "sitecustomize.py": line,
        "conftest.py": line,
        "setup.py": line,
        "evil.pth": b"import os; " + line,
        "__init__.py": line,
        "__main__.py": line,
        "model.pt": pickle.dumps(_Harm(canary)),
        "evaluation.json": pickle.dumps(_Harm(canary)),
        "model.safetensors": pickle.dumps(_Harm(canary)),
        ".bashrc": f"touch {canary}\n".encode(),
    }
