"""Run one training job from Starting to its end, in a thread of its own."""

import logging
import shutil
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from localaws.context import Context, python_environment
from localaws.errors import ChildStartError, StorageError, TrainingJobError
from localaws.identity import Grant
from localaws.sagemaker.training.artefacts import upload_artefacts
from localaws.sagemaker.training.channels import fetch_channels
from localaws.sagemaker.training.container import Folders, write_config
from localaws.sagemaker.training.failures import (
    INTERNAL_ERROR,
    MAX_REASON,
    algorithm_error,
    client_error,
    script_failed,
)
from localaws.sagemaker.training.hosts import End, HostGroup, HostProcess, Result, free_port, stream_name
from localaws.sagemaker.training.job import LocalTrainingJob
from localaws.sagemaker.training.metrics import MetricReader
from localaws.sagemaker.training.source import build_command, fetch_source
from localaws.sagemaker.training.spec import TrainingSpec
from localaws.sagemaker.training.variables import container_variables, this_machine, toolkit_variables

logger = logging.getLogger(__name__)

LOG_GROUP = "/aws/sagemaker/TrainingJobs"
STOP_GRACE_S = 120
"""AWS seconds between SIGTERM and SIGKILL (API_StopTrainingJob)."""
ABORT_GRACE_S = 1.0
"""Real seconds that hosts get when localaws itself stops."""
SESSION = "SageMaker"
"""Role session name of the platform's own transfers, and of the containers."""


