"""docs/notebook.ipynb as it lies in git: without outputs, and for the kernel of notebook instances."""

import json
from pathlib import Path
from typing import Any

import nbformat
import pytest

from tests.objections import objection

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def notebook() -> Any:
    """The notebook."""
    return nbformat.read(ROOT / "docs" / "notebook.ipynb", as_version=4)


def test_it_is_a_valid_notebook(notebook: Any) -> None:
    assert objection(nbformat.validate, notebook) is None


def test_its_outputs_are_cleared(notebook: Any) -> None:
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert cells
    assert [cell for cell in cells if cell.outputs or cell.execution_count is not None] == []


def test_it_names_the_kernel_that_instances_bring(notebook: Any) -> None:
    assert notebook.metadata.kernelspec.name == "musher"
    assert '"display_name": "musher"' in (ROOT / "training" / "notebook" / "prepare.py").read_text()


def test_it_holds_no_address_or_account_of_anybody() -> None:
    text = json.dumps(json.loads((ROOT / "docs" / "notebook.ipynb").read_text()))
    for found in ("123456789012", "arn:aws", "AKIA", "127.0.0.1"):
        assert found not in text
