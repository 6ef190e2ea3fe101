"""Build LAMBDA_RUNTIME_DIR: the runtime and the SDK, and nothing else of our environment.

Lambda's Python runtimes bring boto3 and botocore; whatever else a function imports must be in its package.
The folder holds links to the installed modules, so a function that works here finds its modules on AWS too.
"""

import importlib.util
import logging
import os
import shutil
import sys
from pathlib import Path

from localaws.functions.spec import Runtime
from localaws.processes import PROGRAMS, Supervisor

logger = logging.getLogger(__name__)

SDK_MODULES = ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "six", "urllib3")
CLIENT_MODULES = ("awslambdaric", "runtime_client", "simplejson", "snapshot_restore_py")
PROBE = "import awslambdaric.bootstrap, awslambdaric.lambda_runtime_client as c; assert c.runtime_client"
PROBE_S = 20.0
"""Real seconds in which awslambdaric must have been imported."""
CLIENT_VARIABLE = "LOCALAWS_FUNCTION_CLIENT"
"""Set to `awslambdaric` or `python` to choose the client; else it is awslambdaric where that works."""


def build_runtime(folder: Path, *, supervisor: Supervisor, client: str | None = None) -> Runtime:
    """Fill `folder` and choose the client: awslambdaric where it can be imported, else our own.

    Raises RuntimeError where `client` names one that does not exist or does not work here.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name in (*SDK_MODULES, *CLIENT_MODULES):
        _link(name, folder)
    shutil.copyfile(PROGRAMS / "function_bootstrap.py", folder / "bootstrap.py")
    shutil.copyfile(PROGRAMS / "function_runtime.py", folder / "localaws_runtime.py")
    if client not in (None, "awslambdaric", "python"):
        raise RuntimeError(f"{CLIENT_VARIABLE} must be awslambdaric or python, not {client!r}")
    if client != "python" and not _works(folder, supervisor):
        if client is not None:
            raise RuntimeError("awslambdaric cannot be imported here; unset " + CLIENT_VARIABLE)
        logger.warning("awslambdaric cannot be imported: functions run on the pure-Python runtime client")
        client = "python"
    return Runtime(folder=folder, client=client or "awslambdaric")


def _link(name: str, folder: Path) -> None:
    """Link one installed module or package; one that is not installed is left out."""
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        return
    origin = Path(spec.origin)
    source = origin.parent if spec.submodule_search_locations else origin
    link = folder / source.name
    if not link.is_symlink():
        link.symlink_to(source)


def _works(folder: Path, supervisor: Supervisor) -> bool:
    """Import awslambdaric in a child: a wheel for another libc fails only then."""
    env = {"PYTHONPATH": str(folder), "PATH": os.environ.get("PATH", "")}
    argv = [sys.executable, "-S", "-c", PROBE]
    child = supervisor.start(name="awslambdaric-probe", argv=argv, env=env, cwd=folder)
    code = child.wait(timeout_s=PROBE_S)
    supervisor.reap(child)
    return code == 0
