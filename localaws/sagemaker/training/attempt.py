"""One set of instances of a job: it fetches its inputs, trains, and is gone with all that it held.

A job has one, or one more after each interruption of its spot instances.
"""

import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from localaws.context import Context, python_environment
from localaws.errors import ChildStartError, StorageError, TrainingJobError
from localaws.iam.identity import Grant
from localaws.namespaces import OPT_ML, View, host_view
from localaws.sagemaker.background import count_computing
from localaws.sagemaker.training.artifacts import upload_artifacts
from localaws.sagemaker.training.channels import fetch_channels
from localaws.sagemaker.training.checkpoints import CheckpointSync
from localaws.sagemaker.training.container import Folders, write_config
from localaws.sagemaker.training.failures import MAX_REASON, algorithm_error, client_error, script_failed
from localaws.sagemaker.training.hosts import End, HostGroup, HostProcess, Result, free_port
from localaws.sagemaker.training.source import build_command, fetch_source
from localaws.sagemaker.training.spec import TrainingSpec
from localaws.sagemaker.training.variables import (
    LOOPBACK,
    Master,
    container_variables,
    this_machine,
    toolkit_variables,
)

STOP_GRACE_S = 120
"""AWS seconds between SIGTERM and SIGKILL, at StopTrainingJob (API_StopTrainingJob) and as the notice of spot
instances (https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/spot-instance-termination-notices.html)."""
ABORT_GRACE_S = 1.0
"""Real seconds that hosts get when localaws itself stops."""
SESSION = "SageMaker"
"""Role session name of the platform's own transfers, and of the containers."""

OpenLog = Callable[[str], Callable[[str], None]]
"""Open the log of a host, by name; return what takes its lines."""


