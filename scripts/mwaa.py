"""Make what Amazon MWAA takes: `make mwaa MUSHER_ACCOUNT_ID=<12 digits>` writes var/mwaa.

    dags/              to the environment's DAG folder in S3
    plugins.zip        plugins/, training/, lambda/ and the notebook: MWAA unpacks it to its plugins folder
    requirements.txt   what our code imports and MWAA's image lacks, under Airflow's own constraints
    startup.sh         the MUSHER_* variables of this call, and where training/ and lambda/ lie there

Versions: MWAA's newest Airflow is 3.3.1, on Python 3.12 (announced 1 September 2026). docs/production.md says
what was run with them.
"""

import argparse
import os
import re
import shlex
import shutil
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path

from musher.errors import SettingsError
from musher.settings import Settings

ROOT = Path(__file__).resolve().parents[1]
AIRFLOW = "3.3.1"
PYTHON = "3.12"
PLUGINS = "/usr/local/airflow/plugins"
"""Where MWAA unpacks plugins.zip (user guide, "Installing custom plugins")."""
CONSTRAINTS = (
    f"https://raw.githubusercontent.com/apache/airflow/constraints-{AIRFLOW}/constraints-{PYTHON}.txt"
)
"""MWAA wants this line, and takes a constraint of its own choice without it."""
OF_MWAA = re.compile(r"apache-airflow($|-providers-(celery|fab|postgres|standard))|boto3$")
"""Requirements that MWAA's image brings itself."""
CARRIED = {"training": "training", "lambda": "lambda"}
"""Folders that the zip holds beside the packages; nothing imports them, so the plugins loader must not."""
NOTEBOOK = "docs/notebook.ipynb"
"""What notebook instances bring: it lies beside the training folder."""


def requirements(text: str) -> str:
    """Return MWAA's requirements.txt for the lines of requirements-production.in."""
    wanted = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    ours = [line for line in wanted if not OF_MWAA.match(re.split(r"[=<>~!]", line)[0].strip())]
    return "\n".join([f'--constraint "{CONSTRAINTS}"', *ours, ""])


def startup(variables: Mapping[str, str]) -> str:
    """Return startup.sh: MWAA runs it before each of Airflow's processes starts."""
    exported = {name: value for name, value in variables.items() if name.startswith("MUSHER_") and value}
    for folder in CARRIED:
        exported[f"MUSHER_{folder.upper()}_DIR"] = f"{PLUGINS}/{folder}"
    lines = [f"export {name}={shlex.quote(value)}" for name, value in sorted(exported.items())]
    return "\n".join(["#!/bin/sh", *lines, ""])


def write_plugins(*, root: Path, target: Path) -> None:
    """Write plugins.zip; the same files make the same bytes."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        ignored = (root / "plugins/.airflowignore").read_text().split()
        passed_over = [*ignored, *(f"{name}/" for name in (*CARRIED, Path(NOTEBOOK).parent)), ""]
        _write(archive, ".airflowignore", "\n".join(passed_over).encode())
        for folder, prefix in {"plugins": "", **CARRIED}.items():
            for path in sorted((root / folder).rglob("*")):
                name = path.relative_to(root / folder)
                if path.is_file() and "__pycache__" not in name.parts and str(name) != ".airflowignore":
                    _write(archive, str(Path(prefix) / name), path.read_bytes())
        _write(archive, NOTEBOOK, (root / NOTEBOOK).read_bytes())


def _write(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    info = zipfile.ZipInfo(name)  # 1 January 1980, whatever the file's time
    info.external_attr = 0o644 << 16
    info.compress_type = zipfile.ZIP_DEFLATED
    archive.writestr(info, content)


def make(*, folder: Path, variables: Mapping[str, str]) -> None:
    """Write everything to `folder`, emptied first; raise SettingsError for a wrong MUSHER_* value."""
    Settings.from_env(variables)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    shutil.copytree(ROOT / "dags", folder / "dags", ignore=shutil.ignore_patterns("__pycache__"))
    write_plugins(root=ROOT, target=folder / "plugins.zip")
    (folder / "requirements.txt").write_text(requirements((ROOT / "requirements-production.in").read_text()))
    (folder / "startup.sh").write_text(startup(variables))


def main() -> int:
    """Parse, make, say what to do next; return the exit code."""
    parser = argparse.ArgumentParser(prog="mwaa", description=__doc__)
    parser.add_argument("--folder", type=Path, default=ROOT / "var" / "mwaa")
    folder = parser.parse_args().folder
    try:
        make(folder=folder, variables=os.environ)
    except SettingsError as error:
        print(f"mwaa: {error}", file=sys.stderr)
        return 1
    print(
        f"Wrote {folder} for Airflow {AIRFLOW} on Python {PYTHON}. docs/production.md: where each part goes."
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
