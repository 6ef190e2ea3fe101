"""Run one transform job to its end, in a thread of its own.

https://docs.aws.amazon.com/sagemaker/latest/dg/batch-transform.html
"""

import threading
from collections.abc import Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from dataclasses import replace
from typing import Any

from localaws.cloudwatch.sources import instances as metrics
from localaws.context import Context
from localaws.errors import JobError, LocalAwsError, StorageError
from localaws.iam.identity import LONG_S
from localaws.sagemaker.background import GuardedJob
from localaws.sagemaker.channels import list_files
from localaws.sagemaker.endpoints.container import ContainerFactory, Place
from localaws.sagemaker.endpoints.fleet import stop_all
from localaws.sagemaker.endpoints.instance import Instance
from localaws.sagemaker.endpoints.plan import VariantPlan
from localaws.sagemaker.failures import algorithm_error, client_error
from localaws.sagemaker.job_state import STOPPING
from localaws.sagemaker.transform.client import SEE_LOGS, ModelClient, ask_parameters
from localaws.sagemaker.transform.filters import DataProcessing, DataProcessingError
from localaws.sagemaker.transform.job import LocalTransformJob
from localaws.sagemaker.transform.records import (
    PayloadTooLargeError,
    UnzipError,
    assemble,
    batch_records,
    split_records,
    unzip,
)
from localaws.sagemaker.transform.spec import Limits, TransformSpec
from localaws.storage import S3Uri, read_object, write_object

LOG_GROUP = "/aws/sagemaker/TransformJobs"
"""The namespace of the instances' metrics, too."""
POLL_S = 0.02
"""Real seconds between two looks at instances and requests."""
GRACE_S = 2.0
"""Real seconds between SIGTERM and SIGKILL."""


