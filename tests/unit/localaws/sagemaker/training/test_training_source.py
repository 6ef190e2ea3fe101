"""The command line of a training host, and the code that cannot be run."""

from pathlib import Path
from typing import Any

import pytest

from localaws.errors import JobError
from localaws.sagemaker.training.container import Folders
from localaws.sagemaker.training.source import build_command, fetch_source
from localaws.sagemaker.training.spec import TrainingSpec

PYTHON = Path("/env/bin/python")


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    """Return the folders of one host, with three programs in the code's."""
    made = Folders(base=tmp_path / "opt" / "ml")
    (made.code / "src").mkdir(parents=True)
    for name in ("train.py", "train.sh", "src/other.py", "binary"):
        (made.code / name).write_text("")
    return made


def spec(**members: Any) -> TrainingSpec:
    """Return a job of script mode, or with the members given."""
    return TrainingSpec(
        name="job",
        arn="arn",
        account_id="123456789012",
        region="us-east-1",
        role_arn="arn:role",
        output_path="s3://b/out",
        **members,
    )


def script(program: str, **hyperparameters: str) -> TrainingSpec:
    """Return a job that runs a program of its archive."""
    names = {"sagemaker_program": program, "sagemaker_submit_directory": "s3://b/code.tar.gz"}
    return spec(hyperparameters=names | hyperparameters)


@pytest.mark.parametrize(
    ("program", "command"),
    [
        ("train.py", ["/env/bin/python", "-u", "train.py", "--epochs", "3"]),
        ("src/other.py", ["/env/bin/python", "-u", "src/other.py", "--epochs", "3"]),
        ("train.sh", ["bash", "train.sh", "--epochs", "3"]),
        ("binary", ["./binary", "--epochs", "3"]),
    ],
)
def test_a_program_is_run_by_what_its_name_says(program: str, command: list[str], folders: Folders) -> None:
    assert build_command(script(program, epochs="3"), folders=folders, python=PYTHON) == command


def test_a_package_is_run_as_a_module(folders: Folders) -> None:
    (folders.code / "setup.py").write_text("")
    command = build_command(script("src/other.py"), folders=folders, python=PYTHON)
    assert command == ["/env/bin/python", "-u", "-m", "src.other"]


def test_a_launcher_stands_between_python_and_the_script(folders: Folders) -> None:
    command = build_command(script("train.py"), folders=folders, python=PYTHON, launcher=["-m", "torchrun"])
    assert command == ["/env/bin/python", "-u", "-m", "torchrun", "train.py"]


@pytest.mark.parametrize("program", ["train.sh", "binary"])
def test_a_launcher_starts_python_only(program: str, folders: Folders) -> None:
    with pytest.raises(JobError, match="needs a Python script as sagemaker_program"):
        build_command(script(program), folders=folders, python=PYTHON, launcher=["-m", "torchrun"])


def test_an_entrypoint_wins_over_script_mode(folders: Folders) -> None:
    job = spec(
        entrypoint=("/bin/true",), arguments=("-x",), hyperparameters={"sagemaker_program": "train.py"}
    )
    assert build_command(job, folders=folders, python=PYTHON) == ["/bin/true", "-x"]


def test_an_entrypoint_that_names_opt_ml_needs_a_view_of_it(folders: Folders) -> None:
    job = spec(entrypoint=("/bin/cat", "/opt/ml/input/x"))
    with pytest.raises(JobError, match=r"needs /opt/ml .*none can be had here: no namespaces"):
        build_command(job, folders=folders, python=PYTHON, no_opt_ml="no namespaces")


@pytest.mark.parametrize("program", ["absent.py", "../../etc/passwd", "/bin/true"])
def test_a_program_is_a_file_of_the_code(program: str, folders: Folders) -> None:
    with pytest.raises(JobError, match="is not a file of sagemaker_submit_directory"):
        build_command(script(program), folders=folders, python=PYTHON)


def test_an_image_alone_cannot_be_run(folders: Folders) -> None:
    with pytest.raises(JobError, match="cannot be run without a container engine"):
        build_command(spec(), folders=folders, python=PYTHON)


def test_the_environment_names_a_program_too(folders: Folders) -> None:
    job = spec(environment={"SAGEMAKER_PROGRAM": "train.py", "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/code"})
    assert build_command(job, folders=folders, python=PYTHON)[-1] == "train.py"


def test_code_of_a_channel_is_copied_to_every_host(folders: Folders, tmp_path: Path) -> None:
    source = folders.data / "code"
    source.mkdir(parents=True)
    (source / "mine.py").write_text("1")
    job = spec(environment={"SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/input/data/code"})
    fetch_source(None, job, folders=[folders], archive=tmp_path / "unused")
    assert (folders.code / "mine.py").read_text() == "1"


@pytest.mark.parametrize("place", ["/opt/ml/input/data/absent", "/etc", "https://example.com/code"])
def test_code_lies_in_s3_or_below_opt_ml(place: str, folders: Folders, tmp_path: Path) -> None:
    job = spec(environment={"SAGEMAKER_SUBMIT_DIRECTORY": place})
    with pytest.raises(JobError, match="it is neither an S3 URI nor a folder below /opt/ml"):
        fetch_source(None, job, folders=[folders], archive=tmp_path / "unused")
