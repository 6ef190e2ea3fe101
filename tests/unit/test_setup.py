"""Set-up: finds Python 3.11, installs the lock, says what is missing, is skipped when done."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
LOCKS = ["requirements.txt", "requirements-production.txt"]
REAL_PYTHON = Path(sys.executable).resolve()
TOOLS = [
    "awk",
    "basename",
    "bash",
    "cat",
    "chmod",
    "cp",
    "dirname",
    "env",
    "find",
    "grep",
    "make",
    "mkdir",
    "rm",
    "sed",
    "sh",
    "touch",
]

# Stands for Python 3.11: answers like the real one, makes an environment of itself, logs what is run.
FAKE_PYTHON = f"""#!/bin/sh
case "$*" in
    "-m venv "*) mkdir -p "$3/bin" && cp "$0" "$3/bin/python" && chmod +x "$3/bin/python" ;;
    "-m uv --version") [ -e .venv/has-uv ] && echo "uv $(cat .venv/has-uv) (linux)" ;;
    "-m pip "*) echo "$*" >>"$SETUP_LOG" && sed -n 's/^uv==\\([^ ]*\\).*/\\1/p' .venv/uv.txt >.venv/has-uv ;;
    "-m uv pip sync "*) echo "$*" >>"$SETUP_LOG" && [ ! -e interrupt ] ;;
    *) exec {REAL_PYTHON} "$@" ;;
esac
"""
BROKEN_SHIM = "#!/bin/sh\necho 'pyenv: python3.11: command not found' >&2\nexit 127\n"
NO_VENV_PYTHON = f'#!/bin/sh\ncase "$*" in *ensurepip*) exit 1 ;; esac\nexec {REAL_PYTHON} "$@"\n'


class Checkout:
    """A copy of the files that set-up needs, with a PATH that holds basic tools and chosen Pythons only."""

    def __init__(self, *, root: Path) -> None:
        self.root = root / "checkout"
        self.bin = root / "bin"
        self.log = root / "log"
        (self.root / "scripts").mkdir(parents=True)
        self.bin.mkdir()
        for name in ["Makefile", "requirements.txt", "scripts/setup.sh"]:
            shutil.copy(REPOSITORY / name, self.root / name)
        for tool in TOOLS:
            (self.bin / tool).symlink_to(str(shutil.which(tool)))

    def add(self, name: str, text: str) -> None:
        """Put an executable script on PATH."""
        (self.bin / name).write_text(text)
        (self.bin / name).chmod(0o755)

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command in the checkout; at most 60 s."""
        environment = {"PATH": str(self.bin), "HOME": str(self.bin), "SETUP_LOG": str(self.log)}
        return subprocess.run(
            command, cwd=self.root, env=environment, capture_output=True, text=True, timeout=60, check=False
        )

    def logged(self) -> list[str]:
        """Return the installer's command lines so far."""
        return self.log.read_text().splitlines() if self.log.exists() else []


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    """Return a checkout without any Python on PATH."""
    return Checkout(root=tmp_path)


def pinned(text: str) -> dict[str, str]:
    """Return name -> version of a lock."""
    return dict(re.findall(r"^([a-z0-9._-]+)==(\S+)", text, re.MULTILINE))


def test_without_python_3_11_one_line_says_what_to_do(checkout: Checkout) -> None:
    checkout.add("python3", "#!/bin/sh\nexit 1\n")
    result = checkout.run("make", "setup")
    assert result.returncode != 0
    (line,) = [line for line in result.stderr.splitlines() if not line.startswith("make")]
    assert line.startswith("setup: Python 3.11 is missing")
    assert "apt-get install python3.11" in line
    assert not (checkout.root / ".venv").exists()


def test_a_broken_pyenv_shim_is_passed_over(checkout: Checkout) -> None:
    checkout.add("python3.11", BROKEN_SHIM)
    checkout.add("python3", FAKE_PYTHON)
    result = checkout.run("make", "setup")
    assert result.returncode == 0, result.stderr
    assert (checkout.root / ".venv/.stamp").exists()


