"""What an execution environment sees: its code, its layers and the runtime read-only, and a /tmp of its own.

Folders: https://docs.aws.amazon.com/lambda/latest/dg/configuration-layers.html and
https://docs.aws.amazon.com/lambda/latest/dg/configuration-ephemeral-storage.html
"""

import hashlib
import os
import shutil
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from localaws.functions.spec import EnvironmentSpec, Runtime
from localaws.namespaces import Memory, Mount, View, hide, mount_below, protect_environment, read_only

TASK, RUNTIME, LAYERS = Path("/var/task"), Path("/var/runtime"), Path("/opt")
PROCESSES = 1024
"""Processes and threads of an execution environment
(https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html)."""
TEMPORARY = Path("/tmp")  # noqa: S108 - the function's, not this machine's


def function_view(
    spec: EnvironmentSpec, runtime: Runtime, *, scratch: Path, hidden: Path, kept: Iterable[Path | None]
) -> View:
    """Return the view of one environment; what it is made of lies in `scratch`, which exists.

    Nothing is seen of the folder `hidden`. Python, and the files `kept`, stay where they are, there and in
    /tmp. EphemeralStorage is a limit: it is memory.
    """
    temporary, layers = scratch / "tmp", merge_layers(spec.layers) or scratch / "opt"
    for folder in (temporary, scratch / "opt"):
        folder.mkdir()
    stays = [*python_folders(), *(path for path in kept if path is not None)]
    seen = [*stays, *(spec.layers if holds(LAYERS, stays) else ())]
    code = mount_below(TASK.parent, {"task": spec.task_root, "runtime": runtime.folder}, scratch=scratch)
    return View(
        mounts=[
            *protect_environment(),
            *code,
            *([] if holds(LAYERS, stays) else [read_only(source=layers, target=LAYERS)]),
            Memory(target=temporary, size_mb=spec.ephemeral_mb),
            *[
                Mount(source=path, target=temporary / path.relative_to(TEMPORARY), is_target_made=True)
                for path in stays
                if path.is_relative_to(TEMPORARY)
            ],
            Mount(source=temporary, target=TEMPORARY),
            *([] if hidden.is_relative_to(TEMPORARY) else hide(hidden, kept=seen, stage=scratch / "data")),
        ],
        processes=PROCESSES,
    )


def as_seen(spec: EnvironmentSpec, runtime: Runtime) -> tuple[EnvironmentSpec, Runtime]:
    """Return a specification and a runtime with the folders as an environment with a view sees them."""
    layers = spec.layers if holds(LAYERS, python_folders()) else (LAYERS,) * bool(spec.layers)
    return replace(spec, task_root=TASK, layers=layers), replace(runtime, folder=RUNTIME)


def python_folders() -> list[Path]:
    """Return the folders without which our Python does not start, nor finds the SDK."""
    found = {sys.prefix, sys.base_prefix, os.path.realpath(sys.prefix)}
    return [Path(folder) for folder in sorted(found)]


def holds(folder: Path, paths: Iterable[Path]) -> bool:
    """Return whether one of the paths lies in a folder, which then must not be covered."""
    return any(path.is_relative_to(folder) for path in paths)


def merge_layers(layers: Sequence[Path]) -> Path | None:
    """Return a folder with the files of all layers, of which the later ones win; None without a layer.

    It is made of hard links, once, beside the unpacked layers.
    """
    if len(layers) < 2:
        return layers[0] if layers else None
    digest = hashlib.sha256("\n".join(map(str, layers)).encode()).hexdigest()
    merged = layers[0].parent / f"layers-{digest}"
    if not merged.is_dir():
        partial = Path(tempfile.mkdtemp(prefix="partial-", dir=merged.parent))
        for layer in layers:
            shutil.copytree(layer, partial, copy_function=link_over, dirs_exist_ok=True)
            for folder in [partial, *(path for path in partial.rglob("*") if path.is_dir())]:
                folder.chmod(0o755)
        try:
            partial.rename(merged)
        except OSError:  # another environment was first
            shutil.rmtree(partial)
    return merged


def link_over(source: str, target: str) -> None:
    """Link a file in the place of one of an earlier layer."""
    Path(target).unlink(missing_ok=True)
    os.link(source, target)
