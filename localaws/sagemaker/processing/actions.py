"""SageMaker actions on processing jobs that moto answers without looking."""

from typing import cast

from moto.core.responses import ActionResult
from moto.sagemaker.responses import SageMakerResponse

from localaws.sagemaker.listing import JobKind, ListRequest, list_jobs
from localaws.sagemaker.processing.backend import ProcessingMixin
from localaws.sagemaker.processing.job import MOTO_MEMBERS, OUR_MEMBERS

PROCESSING = JobKind(name="Processing", members=("FailureReason", "ExitMessage"))


class ProcessingActions(SageMakerResponse):
    """Added to moto's SageMakerResponse."""

    @property
    def _processing(self) -> ProcessingMixin:
        return cast(ProcessingMixin, self.sagemaker_backend)

    def create_processing_job(self) -> ActionResult:
        """CreateProcessingJob, with the members that moto drops."""
        request = {name: self._get_param(name) for name in (*MOTO_MEMBERS, *OUR_MEMBERS)}
        return ActionResult({"ProcessingJobArn": self._processing.run_processing_job(request).arn})

    def list_processing_jobs(self) -> ActionResult:
        """ListProcessingJobs."""
        request = ListRequest.read(self._get_param, kind=PROCESSING)
        return ActionResult(list_jobs(self._processing.processing_jobs.values(), request, kind=PROCESSING))
