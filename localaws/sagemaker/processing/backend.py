"""The processing part of the SageMaker backend: moto's state, with jobs that run."""

import threading
from collections.abc import Mapping
from typing import Any

from moto.sagemaker.exceptions import ResourceNotFound
from moto.sagemaker.models import SageMakerModelBackend

from localaws.context import current
from localaws.sagemaker.job_state import TRANSITIONS
from localaws.sagemaker.processing.job import LocalProcessingJob
from localaws.sagemaker.processing.runner import ProcessingRunner
from localaws.sagemaker.processing.service import processing_service
from localaws.sagemaker.processing.spec import ProcessingSpec
from localaws.sagemaker.processing.validation import check_account, check_request
from localaws.sagemaker.wording import job_not_found, name_taken, not_deletable, not_stoppable

_create_lock = threading.Lock()


class ProcessingMixin(SageMakerModelBackend):
    """Processing jobs that run, stop, and tell how they ended."""

    def run_processing_job(self, request: Mapping[str, Any]) -> LocalProcessingJob:
        """Check a request of CreateProcessingJob, start the job in the background, and return it."""
        check_request(request)
        context, name = current(), request["ProcessingJobName"]
        job = LocalProcessingJob(
            now=context.clock.now, request=request, account_id=self.account_id, region_name=self.region_name
        )
        spec = ProcessingSpec.from_request(
            request, arn=job.arn, account_id=self.account_id, region=self.region_name
        )
        check_account(spec)
        with _create_lock:
            if name in self.processing_jobs:
                raise name_taken(job.arn)
            self.processing_jobs[name] = job
        processing_service().start(ProcessingRunner(context=context, job=job, spec=spec), arn=job.arn)
        return job

    def describe_processing_job(self, processing_job_name: str) -> dict[str, Any]:
        """Return the answer of DescribeProcessingJob."""
        return self._find_processing_job(processing_job_name).response_object

    def stop_processing_job(self, processing_job_name: str) -> None:
        """Stop a job that is in progress; the rest happens in the background."""
        job = self._find_processing_job(processing_job_name)
        if not job.advance("Stopping"):
            raise not_stoppable("processing", job.status)
        processing_service().stop_job(arn=job.arn)

    def delete_processing_job(self, processing_job_name: str) -> None:
        """Forget a job that has ended; its outputs stay, and its name is free again."""
        job = self.processing_jobs.get(processing_job_name)
        if not isinstance(job, LocalProcessingJob):
            raise ResourceNotFound(f"Could not find requested job with name: {processing_job_name}")
        if TRANSITIONS[job.status]:
            raise not_deletable("processing", job.status)
        self.processing_jobs.pop(processing_job_name, None)

    def _find_processing_job(self, name: str) -> LocalProcessingJob:
        job = self.processing_jobs.get(name)
        if not isinstance(job, LocalProcessingJob):
            raise job_not_found(name)
        return job
