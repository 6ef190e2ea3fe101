"""What one instance has to itself: an /opt/ml, a Python environment, and a folder for temporary files."""

import secrets
import shutil
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from localaws.context import Context
from localaws.namespaces import OPT_ML, View, hide, host_view
from localaws.overlays import Overlay, search_path

MAX_TEMPORARY_PATH = 64
"""Characters of a TMPDIR: the sockets that Python and torch make below it may have 108 in all (unix(7))."""


class Room:
    """The place of one instance. `base` is the folder that it sees as /opt/ml, where it can have a view.

    Of the folders `fixed` in it a process with a view can change nothing.
    """

    def __init__(
        self, *, base: Path, context: Context, names: Sequence[str] = (), fixed: Sequence[str] = ()
    ) -> None:
        self.base = base
        self.overlay = Overlay(folder=base.with_name(f"{base.name}.python"))
        self._scratch = base.with_name(f"{base.name}.view")
        self._context = context
        self._names = names
        self._fixed = fixed
        self._temporary: Path | None = None

    @property
    def refusal(self) -> str:
        """Why there is no view of its own here; empty where there is one."""
        return self._context.supervisor.refusal

    @property
    def seen_base(self) -> Path:
        """The base as the instance sees it."""
        return self.base if self.refusal else OPT_ML

    def prepare(self) -> None:
        """Make the Python environment and the folder for temporary files."""
        self.overlay.make()
        if self._temporary is None:
            self._temporary = self._make_temporary()

    def _make_temporary(self) -> Path:
        folder = self._context.data_dir / "tmp" / secrets.token_hex(4)
        if len(str(folder)) > MAX_TEMPORARY_PATH:
            return Path(tempfile.mkdtemp(prefix="localaws-"))
        folder.mkdir(parents=True)
        return folder

    def view(self) -> View:
        """Return what a process in the room sees; it starts in a folder below `seen_base`.

        Of the data folder it sees what is its own, and none of other jobs' files, nor of anybody's objects.
        """
        if self.refusal:
            return View()
        shutil.rmtree(self._scratch, ignore_errors=True)  # of a process that has ended
        view = host_view(self.base, scratch=self._scratch, names=self._names, fixed=self._fixed)
        kept = [self.overlay.folder, self._temporary, self._context.ca_bundle]
        hidden = hide(self._context.data_dir, kept=kept, stage=self._scratch / "data")
        return replace(view, mounts=[*view.mounts, *hidden])

    def variables(self) -> dict[str, str]:
        """Return the variables that lead to what is its own."""
        return {
            "PATH": search_path([self.overlay.bin, Path(sys.executable).parent]),
            "TMPDIR": str(self._temporary),
        }

    def leave(self) -> None:
        """Remove the temporary files of a process that has ended."""
        if self._temporary is not None:
            shutil.rmtree(self._temporary, ignore_errors=True)
            self._temporary = None

    def remove(self) -> None:
        """Remove everything."""
        self.leave()
        for folder in (self.base, self.overlay.folder, self._scratch):
            shutil.rmtree(folder, ignore_errors=True)
