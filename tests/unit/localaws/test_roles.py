"""The package's docstring is a map: its roles and folders are those that there are."""

import re
from collections import Counter
from pathlib import Path

import localaws

ROOT = Path(localaws.__file__).parent
MAP, _, TABLE = (localaws.__doc__ or "").partition("A role has one file name")
ROLES = set(re.findall(r"^ {4}(\w+) {2,}", TABLE, flags=re.MULTILINE))
FOLDERS = sorted(path for path in ROOT.iterdir() if (path / "__init__.py").is_file())


def test_a_file_name_that_three_folders_share_is_a_role() -> None:
    names = Counter(path.stem for path in ROOT.glob("*/**/*.py") if path.stem != "__init__")
    assert {name for name, count in names.items() if count >= 3} <= ROLES


def test_a_role_is_played_in_two_folders_or_more() -> None:
    names = Counter(path.stem for path in ROOT.glob("*/**/*.py"))
    assert {role: names[role] for role in ROLES if names[role] < 2} == {}


def test_every_folder_and_every_part_of_sagemaker_and_lambda_is_on_the_map() -> None:
    parts = [
        path.name
        for folder in ("functions", "sagemaker")
        for path in (ROOT / folder).iterdir()
        if path.is_dir()
    ]
    words = set(re.findall(r"\w+", MAP))
    wanted = {folder.name for folder in FOLDERS} | {part for part in parts if part != "__pycache__"}
    assert wanted - words == set()


def test_what_the_map_names_is_there() -> None:
    named = {name.partition(".")[0] for name in re.findall(r"`([\w.]+)`", MAP)} - {"register"}
    assert {name for name in named if not list(ROOT.glob(f"{name}*"))} == set()
