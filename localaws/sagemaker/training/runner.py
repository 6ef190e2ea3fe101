"""Run one training job from Starting to its end, in a thread of its own."""

import logging
import math
import threading
from collections.abc import Callable

from localaws.cloudwatch.sources.instances import Instance, job_instances
from localaws.cloudwatch.sources.training import NAMESPACE, TrainingValue
from localaws.context import Context
from localaws.errors import JobError
from localaws.faults.spec import SpotInterruption
from localaws.sagemaker.background import GuardedJob
from localaws.sagemaker.hosts import End, Result
from localaws.sagemaker.training.attempt import Attempt
from localaws.sagemaker.training.job import LocalTrainingJob
from localaws.sagemaker.training.metrics import MetricReader
from localaws.sagemaker.training.spec import TrainingSpec

logger = logging.getLogger(__name__)


class JobRunner(GuardedJob):
    """The thread that runs one job, on one set of instances after the other."""

    def __init__(self, *, context: Context, job: LocalTrainingJob, spec: TrainingSpec) -> None:
        super().__init__(title=f"training job {spec.name}", job=job)
        self._context = context
        self._job = job
        self._spec = spec
        self._stop = threading.Event()
        self._aborted = False
        self._metrics = MetricReader(spec.metric_definitions, on_value=self._report)
        self._attempt = Attempt(context=context, spec=spec, stop=self._stop)
        self._interruption: SpotInterruption | None = None

    def stop(self) -> None:
        """Ask the job to stop, as StopTrainingJob does; returns at once."""
        self._stop.set()

    def abort(self) -> None:
        """Give the job up without uploading anything: localaws is stopping. Returns at once."""
        self._aborted = True
        self._attempt.abort()
        self._stop.set()

    def close(self) -> None:
        """Leave nothing of the instances."""
        self._attempt.close()

    def work(self) -> None:
        """Run the job to its end."""
        clock = self._context.clock
        runtime_s: float = self._spec.max_runtime_s
        wait_s = math.inf if self._spec.max_wait_s is None else self._spec.max_wait_s
        give_up = clock.monotonic() + wait_s
        while True:
            begun = clock.monotonic()
            result = self._try_once(deadline=min(begun + runtime_s, give_up))
            if result.end is not End.INTERRUPTED:
                is_runtime = begun + runtime_s <= give_up
                self._finish(result, limit="MaxRuntimeExceeded" if is_runtime else "MaxWaitTimeExceeded")
                return
            runtime_s -= clock.monotonic() - begun
            if not self._find_instances(give_up=give_up):
                return

    def _try_once(self, *, deadline: float) -> Result:
        """Download and train on one set of instances."""
        self._job.start_billing()
        self._job.advance("Downloading")
        self._attempt.download()
        if self._stop.is_set() or not self._job.advance("Training"):
            return Result(end=End.NEVER_TRAINED)
        result = self._attempt.train(
            open_log=self._open_log,
            deadline=deadline,
            is_interrupted=self._is_interrupted,
            on_stopping=lambda: self._job.advance("Stopping"),
        )
        self._job.final_metric_data_list = self._metrics.final() or None
        return result

    def _is_interrupted(self, trained_s: float) -> bool:
        if not self._spec.is_spot:
            return False
        context, name = self._context, self._spec.name
        now = context.clock.now().isoformat()
        self._interruption = context.faults.take_interruption(job=name, trained_s=trained_s, now=now)
        if self._interruption is not None:
            logger.info("training job %s: spot instances are taken away", name)
        return self._interruption is not None

    def _find_instances(self, *, give_up: float) -> bool:
        """Wait for new instances after an interruption; False where the job has ended instead."""
        assert self._interruption is not None
        self._job.pause_billing()
        self._attempt.close()
        if self._job.advance("Interrupted"):
            self._job.advance("Starting")
        clock = self._context.clock
        wait_s = min(self._interruption.capacity_after_s, give_up - clock.monotonic())
        clock.wait(self._stop, max(0.0, wait_s))
        if self._stop.is_set():
            self._end_stopped("Stopped")
        elif clock.monotonic() >= give_up:
            self._end_stopped("MaxWaitTimeExceeded")
        else:
            self._attempt = Attempt(context=self._context, spec=self._spec, stop=self._stop)
            return True
        return False

    @property
    def instance_count(self) -> int:
        """How many hosts the job has."""
        return self._spec.instance_count

    def pids(self) -> dict[str, int]:
        """Return the processes of the hosts that train now, by the hosts' names."""
        return self._attempt.pids()

    def metric_instances(self) -> list[Instance]:
        """Return the hosts that train now."""
        spec = self._spec
        return job_instances(
            account_id=spec.account_id,
            region=spec.region,
            namespace=NAMESPACE,
            job=spec.name,
            pids=self.pids(),
        )

    def _report(self, name: str, value: float) -> None:
        spec = self._spec
        self._context.metrics.report(
            TrainingValue(
                account_id=spec.account_id, region=spec.region, job=spec.name, name=name, value=value
            )
        )

    def _open_log(self, write: Callable[[str], None]) -> Callable[[str], None]:
        def on_line(line: str) -> None:
            self._metrics.read(line, now=self._job.now())
            write(line)

        return on_line

    def _finish(self, result: Result, *, limit: str) -> None:
        """End the job; `limit` is the status of one that has run into its time limit."""
        if result.end is End.COMPLETED:
            self._finish_completed()
        elif result.end is End.FAILED:
            self._finish_failed(result)
        else:
            self._job.advance("Stopping")
            if result.end is not End.NEVER_TRAINED and not self._aborted:
                self._upload(with_model=True)
            self._end_stopped(limit if result.end is End.OUT_OF_TIME else "Stopped")

    def _finish_completed(self) -> None:
        self._job.advance("Uploading")
        self._upload(with_model=True)
        self._job.end_billing()
        if not self._job.advance("Completed"):
            self._job.advance("Stopped")  # StopTrainingJob came while the artifacts went up

    def _finish_failed(self, result: Result) -> None:
        """Fail with the script's reason; what lies in output/data is uploaded, a half-made model is not."""
        self._job.end_billing()
        reason = self._attempt.failure_reason(result)
        self._job.advance("Uploading")
        try:
            self._upload(with_model=False)
        except JobError as error:
            logger.warning("training job %s: %s", self._spec.name, error)
        self._job.fail(reason)

    def _upload(self, *, with_model: bool) -> None:
        model = self._attempt.upload(with_model=with_model)
        if model is not None:
            self._job.model_artifacts = {"S3ModelArtifacts": model}

    def _end_stopped(self, secondary_status: str) -> None:
        self._job.advance("Stopping")
        self._job.end_billing()
        self._job.advance(secondary_status)
