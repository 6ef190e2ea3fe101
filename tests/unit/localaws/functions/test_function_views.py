"""What an execution environment is shown, and how much it may start."""

from pathlib import Path

import pytest

from localaws.functions.spec import EnvironmentSpec, Runtime
from localaws.functions.views import PROCESSES, TEMPORARY, function_view
from localaws.namespaces import Mount, View


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    """Return a folder for what a view is made of."""
    for name in ("scratch", "task", "runtime"):
        (tmp_path / name).mkdir()
    return tmp_path / "scratch"


def view_of(scratch: Path, *, hidden: Path, kept: list[Path | None]) -> View:
    spec = EnvironmentSpec(
        account_id="123456789012",
        region="us-east-1",
        function_name="f",
        version="$LATEST",
        handler="app.handler",
        role="arn:aws:iam::123456789012:role/r",
        runtime="python3.11",
        memory_mb=128,
        timeout_s=3,
        variables=(),
        task_root=scratch.parent / "task",
    )
    runtime = Runtime(folder=scratch.parent / "runtime", client="x")
    return function_view(spec, runtime, scratch=scratch, hidden=hidden, kept=kept)


def test_it_has_as_many_processes_as_on_aws(scratch: Path) -> None:
    assert view_of(scratch, hidden=TEMPORARY / "data", kept=[]).processes == PROCESSES == 1024


def test_the_data_folder_is_hidden_but_for_what_is_kept(scratch: Path) -> None:
    hidden = Path("/srv/localaws")
    *_, kept, over = view_of(scratch, hidden=hidden, kept=[hidden / "tls/ca.pem", None]).mounts
    stage = scratch / "data"
    assert kept == Mount(source=hidden / "tls/ca.pem", target=stage / "tls/ca.pem", is_target_made=True)
    assert over == Mount(source=stage, target=hidden)


def test_a_data_folder_in_tmp_is_hidden_with_all_of_tmp(scratch: Path) -> None:
    assert view_of(scratch, hidden=TEMPORARY / "data", kept=[]).mounts[-1].target == TEMPORARY
