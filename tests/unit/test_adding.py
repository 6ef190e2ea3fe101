"""docs/adding.md is true: its changes, made in a copy of the sources, add what it says they do."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "adding.md"
MAX_FILES = 2
"""Files besides tests that anything may need."""
SECTIONS = ("A hyper-parameter", "An architecture", "A DAG", "A price", "A wait")

STEP = re.compile(
    r"^(?:Write `(?P<new>[^`]+)`"
    r"|In `(?P<path>[^`]+)`, (?P<where>before|after|instead of) `(?P<line>[^`]+)`):\n\n"
    r"```\w+\n(?P<text>.*?)^```$",
    re.M | re.S,
)


@dataclass(frozen=True, kw_only=True)
class Step:
    """One change that the page asks for: a new file where `where` is None, else lines beside a line."""

    path: str
    text: str
    where: str | None = None
    line: str | None = None

    def apply(self, root: Path) -> None:
        """Make the change below a folder; the line must be there once."""
        path = root / self.path
        if self.where is None:
            assert not path.exists(), f"{self.path} is there already"
            path.write_text(self.text)
            return
        lines = path.read_text().splitlines(keepends=True)
        [place] = [number for number, found in enumerate(lines) if found.strip() == self.line]
        start = place + (self.where == "after")
        lines[start : place + (self.where != "before")] = [self.text]
        path.write_text("".join(lines))


def read_steps(title: str) -> list[Step]:
    """Return the changes of a section of the page."""
    section = PAGE.read_text().split(f"\n## {title}\n")[1].split("\n## ")[0]
    steps = [
        Step(path=m["new"] or m["path"], text=m["text"], where=m["where"], line=m["line"])
        for m in STEP.finditer(section)
    ]
    assert section.count("```") == 2 * len(steps), f"a block of {title!r} says not where it belongs"
    return steps


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the sources with all changes of the page."""
    root = tmp_path_factory.mktemp("musher")
    ignored = shutil.ignore_patterns("__pycache__", "*.pyc")
    for name in ("dags", "plugins", "training"):
        shutil.copytree(ROOT / name, root / name, ignore=ignored)
    (root / "tests/unit").mkdir(parents=True)
    shutil.copy(ROOT / "pyproject.toml", root)
    shutil.copy(ROOT / "tests/isolated_airflow.py", root / "tests")
    shutil.copytree(ROOT / "tests/unit/musher/params", root / "tests/unit/musher/params", ignore=ignored)
    shutil.copy(ROOT / "tests/unit/musher/conftest.py", root / "tests/unit/musher")
    for title in SECTIONS:
        for step in read_steps(title):
            step.apply(root)
    return root


