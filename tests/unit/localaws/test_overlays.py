"""A Python environment on top of ours."""

import json
import subprocess
import sys
from pathlib import Path

from localaws.overlays import PIP_VARIABLES, Overlay, pip_variables, search_path


def test_an_overlay_has_our_packages_and_a_place_of_its_own(tmp_path: Path) -> None:
    overlay = Overlay(folder=tmp_path / "layer")
    overlay.make()
    overlay.make()  # an instance that is started again finds it there
    ask = "import sys, sysconfig, boto3; print(sys.prefix, sysconfig.get_path('purelib'), boto3.__file__)"
    done = subprocess.run(
        [overlay.python, "-c", ask], capture_output=True, text=True, timeout=120, check=True
    )
    prefix, packages, boto3 = done.stdout.split()
    assert prefix == str(overlay.folder)
    assert packages.startswith(prefix)
    assert boto3.startswith(sys.prefix)


def test_a_command_is_run_after_its_packages_are_installed(tmp_path: Path) -> None:
    overlay = Overlay(folder=tmp_path / "layer")
    overlay.make()
    (tmp_path / "requirements.txt").write_text("--no-index\nno-such-package-of-localaws\n")
    failure = tmp_path / "failure"
    for text, code, said in (("", 0, "began"), ("--no-index\nno-such-package-of-localaws\n", 1, "ERROR")):
        (tmp_path / "requirements.txt").write_text(text)
        command = overlay.install_first(["echo", "began"], requirements="requirements.txt", failure=failure)
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == code
        assert said in done.stdout
    assert failure.read_text().startswith("InstallRequirementsError:")


def test_pip_gets_what_it_needs_to_reach_an_index_and_no_more() -> None:
    ours = {"PIP_INDEX_URL": "https://x", "https_proxy": "p", "SECRET": "s", "PATH": "/bin"}
    handed = pip_variables(ours)
    assert json.loads(handed[PIP_VARIABLES]) == {"PIP_INDEX_URL": "https://x", "https_proxy": "p"}


def test_the_overlays_programs_come_first() -> None:
    assert search_path([Path("/layer/bin"), Path("/ours/bin")]).startswith("/layer/bin:/ours/bin:")
