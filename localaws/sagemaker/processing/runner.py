"""Run one processing job to its end, in a thread of its own.

Contract: https://docs.aws.amazon.com/sagemaker/latest/dg/build-your-own-processing-container.html
"""

import json
import threading
from pathlib import Path

from localaws.cloudwatch.sources.instances import Instance, job_instances
from localaws.context import Context
from localaws.errors import JobError, StorageError
from localaws.sagemaker.background import GuardedJob
from localaws.sagemaker.channels import list_files, plan
from localaws.sagemaker.cluster import Cluster, ClusterPlan, Watch, check_paths
from localaws.sagemaker.failures import algorithm_error, client_error, container_exit_code
from localaws.sagemaker.folder_sync import FolderSync
from localaws.sagemaker.hosts import End, HostProcess, Result
from localaws.sagemaker.job_state import STOPPING
from localaws.sagemaker.processing.job import LocalProcessingJob
from localaws.sagemaker.processing.spec import ProcessingInput, ProcessingSpec
from localaws.sagemaker.training.container import Folders, resource_config
from localaws.storage import S3Uri, download_all, merge_files, upload_all

LOG_GROUP = "/aws/sagemaker/ProcessingJobs"
"""The namespace of the instances' metrics, too."""
MAX_MESSAGE = 1024
"""Characters of ExitMessage (API_DescribeProcessingJob)."""
START = "processing"
"""The folder below /opt/ml where a host starts."""