class Attempt:
    """The instances, their folders and their identity. `close` must be called, whatever happens."""

    def __init__(self, *, context: Context, spec: TrainingSpec, stop: threading.Event) -> None:
        self._context = context
        self._spec = spec
        self._stop = stop
        self._aborted = False
        self._folder = context.data_dir / "training-jobs" / f"{spec.region}-{spec.name}"
        self._folders = {host: Folders(self._folder / host) for host in spec.hosts}
        self._grant: Grant | None = None
        self._s3: Any = None
        self._checkpoints: CheckpointSync | None = None
        self._group: HostGroup | None = None

    def pids(self) -> dict[str, int]:
        """Return the processes of the hosts that run now, by the hosts' names."""
        return {} if self._group is None else self._group.pids()

    @property
    def _refusal(self) -> str:
        """Why hosts get no view of their own here; empty where they do."""
        return self._context.supervisor.refusal

    def abort(self) -> None:
        """Upload nothing more, and give hosts no time: localaws is stopping."""
        self._aborted = True

    def download(self) -> None:
        """Make the hosts' folders, and fetch channels, checkpoints and code as the job's role."""
        shutil.rmtree(self._folder, ignore_errors=True)
        for host, folders in self._folders.items():
            folders.make(self._spec)
            write_config(folders, self._spec, host=host)
        role = self._spec.role_arn
        credentials = self._context.identity.assume(role_arn=role, session_name=SESSION)
        self._s3 = self._context.client("s3", credentials=credentials, region=self._spec.region)
        try:
            fetch_channels(self._s3, self._spec.channels, folders=self._folders, cancel=self._stop)
            self._fetch_checkpoints()
        except StorageError as error:
            raise TrainingJobError(client_error(f"Data download failed:{error}")) from error
        archive = self._folder / "sourcedir.tar.gz"
        fetch_source(self._s3, self._spec, folders=list(self._folders.values()), archive=archive)

    def _fetch_checkpoints(self) -> None:
        if self._spec.checkpoints is None:
            return
        path = self._spec.checkpoints.local_path
        folders = [folder for host in self._folders.values() if (folder := host.locate(path)) is not None]
        uri = self._spec.checkpoints.uri
        sync = CheckpointSync(self._s3, uri=uri, folders=folders, job_name=self._spec.name)
        sync.download(cancel=self._stop)
        self._checkpoints = sync

    def train(
        self,
        *,
        open_log: OpenLog,
        deadline: float,
        is_interrupted: Callable[[float], bool],
        on_stopping: Callable[[], object],
    ) -> Result:
        """Run the hosts to their end, or until `deadline` of the clock; their checkpoints are in S3 then.

        `is_interrupted` is asked with the AWS seconds of training so far; `on_stopping` is told before hosts
        are asked to stop.
        """
        clock = self._context.clock
        group = HostGroup(job_name=self._spec.name, supervisor=self._context.supervisor, clock=clock)
        self._group = group
        begun = clock.monotonic()
        try:
            group.start(self._host_processes(open_log))
            if self._checkpoints is not None:
                self._checkpoints.start()
            result = group.wait(
                stop=self._stop,
                deadline=deadline,
                is_interrupted=lambda: is_interrupted(clock.monotonic() - begun),
            )
            if result.end in (End.STOPPED, End.OUT_OF_TIME):
                on_stopping()
            if result.end in (End.STOPPED, End.OUT_OF_TIME, End.INTERRUPTED):
                real_grace_s = clock.real_seconds(STOP_GRACE_S)
                group.terminate(grace_s=ABORT_GRACE_S if self._aborted else real_grace_s)
        except ChildStartError as error:
            raise TrainingJobError(algorithm_error(str(error))) from error
        finally:
            group.close()
        self._finish_checkpoints()
        return result

    def _finish_checkpoints(self) -> None:
        if self._checkpoints is not None and not self._aborted:
            self._checkpoints.finish()

    def _host_processes(self, open_log: OpenLog) -> list[HostProcess]:
        self._grant = self._context.identity.grant(role_arn=self._spec.role_arn, session_name=SESSION)
        port = free_port()
        return [
            HostProcess(
                name=host,
                argv=self._command(host),
                env=self._environment(host, grant=self._grant, master_port=port),
                cwd=folders.code if self._refusal else Folders(OPT_ML).code,
                on_line=self._take_lines(host, open_log=open_log),
                view=self._view(host),
            )
            for host, folders in self._folders.items()
        ]

    def _command(self, host: str) -> list[str]:
        return build_command(self._spec, folders=self._folders[host], no_opt_ml=self._refusal)

    def _view(self, host: str) -> View:
        """Return what one host sees, where it can have a view of its own."""
        if self._refusal:
            return View()
        scratch = self._folder / f"{host}.view"
        return host_view(self._folders[host].base, scratch=scratch, names=self._spec.hosts)

    def _take_lines(self, host: str, *, open_log: OpenLog) -> Callable[[str], None]:
        on_line = open_log(host)
        if (self._folders[host].code / "requirements.txt").is_file() and not self._spec.entrypoint:
            on_line("localaws: requirements.txt is not installed; the packages of localaws are used")
        return on_line

    def _environment(self, host: str, *, grant: Grant, master_port: int) -> dict[str, str]:
        """Return the variables of one host; its folders are named as it sees them."""
        spec, has_view = self._spec, not self._refusal
        seen = Folders(OPT_ML) if has_view else self._folders[host]
        master = Master(spec.hosts[0] if has_view else LOOPBACK, master_port)
        variables = toolkit_variables(spec, host=host, folders=seen, machine=this_machine())
        variables |= container_variables(spec, host=host, folders=seen, master=master)
        base = self._context.child_environment(region=spec.region)
        sharers = len(spec.hosts) * count_computing(self._context.services)
        grants = self._context.grant_environment(grant)
        return python_environment(base | variables | grants, sharers=sharers)

    def upload(self, *, with_model: bool) -> str | None:
        """Upload output data, and the model where wanted; return S3ModelArtifacts or None."""
        hosts = list(self._folders.values())
        return upload_artifacts(
            self._s3, self._spec, hosts=hosts, scratch=self._folder, with_model=with_model
        )

    def failure_reason(self, result: Result) -> str:
        """Return the FailureReason of a training that has failed."""
        return script_failed(
            exit_code=result.exit_code,
            written=first_failure([host.failure for host in self._folders.values()]),
            tail=result.tail,
            command=" ".join(build_command(self._spec, folders=self._folders[result.host])),
        )

    def close(self) -> None:
        """Leave nothing: logs are in CloudWatch, artifacts in S3, and the rest dies with the instances."""
        if self._checkpoints is not None:
            self._checkpoints.abandon()
        if self._grant is not None:
            self._context.identity.revoke(self._grant)
        if self._s3 is not None:
            self._s3.close()
        shutil.rmtree(self._folder, ignore_errors=True)


def first_failure(paths: list[Path]) -> str | None:
    """Return the oldest of the hosts' /opt/ml/output/failure files, or None.

    The host that failed first wrote first; the others only lost their peer, though they may exit before it.
    """
    written = [path for path in paths if path.is_file()]
    if not written:
        return None
    with min(written, key=lambda path: path.stat().st_mtime_ns).open(errors="replace") as file:
        return file.read(4 * MAX_REASON)