class TransformRunner(GuardedJob):
    """The thread that runs one job."""

    def __init__(
        self, *, context: Context, job: LocalTransformJob, spec: TransformSpec, plan: VariantPlan
    ) -> None:
        super().__init__(title=f"transform job {spec.name}", job=job)
        self._context = context
        self._job = job
        self._spec = spec
        self._plan = plan
        self._stop = threading.Event()
        self._cancel = threading.Event()
        place = Place(
            title=f"transform job {spec.name}",
            account_id=spec.account_id,
            region=spec.region,
            folder=context.data_dir / "transform-jobs" / f"{spec.region}-{spec.name}",
            log_group=LOG_GROUP,
            job=f"transform job {spec.name}",
        )
        self._factory = ContainerFactory(context=context, place=place)
        self._instances: list[Instance] = []
        self._processing = DataProcessing(
            input_filter=spec.input_filter,
            output_filter=spec.output_filter,
            is_joined=spec.is_joined,
            content_type=spec.content_type,
        )
        self._s3: Any = None
        self.progress = ""
        """How many of the objects are done, in words; empty before the first is sent."""

    def stop(self) -> None:
        """Ask the job to stop, as StopTransformJob does; returns at once."""
        self._stop.set()

    def abort(self) -> None:
        """Give the job up: localaws is stopping. Returns at once."""
        self._stop.set()

    @property
    def instance_count(self) -> int:
        """How many containers the job has."""
        return self._spec.instance_count

    def pids(self) -> dict[str, int]:
        """Return the processes of the containers that serve now, by the ids of their instances."""
        return {instance.id: instance.pid for instance in self._instances if instance.is_healthy}

    def metric_instances(self) -> list[metrics.Instance]:
        """Return the containers that serve now."""
        return metrics.job_instances(
            account_id=self._spec.account_id,
            region=self._spec.region,
            namespace=LOG_GROUP,
            job=self._spec.name,
            pids=self.pids(),
        )

    def work(self) -> None:
        """Start the model's containers, send them every object, and keep the answers."""
        self._serve()
        if not self._stop.is_set():
            self._job.start()
            self._transform()
        if self._stop.is_set():
            self._job.advance(STOPPING)
        self._job.finish(is_stopped=self._stop.is_set())

    def _serve(self) -> None:
        """Start the instances and wait until all are healthy, or the job is stopped."""
        try:
            self._factory.fetch([self._plan])
            self._instances = [
                self._factory.new_instance(self._plan) for _ in range(self._spec.instance_count)
            ]
            for instance in self._instances:
                instance.start()
        except LocalAwsError as error:
            raise JobError(algorithm_error(str(error))) from error
        while not all(instance.is_healthy for instance in self._instances):
            if self._stop.wait(POLL_S):
                return
            self._watch()

    def _watch(self) -> None:
        for instance in self._instances:
            instance.step()
            if instance.failure is not None:
                raise JobError(algorithm_error(instance.failure))

    def _transform(self) -> None:
        role = self._plan.role_arn
        identity = self._context.identity
        credentials = identity.assume(role_arn=role, session_name="SageMaker", duration_s=LONG_S)
        self._s3 = self._context.client("s3", credentials=credentials, region=self._spec.region)
        try:
            files = list_files(self._s3, self._spec.source)
        except StorageError as error:
            raise JobError(client_error(str(error))) from error
        limits = self._spec.limits.completed(ask_parameters(self._instances[0].port))
        clients = self._open_clients()
        workers = len(clients) * (limits.max_concurrent or 1)
        with ThreadPoolExecutor(max_workers=workers, thread_name_prefix="transform") as pool:
            futures = [
                pool.submit(
                    self._convert, uri, name=name, client=clients[index % len(clients)], limits=limits
                )
                for index, (uri, name) in enumerate(files)
            ]
            try:
                self._wait_for(futures)
            finally:
                self._cancel.set()
                stop_all(self._instances, grace_s=GRACE_S)  # ends the requests that are under way
                pool.shutdown(wait=True, cancel_futures=True)

    def _wait_for(self, futures: Sequence["Future[None]"]) -> None:
        """Wait for all objects, the first failure, or the job's stop."""
        pending = set(futures)
        while pending and not self._stop.is_set():
            self.progress = f"{len(futures) - len(pending)} of {len(futures)} objects"
            done, pending = wait(pending, timeout=POLL_S, return_when=FIRST_EXCEPTION)
            for future in done:
                future.result()
            self._watch()

    def _open_clients(self) -> list[ModelClient]:
        spec = self._spec
        log = self._context.log_stream(
            account_id=spec.account_id,
            region=spec.region,
            group=LOG_GROUP,
            stream=f"{spec.name}/{self._instances[0].id}/data-log",
        )
        headers = {"Content-Type": spec.content_type, "Accept": spec.accept}
        return [
            ModelClient(
                instance=instance,
                headers={name: value for name, value in headers.items() if value is not None},
                timeout_s=spec.timeout_s,
                retries=spec.retries,
                cancel=self._cancel,
                log=log.write,
            )
            for instance in self._instances
        ]

    def _convert(self, uri: S3Uri, *, name: str, client: ModelClient, limits: Limits) -> None:
        """Send one object's records, and write one object of the answers."""
        title = f"{uri.bucket}/{uri.key}"
        try:
            content = read_object(self._s3, uri)
            records = split_records(self._unpack(content), is_split=self._spec.is_split)
            answers = self._ask(records, client=client, limits=limits, title=title)
            body = assemble(answers, with_newlines=self._spec.with_newlines)
            write_object(self._s3, S3Uri.parse(self._spec.output_path).join(f"{name}.out"), body)
        except (PayloadTooLargeError, UnzipError, DataProcessingError) as error:
            client.log(f"[sagemaker logs]: {title}: {error}")
            raise JobError(client_error(SEE_LOGS)) from error
        except StorageError as error:
            raise JobError(client_error(str(error))) from error

    def _unpack(self, content: bytes) -> bytes:
        if not self._spec.is_gzip:
            return content
        return unzip(content)

    def _ask(
        self, records: Sequence[bytes], *, client: ModelClient, limits: Limits, title: str
    ) -> list[bytes]:
        """Return the answers, one a request; with filters one a record."""
        narrowed = [self._processing.narrow(record) for record in records]
        is_single = limits.batch_strategy == "SingleRecord"
        answers: list[bytes] = []
        position = 0
        for batch in batch_records(narrowed, is_single=is_single, max_bytes=limits.max_payload_bytes):
            answer = client.send(b"\n".join(batch), name=title)
            originals = records[position : position + len(batch)]
            position += len(batch)
            answers += self._finish(originals, answer)
        return answers

    def _finish(self, records: Sequence[bytes], answer: bytes) -> list[bytes]:
        if self._processing.is_idle:
            return [answer]
        lines = [answer] if len(records) == 1 else answer.splitlines()
        if len(lines) != len(records):
            raise DataProcessingError(
                f"DataProcessing needs one line for each record, but {len(records)} records were answered "
                f"by {len(lines)} lines"
            )
        return [self._processing.finish(*pair) for pair in zip(records, lines, strict=True)]

    def close(self) -> None:
        """Stop the containers, and leave nothing of them."""
        self._cancel.set()
        stop_all(self._instances, grace_s=GRACE_S)
        self._factory.remove()
        if self._s3 is not None:
            self._s3.close()


def plan_transform(plan: VariantPlan, *, spec: TransformSpec, variables: dict[str, str]) -> VariantPlan:
    """Return the plan of a model's containers with the job's name and more variables."""
    environment = plan.environment | variables
    return replace(plan, name=spec.name, container={**plan.container, "Environment": environment})
