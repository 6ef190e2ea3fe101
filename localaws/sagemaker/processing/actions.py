"""SageMaker actions on processing jobs that moto lacks, or answers without looking."""

from typing import cast

from moto.core.responses import ActionResult, EmptyResult
from moto.sagemaker.responses import SageMakerResponse

from localaws.sagemaker.listing import job_kind, list_resources
from localaws.sagemaker.processing.backend import ProcessingMixin
from localaws.sagemaker.processing.job import MOTO_MEMBERS, OUR_MEMBERS

PROCESSING = job_kind("Processing", members=("FailureReason", "ExitMessage"))


class ProcessingActions(SageMakerResponse):
    """Added to moto's SageMakerResponse."""

    @property
    def _processing(self) -> ProcessingMixin:
        return cast(ProcessingMixin, self.sagemaker_backend)

    def create_processing_job(self) -> ActionResult:
        """CreateProcessingJob, with the members that moto drops."""
        request = {name: self._get_param(name) for name in (*MOTO_MEMBERS, *OUR_MEMBERS)}
        return ActionResult({"ProcessingJobArn": self._processing.run_processing_job(request).arn})

    def delete_processing_job(self) -> EmptyResult:
        """DeleteProcessingJob."""
        self._processing.delete_processing_job(self._get_param("ProcessingJobName"))
        return EmptyResult()

    def list_processing_jobs(self) -> ActionResult:
        """ListProcessingJobs."""
        jobs = self._processing.processing_jobs.values()
        return ActionResult(list_resources(jobs, self._get_param, kind=PROCESSING))
