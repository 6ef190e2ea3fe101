"""One set of instances of a job: it fetches its inputs, trains, and is gone with all that it held.

A job has one, or one more after each interruption of its spot instances.
"""

import os
import threading
from collections.abc import Callable
from pathlib import Path

from localaws.context import Context
from localaws.errors import JobError, StorageError
from localaws.overlays import pip_variables
from localaws.sagemaker.channels import fetch_channels
from localaws.sagemaker.cluster import Cluster, ClusterPlan, OnLine, Watch
from localaws.sagemaker.failures import MAX_REASON, client_error, script_failed
from localaws.sagemaker.folder_sync import FolderSync
from localaws.sagemaker.hosts import HostProcess, Result, free_port
from localaws.sagemaker.training.artifacts import upload_artifacts
from localaws.sagemaker.training.container import Folders, write_config
from localaws.sagemaker.training.source import REQUIREMENTS, build_command, fetch_source
from localaws.sagemaker.training.spec import TrainingSpec
from localaws.sagemaker.training.torchrun import launcher_words
from localaws.sagemaker.training.variables import (
    LOOPBACK,
    Master,
    container_variables,
    this_machine,
    toolkit_variables,
)

LOG_GROUP = "/aws/sagemaker/TrainingJobs"
OpenLog = Callable[[OnLine], OnLine]
"""Given what takes the lines of a host's log stream, return what takes the host's lines."""


class Attempt:
    """The instances, their folders and their identity. `close` must be called, whatever happens."""

    def __init__(self, *, context: Context, spec: TrainingSpec, stop: threading.Event) -> None:
        self._context = context
        self._spec = spec
        self._stop = stop
        plan = ClusterPlan(
            kind="training-jobs",
            job_name=spec.name,
            account_id=spec.account_id,
            region=spec.region,
            role_arn=spec.role_arn,
            hosts=spec.hosts,
            log_group=LOG_GROUP,
        )
        self._cluster = Cluster(context=context, plan=plan)
        self._folders = {host: Folders(base=self._cluster.rooms[host].base) for host in spec.hosts}
        self._commands: dict[str, list[str]] = {}
        self._checkpoints: FolderSync | None = None

    def pids(self) -> dict[str, int]:
        """Return the processes of the hosts that run now, by the hosts' names."""
        return self._cluster.pids()

    def abort(self) -> None:
        """Upload nothing more, and give hosts no time: localaws is stopping."""
        self._cluster.abort()

    def download(self) -> None:
        """Make the hosts' folders, and fetch channels, checkpoints and code as the job's role."""
        self._cluster.prepare()
        for host, folders in self._folders.items():
            folders.make(self._spec)
            write_config(folders, self._spec, host=host)
        try:
            folders_of_data = {host: folders.data for host, folders in self._folders.items()}
            fetch_channels(self._cluster.s3, self._spec.channels, folders=folders_of_data, cancel=self._stop)
            self._fetch_checkpoints()
        except StorageError as error:
            raise JobError(client_error(f"Data download failed:{error}")) from error
        archive = self._cluster.folder / "sourcedir.tar.gz"
        fetch_source(self._cluster.s3, self._spec, folders=list(self._folders.values()), archive=archive)

    def _fetch_checkpoints(self) -> None:
        if self._spec.checkpoints is None:
            return
        path = self._spec.checkpoints.local_path
        folders = [folder for host in self._folders.values() if (folder := host.locate(path)) is not None]
        uri = self._spec.checkpoints.uri
        sync = FolderSync(
            self._cluster.s3, uri=uri, folders=folders, title=f"checkpoints of {self._spec.name}"
        )
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
        begun = clock.monotonic()
        watch = Watch(
            stop=self._stop,
            deadline=deadline,
            is_interrupted=lambda: is_interrupted(clock.monotonic() - begun),
            on_started=self._start_checkpoints,
            on_stopping=on_stopping,
        )
        result = self._cluster.run(self._host_processes(open_log), watch=watch)
        self._finish_checkpoints()
        return result

    def _finish_checkpoints(self) -> None:
        if self._checkpoints is None or self._cluster.is_aborted:
            return
        try:
            self._checkpoints.finish()
        except StorageError as error:
            raise JobError(client_error(f"Checkpoint upload failed:{error}")) from error

    def _start_checkpoints(self) -> None:
        if self._checkpoints is not None:
            self._checkpoints.start()

    def _host_processes(self, open_log: OpenLog) -> list[HostProcess]:
        port = free_port()
        return [self._host_process(host, open_log=open_log, port=port) for host in self._spec.hosts]

    def _host_process(self, host: str, *, open_log: OpenLog, port: int) -> HostProcess:
        """Return what one host runs; its folders are named as it sees them."""
        spec, room = self._spec, self._cluster.rooms[host]
        seen = Folders(base=room.seen_base)
        master = Master(address=LOOPBACK if room.refusal else spec.hosts[0], port=port)
        variables = toolkit_variables(spec, host=host, folders=seen, machine=this_machine())
        variables |= container_variables(spec, host=host, folders=seen, master=master)
        launcher = launcher_words(spec, host=host, master=master, machine=this_machine())
        command = build_command(
            spec,
            folders=self._folders[host],
            python=room.overlay.python,
            launcher=launcher,
            no_opt_ml=room.refusal,
        )
        self._commands[host] = command
        if not spec.entrypoint and (self._folders[host].code / REQUIREMENTS).is_file():
            command = room.overlay.install_first(command, requirements=REQUIREMENTS, failure=seen.failure)
            variables |= pip_variables(os.environ)
        return self._cluster.host_process(
            host,
            command=command,
            variables=variables,
            folder=self._folders[host].code.name,
            on_line=open_log(self._cluster.open_log(host)),
        )

    def upload(self, *, with_model: bool) -> str | None:
        """Upload output data, and the model where wanted; return S3ModelArtifacts or None."""
        hosts = list(self._folders.values())
        return upload_artifacts(
            self._cluster.s3, self._spec, hosts=hosts, scratch=self._cluster.folder, with_model=with_model
        )

    def failure_reason(self, result: Result) -> str:
        """Return the FailureReason of a training that has failed."""
        return script_failed(
            exit_code=result.exit_code,
            written=first_failure([host.failure for host in self._folders.values()]),
            tail=result.tail,
            command=" ".join(self._commands[result.host]),
        )

    def close(self) -> None:
        """Leave nothing: logs are in CloudWatch, artifacts in S3, and the rest dies with the instances."""
        if self._checkpoints is not None:
            self._checkpoints.abandon()
        self._cluster.close()


def first_failure(paths: list[Path]) -> str | None:
    """Return the oldest of the hosts' /opt/ml/output/failure files, or None.

    The host that failed first wrote first; the others only lost their peer, though they may exit before it.
    """
    written = [path for path in paths if path.is_file()]
    if not written:
        return None
    with min(written, key=lambda path: path.stat().st_mtime_ns).open(errors="replace") as file:
        return file.read(4 * MAX_REASON)