class ProcessingRunner(GuardedJob):
    """The thread that runs one job."""

    def __init__(self, *, context: Context, job: LocalProcessingJob, spec: ProcessingSpec) -> None:
        super().__init__(title=f"processing job {spec.name}", job=job)
        self._context = context
        self._job = job
        self._spec = spec
        self._stop = threading.Event()
        plan = ClusterPlan(
            kind="processing-jobs",
            job_name=spec.name,
            account_id=spec.account_id,
            region=spec.region,
            role_arn=spec.role_arn,
            hosts=spec.hosts,
            log_group=LOG_GROUP,
        )
        self._cluster = Cluster(context=context, plan=plan)
        self._syncs: list[FolderSync] = []

    def stop(self) -> None:
        """Ask the job to stop, as StopProcessingJob does; returns at once."""
        self._stop.set()

    def abort(self) -> None:
        """Give the job up: localaws is stopping. Returns at once."""
        self._cluster.abort()
        self._stop.set()

    @property
    def instance_count(self) -> int:
        """How many hosts the job has."""
        return self._spec.instance_count

    def pids(self) -> dict[str, int]:
        """Return the processes of the hosts that run now, by the hosts' names."""
        return self._cluster.pids()

    def metric_instances(self) -> list[Instance]:
        """Return the hosts that run now."""
        return job_instances(
            account_id=self._spec.account_id,
            region=self._spec.region,
            namespace=LOG_GROUP,
            job=self._spec.name,
            pids=self.pids(),
        )

    def work(self) -> None:
        """Download, run, upload."""
        self._prepare()
        if self._stop.is_set():
            self._job.finish(is_stopped=True)
            return
        result = self._run()
        self._job.exit_message = self._read_message()
        if result.end is End.FAILED:
            self._abandon_syncs()
            raise JobError(self._failure(result))
        if not self._cluster.is_aborted:
            self._upload(is_whole=result.end is End.COMPLETED)
        self._job.finish(is_stopped=result.end is not End.COMPLETED)

    def _prepare(self) -> None:
        """Make the folders of all hosts and fetch the inputs as the job's role."""
        self._cluster.prepare()
        for host in self._spec.hosts:
            self._make_folders(host)
        try:
            for item in self._spec.inputs:
                self._fetch(item)
        except StorageError as error:
            raise JobError(client_error(f"Data download failed:{error}")) from error

    def _make_folders(self, host: str) -> None:
        base = self._cluster.rooms[host].base
        config = base / "config"
        paths = [output.local_path for output in self._spec.outputs]
        paths += [item.local_path for item in self._spec.inputs]
        folders = [self._locate(host, path) for path in paths]
        for folder in (
            config,
            Folders(base=self._cluster.rooms[host].base).output,
            self._cluster.rooms[host].base / START,
        ):
            folder.mkdir(parents=True)
        for folder in folders:
            folder.mkdir(parents=True, exist_ok=True)
        (config / "processingjobconfig.json").write_text(json.dumps(self._spec.config, default=str))
        (config / "resourceconfig.json").write_text(json.dumps(resource_config(self._spec, host=host)))

    def _locate(self, host: str, path: str) -> Path:
        folder = Folders(base=self._cluster.rooms[host].base).locate(path)
        assert folder is not None  # the request was checked
        return folder

    def _fetch(self, item: ProcessingInput) -> None:
        targets = {host: self._locate(host, item.local_path) for host in self._spec.hosts}
        files = list_files(self._cluster.s3, item.channel)
        download_all(self._cluster.s3, plan(item.channel, files, folders=targets), cancel=self._stop)

    def _run(self) -> Result:
        processes = [self._host_process(host) for host in self._spec.hosts]
        deadline = self._context.clock.monotonic() + self._spec.max_runtime_s
        watch = Watch(
            stop=self._stop,
            deadline=deadline,
            on_started=self._start_syncs,
            on_stopping=lambda: self._job.advance(STOPPING),
        )
        self._job.start()
        return self._cluster.run(processes, watch=watch)

    def _host_process(self, host: str) -> HostProcess:
        spec = self._spec
        if not spec.entrypoint:
            raise JobError(
                algorithm_error(
                    "localaws runs AppSpecification.ContainerEntrypoint; this job has none, and what is "
                    "inside its image cannot be run without a container engine."
                )
            )
        command = [*spec.entrypoint, *spec.arguments]
        check_paths(command, refusal=self._cluster.rooms[host].refusal)
        return self._cluster.host_process(
            host,
            command=command,
            variables=spec.environment,
            folder=START,
            on_line=self._cluster.open_log(host),
        )

    def _start_syncs(self) -> None:
        """Begin to copy the outputs that are uploaded while the job runs."""
        for output in self._spec.outputs:
            if output.is_continuous:
                folders = [self._locate(host, output.local_path) for host in self._spec.hosts]
                title = f"output of {self._spec.name}"
                sync = FolderSync(self._cluster.s3, uri=output.uri, folders=folders, title=title)
                sync.start()
                self._syncs.append(sync)

    def _abandon_syncs(self) -> None:
        for sync in self._syncs:
            sync.abandon()

    def _upload(self, *, is_whole: bool) -> None:
        """Upload what is left of the continuous outputs and, of a job that was not stopped, the others."""
        try:
            for sync in self._syncs:
                sync.finish()
            for output in self._spec.outputs:
                if is_whole and not output.is_continuous:
                    folders = [self._locate(host, output.local_path) for host in self._spec.hosts]
                    upload_all(self._cluster.s3, merge_files(folders), S3Uri.parse(output.uri))
        except StorageError as error:
            raise JobError(client_error(f"Output upload failed:{error}")) from error

    def _read_message(self) -> str | None:
        """Return what a host left in /opt/ml/output/message, the first host's first."""
        for host in self._spec.hosts:
            path = Folders(base=self._cluster.rooms[host].base).output / "message"
            if path.is_file():
                with path.open(errors="replace") as file:
                    return file.read(MAX_MESSAGE) or None
        return None

    def _failure(self, result: Result) -> str:
        """Return the FailureReason of a container that failed: its exit message where it left one."""
        said = self._job.exit_message or "See job logs for more information"
        ending = f", exit code: {container_exit_code(result.exit_code)}"
        return algorithm_error(said)[: MAX_MESSAGE - len(ending)] + ending

    def close(self) -> None:
        """Leave nothing of the instances."""
        self._abandon_syncs()
        self._cluster.close()
