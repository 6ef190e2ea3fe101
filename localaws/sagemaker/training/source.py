"""The code that a job runs: fetched, unpacked, and made into a command line."""

import shutil
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from localaws.errors import ArchiveError, JobError, StorageError
from localaws.sagemaker.cluster import check_paths
from localaws.sagemaker.failures import algorithm_error
from localaws.sagemaker.training import hyperparameters as hp
from localaws.sagemaker.training.container import Folders
from localaws.sagemaker.training.spec import TrainingSpec
from localaws.storage import Download, S3Uri, download_all, unpack_tar_gz

REQUIREMENTS = "requirements.txt"
"""What script mode installs before the script starts, where the code has it."""
MAX_SOURCE_BYTES = 4 << 30
"""Bytes that sourcedir.tar.gz may unpack to."""

NOTHING_TO_RUN = (
    f"localaws runs script mode ({hp.PROGRAM} and {hp.SUBMIT_DIRECTORY}) or ContainerEntrypoint; "
    "this job has neither, and what is inside its image cannot be run without a container engine."
)
NOT_FOR_TORCHRUN = (
    f"framework error: \n{hp.TORCH_DISTRIBUTED} needs a Python script as {hp.PROGRAM}, outside "
    "of a package with a setup.py; {!r} is none"
)


def fetch_source(client: Any, spec: TrainingSpec, *, folders: Sequence[Folders], archive: Path) -> None:
    """Put script mode's code into every host's code folder; raises JobError if it cannot be had."""
    directory = spec.submit_directory
    if spec.entrypoint or directory is None:
        return
    try:
        if directory.startswith("s3://"):
            download_all(client, [Download(uri=S3Uri.parse(directory), targets=(archive,))])
            for host in folders:
                unpack_tar_gz(archive, host.code, max_bytes=MAX_SOURCE_BYTES)
        else:
            for host in folders:
                _copy_source(directory, folders=host)
    except (StorageError, ArchiveError) as error:
        reason = f"framework error: \n{hp.SUBMIT_DIRECTORY} {directory}: {error}"
        raise JobError(algorithm_error(reason)) from error


def _copy_source(directory: str, *, folders: Folders) -> None:
    """Copy code that a channel has brought (a folder below /opt/ml) to the code folder."""
    folder = folders.locate(directory)
    if folder is None or not folder.is_dir():
        raise StorageError("it is neither an S3 URI nor a folder below /opt/ml")
    if folder != folders.code:
        shutil.copytree(folder, folders.code, dirs_exist_ok=True)


def build_command(
    spec: TrainingSpec,
    *,
    folders: Folders,
    python: Path,
    launcher: Sequence[str] = (),
    no_opt_ml: str = "",
) -> list[str]:
    """Return the command line of one host; raises JobError where there is nothing to run.

    `launcher` stands between Python and the script. `no_opt_ml` is why the host does not see its folders at
    /opt/ml; empty where it does.
    """
    if spec.entrypoint:
        command = [*spec.entrypoint, *spec.arguments]
        check_paths(command, refusal=no_opt_ml)
        return command
    if spec.program is None:
        raise JobError(algorithm_error(NOTHING_TO_RUN))
    arguments = hp.to_arguments(hp.user_parameters(spec.decoded))
    command = _script_command(spec.program, arguments, code=folders.code, python=[str(python), "-u"])
    if not launcher:
        return command
    if command[:3] != [str(python), "-u", spec.program]:
        raise JobError(algorithm_error(NOT_FOR_TORCHRUN.format(spec.program)))
    return [*command[:2], *launcher, *command[2:]]


def _script_command(program: str, arguments: list[str], *, code: Path, python: list[str]) -> list[str]:
    pure = PurePosixPath(program)
    if pure.is_absolute() or ".." in pure.parts or not (code / program).is_file():
        raise JobError(
            algorithm_error(
                f"framework error: \n{hp.PROGRAM} {program!r} is not a file of {hp.SUBMIT_DIRECTORY}"
            )
        )
    if program.endswith(".py"):
        if (code / "setup.py").is_file():  # a package for the toolkit, which runs it as a module
            return [*python, "-m", program.removesuffix(".py").replace("/", "."), *arguments]
        return [*python, program, *arguments]
    if program.endswith(".sh"):
        return ["bash", program, *arguments]
    (code / program).chmod(0o755)
    return [f"./{program}", *arguments]
