"""The computer of one instance: its disk, and its first program.

Its own folders live as long as the instance (/tmp and /run end with each boot).
"""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from localaws.context import Context, python_environment
from localaws.disks import ROOT, SYSTEM, SYSTEM_PATHS, Disk, DiskPlan, SystemFiles
from localaws.ec2.console import Console
from localaws.processes import Child
from localaws.sagemaker.background import count_instances

PYTHON = Path("/var/lib/localaws/python")
"""Where the instance sees its Python environment."""
POWER = ("shutdown", "poweroff", "halt", "reboot")
PROGRAMS = ("instance_init.py", "instance_power.py")
STOP_GRACE_S = 8.0
"""Real seconds that an instance has to shut down."""
FOREIGN_VARIABLES = ("AWS_EC2_METADATA_DISABLED", "HOME", "TMPDIR")
"""Variables of other children that an instance does not get; cloud-init sets no HOME."""


class Computer:
    """`start` and `stop` it in turn; `remove` it in the end."""

    def __init__(self, *, name: str, context: Context, console: Console) -> None:
        self._name = name
        self._context = context
        self._console = console
        plan = DiskPlan(folder=context.data_dir / "ec2" / name, python=PYTHON)
        self._disk = Disk(plan=plan, context=context)
        self._child: Child | None = None

    @property
    def pid(self) -> int:
        """Its first program, as this machine sees it; 0 while it is off."""
        child = self._child
        return 0 if child is None else child.pid

    def start(self, *, boot: Mapping[str, Any], region: str, metadata_url: str) -> None:
        """Switch it on; raises OSError or ChildStartError where that fails."""
        power = f"{PYTHON}/bin/python -I -S {SYSTEM}/instance_power.py"
        scripts = {name: f'#!/bin/sh\nexec {power} {name} "$@"\n' for name in POWER}
        self._disk.prepare(SystemFiles(programs=PROGRAMS, scripts=scripts, boot=boot))
        self._child = self._context.supervisor.start(
            name=f"ec2-{self._name}",
            argv=[str(PYTHON / "bin" / "python"), "-I", "-S", str(SYSTEM / "instance_init.py")],
            env=self._environment(region=region, metadata_url=metadata_url),
            cwd=ROOT,
            on_line=self._console.write,
            view=self._disk.view(),
        )

    def _environment(self, *, region: str, metadata_url: str) -> dict[str, str]:
        variables = self._context.child_environment(region=region)
        for name in FOREIGN_VARIABLES:
            variables.pop(name, None)
        folders = [SYSTEM / "bin", PYTHON / "bin", Path(sys.executable).parent, *SYSTEM_PATHS]
        own = {
            "PATH": os.pathsep.join(map(str, folders)),
            "AWS_EC2_METADATA_SERVICE_ENDPOINT": metadata_url,
        }
        sharers = 1 + count_instances(self._context.services)
        return python_environment(variables | own, sharers=sharers)

    def wait(self, *, timeout_s: float) -> int | None:
        """Wait for the end of the first program, at most so many real seconds; return its exit code."""
        assert self._child is not None
        return self._child.wait(timeout_s=timeout_s)

    def press_power(self) -> None:
        """Ask it to shut down; returns at once."""
        child = self._child
        if child is not None:
            child.terminate()

    def stop(self) -> None:
        """Switch it off: SIGTERM, time to end, SIGKILL. Nothing of it runs afterwards."""
        if self._child is not None:
            self._context.supervisor.stop(self._child, grace_s=STOP_GRACE_S)
            self._child = None

    def remove(self) -> None:
        """Remove its disk."""
        self._disk.remove()
