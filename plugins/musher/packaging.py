"""Build archives whose bytes depend on their files only.

The name under which an archive is stored is the hash of the files' names and contents, not of the packed
bytes: it is the same on every machine, whatever its zlib.
"""

import gzip
import hashlib
import io
import re
import tarfile
import zipfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from musher.errors import ArchiveError

PACKAGE = Path(__file__).parent

NOTEBOOK_FOLDER = "notebook"
"""Of the training folder: the programs of notebook instances, which no job needs."""

SKIPPED_FOLDERS = frozenset({"__pycache__", NOTEBOOK_FOLDER})
SKIPPED_NAMES = frozenset({"Dockerfile", "setup.py"})
"""With a setup.py the training container installs the folder as a package, which torchrun cannot start."""
SKIPPED_SUFFIXES = frozenset({".pyc", ".pyo"})

REQUIREMENTS = "requirements.txt"
"""What AWS's training container installs before it runs the program."""

REQUIREMENT_LISTS = r"requirements(-[a-z]+)?\.txt"

IMAGE_FILES = (
    "Dockerfile",
    "imgclf/__init__.py",
    "imgclf/archives.py",
    "imgclf/errors.py",
    "imgclf/serving/__init__.py",
    "imgclf/serving/container.py",
    "requirements-embed.txt",
    "requirements-image.txt",
    "requirements.txt",
)
"""The Dockerfile and what it copies, sorted."""

NOTEBOOK_START = f"{NOTEBOOK_FOLDER}/prepare.py"
NOTEBOOK_REQUIREMENTS = "requirements-notebook.txt"
UNWANTED_IN_NOTEBOOKS = frozenset({"requirements-embed.txt", "requirements-image.txt"})

LOAD_GENERATOR_FILES = ("__init__.py", "errors.py", "results.py", "traffic/*.py")
"""What a load test needs of this package: neither Airflow nor the rest of it."""
LOAD_GENERATOR_START = "traffic/start.py"

FILE_MODE = 0o644
EXECUTABLE_MODE = 0o755
ZIP_EPOCH = (1980, 1, 1, 0, 0, 0)
COMPRESSION_LEVEL = 9


@dataclass(frozen=True, kw_only=True)
class Archive:
    """A packed folder: its bytes, and the hash (64 hex digits) of what was packed."""

    body: bytes
    code_hash: str


def pack_source(*, folder: Path, requirements: str = REQUIREMENTS) -> Archive:
    """Pack a training folder as sourcedir.tar.gz, as SageMaker's script mode takes it.

    Of its lists of packages only `requirements` is packed, under the name that the container installs.
    """
    files = _choose_requirements(_collect(folder), requirements)
    packed = io.BytesIO()
    with (
        gzip.GzipFile(filename="", mode="wb", fileobj=packed, compresslevel=COMPRESSION_LEVEL, mtime=0) as gz,
        tarfile.open(fileobj=gz, mode="w", format=tarfile.PAX_FORMAT) as tar,
    ):
        for name, path in files.items():
            info = tarfile.TarInfo(name)
            info.size = path.stat().st_size
            info.mode = _mode(path)
            with path.open("rb") as file:
                tar.addfile(info, file)
    return Archive(body=packed.getvalue(), code_hash=_hash(files))


def pack_function(*, folder: Path) -> Archive:
    """Pack a Lambda function's folder as a zip."""
    return _zip(_collect(folder))


def pack_image_context(*, folder: Path) -> Archive:
    """Pack what the model image is built from, out of a training folder, as a zip that CodeBuild unpacks.

    The image is as old as these files: code that trains or serves is not among them.
    """
    missing = [name for name in IMAGE_FILES if not (folder / name).is_file()]
    if missing:
        raise ArchiveError(
            f"{folder} lacks {', '.join(missing)}, of which the model image is built. Restore them, or set "
            "MUSHER_MODEL_IMAGE to an image of your own."
        )
    return _zip({name: folder / name for name in IMAGE_FILES})


