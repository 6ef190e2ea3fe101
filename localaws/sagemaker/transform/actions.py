"""SageMaker actions on transform jobs that moto lacks, or answers without looking."""

from typing import cast

from moto.core.responses import ActionResult, EmptyResult
from moto.sagemaker.responses import SageMakerResponse

from localaws.sagemaker.listing import job_kind, list_resources
from localaws.sagemaker.transform.backend import TransformMixin
from localaws.sagemaker.transform.job import MEMBERS

TRANSFORM = job_kind("Transform", members=("FailureReason",), default_order="Descending")


class TransformActions(SageMakerResponse):
    """Added to moto's SageMakerResponse."""

    @property
    def _transform(self) -> TransformMixin:
        return cast(TransformMixin, self.sagemaker_backend)

    def create_transform_job(self) -> ActionResult:
        """CreateTransformJob."""
        request = {name: self._get_param(name) for name in MEMBERS.values()}
        return ActionResult({"TransformJobArn": self._transform.run_transform_job(request).arn})

    def stop_transform_job(self) -> EmptyResult:
        """StopTransformJob."""
        self._transform.stop_transform_job(name=self._get_param("TransformJobName"))
        return EmptyResult()

    def list_transform_jobs(self) -> ActionResult:
        """ListTransformJobs."""
        jobs = self._transform.transform_jobs.values()
        return ActionResult(list_resources(jobs, self._get_param, kind=TRANSFORM))