class JobRunner:
    """The thread that runs one job, its hosts and its folder."""

    def __init__(self, *, context: Context, job: LocalTrainingJob, spec: TrainingSpec) -> None:
        self._context = context
        self._job = job
        self._spec = spec
        self._stop = threading.Event()
        self._aborted = False
        self._metrics = MetricReader(spec.metric_definitions)
        self._folder = context.data_dir / "training-jobs" / f"{spec.region}-{spec.name}"
        self._folders = {host: Folders(self._folder / host) for host in spec.hosts}
        self._grant: Grant | None = None
        self._s3: Any = None
        self._thread = threading.Thread(target=self._run, name=f"job-{spec.name}", daemon=True)

    @property
    def is_running(self) -> bool:
        """Whether the job's thread still works."""
        return self._thread.is_alive()

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Ask the job to stop, as StopTrainingJob does; returns at once."""
        self._stop.set()

    def abort(self) -> None:
        """Give the job up without uploading anything: localaws is stopping. Returns at once."""
        self._aborted = True
        self._stop.set()

    def join(self, *, timeout_s: float) -> None:
        """Wait for the thread's end."""
        self._thread.join(timeout=timeout_s)

    def _run(self) -> None:
        logger.info("training job %s: starting %s hosts", self._spec.name, self._spec.instance_count)
        try:
            self._work()
        except TrainingJobError as error:
            self._job.fail(str(error))
        except Exception:  # the thread's boundary: a defect of ours must end the job, visibly
            logger.exception("training job %s failed inside localaws", self._spec.name)
            self._job.fail(INTERNAL_ERROR)
        finally:
            self._clean_up()
        reason = self._job.failure_reason or ""
        logger.info("training job %s: %s %s", self._spec.name, self._job.secondary_status, reason)

    def _clean_up(self) -> None:
        """Leave nothing: logs are in CloudWatch, artefacts in S3, and the rest dies with a container."""
        if self._grant is not None:
            self._context.identity.revoke(self._grant)
        if self._s3 is not None:
            self._s3.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _work(self) -> None:
        self._job.start_billing()
        self._job.advance("Downloading")
        deadline = self._context.clock.monotonic() + self._spec.max_runtime_s
        self._download()
        if self._stop.is_set() or not self._job.advance("Training"):
            self._finish_stopped("Stopped", upload=False)
            return
        result = self._train(deadline=deadline)
        self._job.final_metric_data_list = self._metrics.final() or None
        self._finish(result)

    def _download(self) -> None:
        """Make the hosts' folders, and fetch channels and code as the job's role."""
        shutil.rmtree(self._folder, ignore_errors=True)
        for host, folders in self._folders.items():
            folders.make(self._spec)
            write_config(folders, self._spec, host=host)
        role = self._spec.role_arn
        credentials = self._context.identity.assume(role_arn=role, session_name=SESSION)
        self._s3 = self._context.client("s3", credentials=credentials, region=self._spec.region)
        try:
            fetch_channels(self._s3, self._spec.channels, folders=self._folders, cancel=self._stop)
        except StorageError as error:
            raise TrainingJobError(client_error(f"Data download failed:{error}")) from error
        archive = self._folder / "sourcedir.tar.gz"
        fetch_source(self._s3, self._spec, folders=list(self._folders.values()), archive=archive)

    def _train(self, *, deadline: float) -> Result:
        group = HostGroup(
            job_name=self._spec.name, supervisor=self._context.supervisor, clock=self._context.clock
        )
        try:
            group.start(self._host_processes())
            result = group.wait(stop=self._stop, deadline=deadline)
            if result.end in (End.STOPPED, End.OUT_OF_TIME):
                self._job.advance("Stopping")
                real_grace_s = self._context.clock.real_seconds(STOP_GRACE_S)
                group.terminate(grace_s=ABORT_GRACE_S if self._aborted else real_grace_s)
            return result
        except ChildStartError as error:
            raise TrainingJobError(algorithm_error(str(error))) from error
        finally:
            group.close()

    def _host_processes(self) -> list[HostProcess]:
        self._grant = self._context.identity.grant(role_arn=self._spec.role_arn, session_name=SESSION)
        port = free_port()
        return [
            self._host_process(host, folders=folders, master_port=port)
            for host, folders in self._folders.items()
        ]

    def _host_process(self, host: str, *, folders: Folders, master_port: int) -> HostProcess:
        assert self._grant is not None
        argv = build_command(self._spec, folders=folders)
        variables = toolkit_variables(self._spec, host=host, folders=folders, machine=this_machine())
        variables |= container_variables(self._spec, host=host, folders=folders, master_port=master_port)
        base = self._context.child_environment(region=self._spec.region)
        env = base | variables | self._context.grant_environment(self._grant)
        return HostProcess(
            name=host,
            argv=argv,
            env=python_environment(env),
            cwd=folders.code,
            on_line=self._open_log(host),
        )

    def _open_log(self, host: str) -> Any:
        clock = self._context.clock
        stream = self._context.log_stream(
            account_id=self._spec.account_id,
            region=self._spec.region,
            group=LOG_GROUP,
            stream=stream_name(job_name=self._spec.name, host=host, now=clock.now()),
        )
        if (self._folders[host].code / "requirements.txt").is_file() and not self._spec.entrypoint:
            stream.write("localaws: requirements.txt is not installed; the packages of localaws are used")

        def on_line(line: str) -> None:
            stream.write(line)
            self._metrics.read(line, now=self._job.now())

        return on_line

    def _finish(self, result: Result) -> None:
        if result.end is End.COMPLETED:
            self._finish_completed()
        elif result.end is End.FAILED:
            self._finish_failed(result)
        elif result.end is End.OUT_OF_TIME:
            self._finish_stopped("MaxRuntimeExceeded", upload=True)
        else:
            self._finish_stopped("Stopped", upload=not self._aborted)

    def _finish_completed(self) -> None:
        self._job.advance("Uploading")
        self._upload(with_model=True)
        self._job.end_billing()
        if not self._job.advance("Completed"):
            self._job.advance("Stopped")  # StopTrainingJob came while the artefacts went up

    def _finish_failed(self, result: Result) -> None:
        """Fail with the script's reason; what lies in output/data is uploaded, a half-made model is not."""
        self._job.end_billing()
        folders = self._folders[result.host]
        reason = script_failed(
            exit_code=result.exit_code,
            written=first_failure([host.failure for host in self._folders.values()]),
            tail=result.tail,
            command=" ".join(build_command(self._spec, folders=folders)),
        )
        self._job.advance("Uploading")
        try:
            self._upload(with_model=False)
        except TrainingJobError as error:
            logger.warning("training job %s: %s", self._spec.name, error)
        self._job.fail(reason)

    def _finish_stopped(self, secondary_status: str, *, upload: bool) -> None:
        self._job.advance("Stopping")
        if upload:
            self._upload(with_model=True)
        self._job.end_billing()
        self._job.advance(secondary_status)

    def _upload(self, *, with_model: bool) -> None:
        hosts = list(self._folders.values())
        model = upload_artefacts(
            self._s3, self._spec, hosts=hosts, scratch=self._folder, with_model=with_model
        )
        if model is not None:
            self._job.model_artifacts = {"S3ModelArtifacts": model}


def first_failure(paths: Sequence[Path]) -> str | None:
    """Return the oldest of the hosts' /opt/ml/output/failure files, or None.

    The host that failed first wrote first; the others only lost their peer, though they may exit before it.
    """
    written = [path for path in paths if path.is_file()]
    if not written:
        return None
    with min(written, key=lambda path: path.stat().st_mtime_ns).open(errors="replace") as file:
        return file.read(4 * MAX_REASON)