def pack_load_generator(*, folder: Path = PACKAGE) -> Archive:
    """Pack musher.traffic as a zip that Python runs: `python traffic.zip`, anywhere."""
    found = {path for pattern in LOAD_GENERATOR_FILES for path in folder.glob(pattern)}
    files = {f"{folder.name}/{path.relative_to(folder).as_posix()}": path for path in found}
    return _zip(dict(sorted((files | {"__main__.py": folder / LOAD_GENERATOR_START}).items())))


def pack_notebook_code(*, folder: Path, notebook: Path) -> Archive:
    """Pack the training folder and a notebook as a zip that Python runs on a notebook instance."""
    start = folder / NOTEBOOK_START
    missing = [str(path) for path in (start, folder / NOTEBOOK_REQUIREMENTS, notebook) if not path.is_file()]
    if missing:
        raise ArchiveError(f"{', '.join(missing)}: missing, and notebook instances need it. Restore it.")
    kept = {name: path for name, path in _collect(folder).items() if name not in UNWANTED_IN_NOTEBOOKS}
    return _zip(dict(sorted((kept | {"__main__.py": start, notebook.name: notebook}).items())))


def _zip(files: dict[str, Path]) -> Archive:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, path in files.items():
            info = zipfile.ZipInfo(name, date_time=ZIP_EPOCH)
            info.create_system = 3  # Unix, whatever packs it: only then are the permissions read
            info.external_attr = (0o100000 | _mode(path)) << 16
            archive.writestr(info, path.read_bytes(), zipfile.ZIP_DEFLATED, COMPRESSION_LEVEL)
    return Archive(body=packed.getvalue(), code_hash=_hash(files))


def _collect(folder: Path) -> dict[str, Path]:
    """Map archive names to files, sorted; hidden files, caches and what only builds the image stay out."""
    if not folder.is_dir():
        raise ArchiveError(f"{folder} is not a folder that can be packed. Correct the setting that names it.")
    paths = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*")}
    wanted = {name: path for name, path in sorted(paths.items()) if _is_wanted(PurePosixPath(name))}
    links = [name for name, path in wanted.items() if path.is_symlink()]
    if links:
        raise ArchiveError(f"{folder} holds links: {', '.join(links[:5])}. Replace them by copies.")
    files = {name: path for name, path in wanted.items() if path.is_file()}
    if not files:
        raise ArchiveError(f"{folder} holds no files to pack. Correct the setting that names it.")
    return files


def _choose_requirements(files: dict[str, Path], requirements: str) -> dict[str, Path]:
    """Return the files with one list of packages, if there is one, as requirements.txt."""
    chosen = files.get(requirements)
    if chosen is None and requirements != REQUIREMENTS:
        raise ArchiveError(f"The folder to pack has no {requirements}, which the job needs. Restore it.")
    kept = {name: path for name, path in files.items() if not re.fullmatch(REQUIREMENT_LISTS, name)}
    return dict(sorted((kept | ({REQUIREMENTS: chosen} if chosen else {})).items()))


def _is_wanted(name: PurePosixPath) -> bool:
    hidden = any(part.startswith(".") for part in name.parts)
    cached = bool(SKIPPED_FOLDERS & set(name.parts)) or name.suffix in SKIPPED_SUFFIXES
    return not (hidden or cached or name.name in SKIPPED_NAMES)


def _mode(path: Path) -> int:
    return EXECUTABLE_MODE if path.stat().st_mode & 0o100 else FILE_MODE


def _hash(files: dict[str, Path]) -> str:
    """Return the SHA-256 over the lines `<name> <mode> <SHA-256 of the content>`."""
    lines = [
        f"{name} {_mode(path):o} {hashlib.sha256(path.read_bytes()).hexdigest()}\n"
        for name, path in files.items()
    ]
    return hashlib.sha256("".join(lines).encode()).hexdigest()