def test_pyenvs_own_folder_is_looked_at_last(checkout: Checkout) -> None:
    checkout.add("python3.11", BROKEN_SHIM)
    folder = checkout.bin / ".pyenv/versions/3.11.7/bin"
    folder.mkdir(parents=True)
    checkout.add("python-of-pyenv", FAKE_PYTHON)
    (checkout.bin / "python-of-pyenv").rename(folder / "python")
    assert checkout.run("make", "setup").returncode == 0


def test_without_the_venv_module_the_error_names_it(checkout: Checkout) -> None:
    checkout.add("python3.11", NO_VENV_PYTHON)
    result = checkout.run("make", "setup")
    assert result.returncode != 0
    assert "setup: python3.11 has no venv module" in result.stderr
    assert "python3.11-venv" in result.stderr


def test_the_installer_comes_from_the_lock_with_its_hashes_and_syncs_the_whole_lock(
    checkout: Checkout,
) -> None:
    checkout.add("python3.11", FAKE_PYTHON)
    assert checkout.run("make", "setup").returncode == 0
    assert checkout.logged() == [
        "-m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r .venv/uv.txt",
        "-m uv pip sync --quiet --python .venv/bin/python --require-hashes --compile-bytecode"
        " requirements.txt",
    ]
    one = (checkout.root / ".venv/uv.txt").read_text()
    assert list(pinned(one)) == ["uv"]
    assert "--hash=sha256:" in one
    assert not one.rstrip().endswith("\\")


def test_a_second_set_up_is_skipped(checkout: Checkout) -> None:
    checkout.add("python3.11", FAKE_PYTHON)
    assert checkout.run("make", "setup").returncode == 0
    before = checkout.logged()
    result = checkout.run("make", "setup")
    assert result.returncode == 0
    assert "Nothing to be done" in result.stdout
    assert checkout.logged() == before


def test_a_changed_lock_is_installed_into_the_same_environment(checkout: Checkout) -> None:
    checkout.add("python3.11", FAKE_PYTHON)
    checkout.run("make", "setup")
    (checkout.root / ".venv/kept").touch()
    os.utime(checkout.root / ".venv/.stamp", (0, 0))
    assert checkout.run("make", "setup").returncode == 0
    assert (checkout.root / ".venv/kept").exists()
    assert [line.split()[1] for line in checkout.logged()] == ["pip", "uv", "uv"]


def test_a_new_version_of_the_installer_in_the_lock_is_installed_first(checkout: Checkout) -> None:
    checkout.add("python3.11", FAKE_PYTHON)
    checkout.run("make", "setup")
    (checkout.root / ".venv/has-uv").write_text("0.0.1")
    os.utime(checkout.root / ".venv/.stamp", (0, 0))
    assert checkout.run("make", "setup").returncode == 0
    assert [line.split()[1] for line in checkout.logged()] == ["pip", "uv", "pip", "uv"]


def test_an_interrupted_set_up_starts_afresh(checkout: Checkout) -> None:
    checkout.add("python3.11", FAKE_PYTHON)
    (checkout.root / "interrupt").touch()
    assert checkout.run("make", "setup").returncode != 0
    assert not (checkout.root / ".venv/.stamp").exists()
    (checkout.root / ".venv/half-installed").touch()
    (checkout.root / "interrupt").unlink()
    assert checkout.run("make", "setup").returncode == 0
    assert not (checkout.root / ".venv/half-installed").exists()
    assert not (checkout.root / ".venv/.incomplete").exists()


@pytest.mark.parametrize(
    "package",
    [
        "apache-airflow",
        "apache-airflow-providers-amazon",
        "boto3",
        "sagemaker",
        "torch",
        "torchvision",
        "pillow",
        "pytest",
        "uv",
    ],
)
def test_the_lock_holds_the_packages_that_users_are_promised(package: str) -> None:
    assert package in pinned((REPOSITORY / "requirements.txt").read_text())


@pytest.mark.parametrize("name", LOCKS)
def test_the_lock_holds_what_airflow_is_tested_with(name: str) -> None:
    wanted = pinned((REPOSITORY / "constraints.txt").read_text())
    assert {"celery", "kombu", "redis", "sqlalchemy", "starlette"} <= set(wanted)
    locked = pinned((REPOSITORY / name).read_text())
    assert {package: locked.get(package) for package in wanted} == wanted


