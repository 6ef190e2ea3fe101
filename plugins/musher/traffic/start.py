"""Start a load test in a container: what its image lacks is installed first.

The start of the archive that a processing job runs (musher.packaging.pack_load_generator), which holds
musher.traffic beside it. It imports nothing but the standard library until all packages are there.
"""

import importlib.metadata
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

PACKAGES = (
    "aiohappyeyeballs==2.7.1",
    "aiohttp==3.14.5",
    "aiosignal==1.4.0",
    "attrs==26.1.0",
    "frozenlist==1.8.0",
    "hdrhistogram==0.10.8",
    "idna==3.20",
    "multidict==7.2.1",
    "pbr==7.1.3",
    "propcache==0.5.4",
    "setuptools==84.2.1",
    "typing-extensions==4.16.0",
    "yarl==1.25.1",
)
"""What the generator sends and counts with, and all that this needs, as in requirements.txt: the same
versions measure alike wherever they run. boto3 is every image's own."""

CHOSEN = ("aiohttp", "hdrhistogram", "yarl")
"""Those that the generator imports itself: an image that has them, in these versions, is left as it is."""

MESSAGE = Path("/opt/ml/output/message")
"""What a processing job's description gives as the reason of its failure:
https://docs.aws.amazon.com/sagemaker/latest/dg/build-your-own-processing-container.html"""

PIP_S = 300
"""Seconds; the packages are 4 MB."""


def is_there(requirement: str) -> bool:
    """Return whether a package is installed in the version that is wanted."""
    name, _, version = requirement.partition("==")
    try:
        return importlib.metadata.version(name) == version
    except importlib.metadata.PackageNotFoundError:
        return False


def needs_packages() -> bool:
    """Return whether the image lacks a package, or has another version of it."""
    return not all(is_there(package) for package in PACKAGES if package.partition("==")[0] in CHOSEN)


def install(folder: str) -> None:
    """Install the packages into a folder, which comes before the image's own; raises SystemExit."""
    options = ("--quiet", "--no-deps", "--only-binary", ":all:", "--no-input", "--disable-pip-version-check")
    quickly = ("--retries", "2", "--timeout", "15")
    command = [sys.executable, "-m", "pip", "install", *options, *quickly, "--target", folder, *PACKAGES]
    try:
        ended = subprocess.run(command, check=False, capture_output=True, text=True, timeout=PIP_S)
        failure = (
            ended.stderr[-400:].strip() or f"pip ended with {ended.returncode}" if ended.returncode else ""
        )
    except subprocess.TimeoutExpired:
        failure = f"pip took more than {PIP_S} s"
    if failure:
        leave(
            f"The load generator's packages cannot be installed: {failure}. Let the job reach a "
            f"package index, or use an image that has {', '.join(PACKAGES)}."
        )
    sys.path.insert(0, folder)


def leave(message: str) -> None:
    """End the process with a message that the job's description shows, too."""
    if MESSAGE.parent.is_dir():
        MESSAGE.write_text(message)
    raise SystemExit(message)


def main() -> int:
    """Run the load test; return the exit status."""
    with tempfile.TemporaryDirectory() as folder:
        if needs_packages():
            install(folder)
        from musher.errors import TrafficError  # only now can all be imported
        from musher.traffic.job import main as run

        try:
            return run()
        except TrafficError as error:
            leave(str(error))
    return 1


def stop(number: int, frame: object) -> None:
    """End the process at SIGTERM, as long as no load is on its way, whose end is the load test's business.

    A container's first process ignores a signal that it does not handle (pid_namespaces(7)): the job would go
    on to send its load until SageMaker kills it, two minutes later.
    """
    leave("The job was told to end while no load was on its way.")


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, stop)
    sys.exit(main())