def run(copy: Path, *command: str) -> str:
    """Run Python on the copy's sources; return what it printed."""
    variables = {
        name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "MUSHER"))
    }
    paths = os.pathsep.join(str(copy / name) for name in ("", "training", "plugins"))
    result = subprocess.run(
        [sys.executable, *command],
        cwd=copy,
        env={**variables, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@pytest.mark.parametrize("title", SECTIONS)
def test_a_change_needs_two_files_at_most(title: str) -> None:
    steps = read_steps(title)
    assert 1 <= len({step.path for step in steps}) <= MAX_FILES
    assert all((ROOT / step.path).is_file() for step in steps if step.where)


def test_the_page_has_no_other_section() -> None:
    assert tuple(re.findall(r"^## (.+)$", PAGE.read_text(), re.M)) == SECTIONS


def test_form_and_scripts_still_agree(copy: Path) -> None:
    """The new hyper-parameter and architecture are compared like all others."""
    test = "tests/unit/musher/params/test_form_and_scripts.py"
    output = run(copy, "-m", "pytest", "-q", "-p", "no:cacheprovider", test, "-k", "declared or sizes")
    assert " passed" in output


HYPERPARAMETER = """
import json
from imgclf.arguments import parse_arguments
from imgclf.learning.trials import parse_ranges
from musher.params.form import OPTIONS
recipe = parse_arguments(["--final_share", "0.25", "--learning_rate", "0.1", "--epochs", "4"], {}).recipe
parse_ranges('{"final_share": {"type": "continuous", "min": 0, "max": 1}}')
print(json.dumps([recipe.rate(step, steps_per_epoch=100) for step in (200, 400)]))
assert "final_share" in OPTIONS
"""


def test_a_hyper_parameter_is_an_option_a_param_and_in_use(copy: Path) -> None:
    middle, last = json.loads(run(copy, "-c", HYPERPARAMETER))
    assert last == pytest.approx(0.025)
    assert 0.06 < middle < 0.09


TRAINED = """
import sys
from pathlib import Path
import numpy as np
from PIL import Image
import embed, search, train

root = Path(sys.argv[1])
rng = np.random.default_rng(1)
for split, count in (("train", 6), ("valid", 2), ("test", 2)):
    for label in ("cat", "dog"):
        (root / "data" / split / label).mkdir(parents=True)
        for number in range(count):
            pixels = rng.integers(0, 256, (20, 20, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(root / "data" / split / label / f"{number}.png")
network = ["--architecture", "patch_net", "--image_size", "16", "--batch_size", "4", "--epochs", "1"]
given = ["--data", str(root / "data"), *network]
assert train.main([*given, "--model_dir", str(root / "model"), "--output_dir", str(root / "out")], {}) == 0
assert embed.main([*given, "--model_dir", str(root / "features")], {}) == 0
ranges = '{"learning_rate": {"type": "continuous", "min": 0.001, "max": 0.1, "scale": "log"}}'
searched = [*network, "--features", str(root / "features"), "--output_dir", str(root / "trials")]
assert search.main([*searched, "--ranges", ranges, "--trials", "2"], {}) == 0
"""

SERVED = """
import json, sys
from pathlib import Path
import inference
import imgclf
root = Path(sys.argv[1])
assert Path(imgclf.__file__).is_relative_to(root / "model" / "code")
model = inference.model_fn(str(root / "model"))
pixels = inference.input_fn((root / "data/test/cat/0.png").read_bytes(), "image/png")
print(inference.output_fn(inference.predict_fn(pixels, model), "application/json").decode())
"""


def test_a_network_of_ones_own_trains_embeds_tunes_and_serves(copy: Path, tmp_path: Path) -> None:
    """It is served by the code that travels in its own model folder."""
    run(copy, "-c", TRAINED, str(tmp_path))
    manifest = json.loads((tmp_path / "features/features.json").read_text())
    assert (manifest["architecture"], manifest["dim"]) == ("patch_net", 64)
    trials = json.loads((tmp_path / "trials/trials.json").read_text())["trials"]
    assert [trial["status"] for trial in trials] == ["Completed", "Completed"]
    code = tmp_path / "model" / "code"
    served = f"import sys; sys.path[:] = [{str(code)!r}, *(p for p in sys.path if {str(copy)!r} not in p)]"
    [logits] = json.loads(run(copy, "-c", f"{served}\n{SERVED}", str(tmp_path)))
    assert len(logits) == 2


REST = """
import json, os, sys
from pathlib import Path
os.environ |= {"AIRFLOW_HOME": sys.argv[1], "AIRFLOW__CORE__LOAD_EXAMPLES": "False"}
from airflow.dag_processing.dagbag import DagBag
from botocore.waiter import WaiterModel
from musher.costs.prices import Use
bag = DagBag(Path("dags"))
assert bag.import_errors == {}, bag.import_errors
assert [task.task_id for task in bag.dags["stage_photos"].tasks] == ["stage_dataset"]
waiters = WaiterModel(json.loads(Path("plugins/musher/waiters/sagemaker.json").read_text()))
assert waiters.get_waiter("NotebookStopped").operation == "DescribeNotebookInstance"
print(Use(what="train", instance_type="ml.m5.12xlarge", instances=2, max_s=1800).price_usd)
"""


def test_a_dag_a_wait_and_a_price_are_there(copy: Path, tmp_path: Path) -> None:
    assert float(run(copy, "-c", REST, str(tmp_path)).split()[-1]) == pytest.approx(2.765)
