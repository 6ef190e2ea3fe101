"""Imports while somebody waits: without what nobody asks for, and without looking for garbage."""

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager

GRAMMARS = "rfc3987_syntax"
"""jsonschema, which moto's API Gateway brings with it, compiles these where they happen to be installed, to
judge the format `iri`: a second of work, for a format that no schema here has."""


@contextmanager
def quick_imports() -> Iterator[None]:
    """Let no import in the block compile GRAMMARS, and collect no garbage: what a module makes stays."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        with without_grammars():
            yield
    finally:
        if was_enabled:
            gc.enable()


@contextmanager
def without_grammars() -> Iterator[None]:
    """Let the import of GRAMMARS fail in the block: whoever imports them can do without."""
    if GRAMMARS in sys.modules:
        yield
        return
    sys.modules[GRAMMARS] = None  # type: ignore[assignment]  # makes its import fail, as Python documents
    try:
        yield
    finally:
        del sys.modules[GRAMMARS]
