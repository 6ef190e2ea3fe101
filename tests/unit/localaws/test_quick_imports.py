"""What the first request to a service imports, and what it leaves out."""

import gc
import subprocess
import sys

import pytest

from localaws.imports import GRAMMARS, quick_imports

FIRST_STACK = """
import sys
from localaws.assembly import install_backends, install_late
install_backends()
install_late("cloudformation")
print(sorted({"jsonschema", "rfc3987_syntax", "lark"} & sys.modules.keys()))
"""


def test_the_first_stack_compiles_no_grammars() -> None:
    """They took 3 of the 4 seconds that the first CreateStack took."""
    done = subprocess.run(
        [sys.executable, "-c", FIRST_STACK], capture_output=True, text=True, timeout=120, check=True
    )
    assert done.stdout == "['jsonschema']\n"


def test_what_is_left_out_can_be_imported_afterwards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, GRAMMARS, raising=False)
    with quick_imports():
        assert not gc.isenabled()
        with pytest.raises(ImportError):
            __import__(GRAMMARS)
    assert gc.isenabled()
    assert GRAMMARS not in sys.modules


def test_what_is_there_already_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, GRAMMARS, sys)
    with quick_imports():
        assert __import__(GRAMMARS) is sys
    assert sys.modules[GRAMMARS] is sys