def test_the_constraints_say_where_they_are_from_and_when() -> None:
    text = (REPOSITORY / "constraints.txt").read_text()
    assert re.search(r"at commit [0-9a-f]{12}", text)
    assert re.search(r"Taken on \d+ \w+ 20\d\d", text)


@pytest.mark.parametrize("name", LOCKS)
def test_every_requirement_has_a_version_and_hashes(name: str) -> None:
    lines = (REPOSITORY / name).read_text().splitlines()
    starts = [number for number, line in enumerate(lines) if line and line[0] not in " #"]
    assert len(starts) > 100
    for number in starts:
        assert re.fullmatch(r"[a-z0-9._-]+(\[[a-z0-9,-]+\])?==\S+( ; .*)? \\", lines[number]), lines[number]
        assert lines[number + 1].startswith("    --hash=sha256:"), lines[number]


@pytest.mark.parametrize("name", [*LOCKS, "scripts/setup.sh", "Makefile"])
def test_no_package_index_is_recorded(name: str) -> None:
    text = (REPOSITORY / name).read_text()
    assert not re.search(r"://|--(extra-)?index-url|--find-links", text.replace("--no-emit-index-url", ""))


def test_make_alone_lists_the_targets(checkout: Checkout) -> None:
    listed = [line.split()[0] for line in checkout.run("make").stdout.splitlines()]
    promised = {
        "setup",
        "demo",
        "test",
        "test-all",
        "test-gpu",
        "test-prod",
        "check",
        "up",
        "bench",
        "mwaa",
        "lock",
    }
    assert promised | {"clean", "help"} <= set(listed)


def test_what_make_starts_may_write_byte_code(checkout: Checkout) -> None:
    result = checkout.run("env", "PYTHONDONTWRITEBYTECODE=1", "make", "--eval", "show: ; @env", "show")
    assert result.returncode == 0, result.stderr
    assert "PATH=" in result.stdout
    assert "PYTHONDONTWRITEBYTECODE" not in result.stdout


def test_clean_leaves_the_environment_and_distclean_removes_it(checkout: Checkout) -> None:
    kept, *removed = [".venv/lib/__pycache__", "var/demo", "plugins/musher/__pycache__", ".pytest_cache/v"]
    for folder in (kept, *removed):
        (checkout.root / folder).mkdir(parents=True)
        (checkout.root / folder / "file").touch()
    assert checkout.run("make", "clean").returncode == 0
    assert (checkout.root / kept / "file").exists()
    assert not any((checkout.root / folder).exists() for folder in removed)
    assert checkout.run("make", "distclean").returncode == 0
    assert not (checkout.root / ".venv").exists()


@pytest.mark.parametrize("has_photos", [False, True])
def test_ci_runs_make_test_and_names_the_photos_where_they_exist(
    checkout: Checkout, *, has_photos: bool
) -> None:
    (checkout.root / ".ci").mkdir()
    shutil.copy(REPOSITORY / ".ci/run", checkout.root / ".ci/run")
    photos = checkout.root.parent / "shared/photos/dogImages-sample.zip"
    if has_photos:
        photos.parent.mkdir(parents=True)
        photos.touch()
    (checkout.bin / "make").unlink()
    checkout.add("make", '#!/bin/sh\necho "make $* in $PWD with ${MUSHER_PHOTOS-nothing}"\nexit 3\n')
    result = checkout.run(str(checkout.root / ".ci/run"))
    expected = photos if has_photos else "nothing"
    assert result.stdout == f"make test in {checkout.root} with {expected}\n"
    assert result.returncode == 3


@pytest.mark.parametrize("conf", ['{"source": "/tmp/Bob\'s photos"}', '{"a": 1}', ""])
def test_make_hands_on_a_conf_as_it_is(conf: str) -> None:
    """An apostrophe in a folder's name ended the shell's quotes."""
    arguments = [f"CONF={conf}"] if conf else []
    done = subprocess.run(
        [
            "make",
            "-s",
            "-o",
            "setup",
            "demo",
            "PYTHON=python3 -c 'import sys; print(sys.argv[-1])'",
            *arguments,
        ],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == (conf or "{}")
