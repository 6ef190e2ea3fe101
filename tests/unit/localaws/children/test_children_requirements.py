"""When a job's requirements.txt needs pip."""

from importlib.metadata import version
from pathlib import Path

import pytest

from localaws.children.requirements import is_satisfied, reason

PYTEST = version("pytest")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", True),
        (f"# a comment\n\npytest=={PYTEST}  # why\nPyTest == {PYTEST}\n", True),
        ("pytest==0.0.1\n", False),
        ("no-such-package-of-localaws==1\n", False),
        ("pytest\n", False),
        ("pytest>=1\n", False),
        (f'pytest=={PYTEST}; python_version > "3"\n', False),
        ("-r other.txt\n", False),
    ],
)
def test_pins_that_are_installed_need_no_pip(tmp_path: Path, text: str, expected: bool) -> None:
    path = tmp_path / "requirements.txt"
    path.write_text(text)
    assert is_satisfied(str(path)) is expected


def test_the_reason_quotes_the_end_of_what_pip_said() -> None:
    text = reason(1, "x" * 5000 + "ERROR: no", requirements="requirements.txt")
    assert text.startswith('InstallRequirementsError:\nExitCode 1\nErrorMessage "xxx')
    assert text.endswith('-m pip install -r requirements.txt"')
    assert 'ERROR: no"' in text
    assert len(text) < 1000
