"""The training part of the SageMaker backend: moto's state, with jobs that run."""

import threading
from typing import Any

from moto.sagemaker.exceptions import AWSValidationException, ResourceInUseException, ResourceNotFound
from moto.sagemaker.models import FakeTrainingJob, SageMakerModelBackend

from localaws.context import current
from localaws.sagemaker.training.job import TERMINAL, LocalTrainingJob, spec_of
from localaws.sagemaker.training.runner import JobRunner
from localaws.sagemaker.training.service import training_service
from localaws.sagemaker.training.validation import check_account, check_request
from localaws.sagemaker.wording import not_deletable, not_stoppable

_create_lock = threading.Lock()


class TrainingMixin(SageMakerModelBackend):
    """Training jobs that run, stop, and are listed as AWS lists them."""

    def create_training_job(self, training_job_name: str, *args: Any, **request: Any) -> FakeTrainingJob:
        """Check the request, start the job in the background, and return it in state Starting.

        Takes moto's members by name, plus `environment` and `retry_strategy`.
        """
        check_request(request)
        context = current()
        members = {"environment": None, "retry_strategy": None} | request
        job = LocalTrainingJob(
            now=context.clock.now,
            account_id=self.account_id,
            region_name=self.region_name,
            training_job_name=training_job_name,
            **members,
        )
        spec = spec_of(job, account_id=self.account_id, region=self.region_name)
        check_account(spec)
        with _create_lock:
            if training_job_name in self.training_jobs:
                raise ResourceInUseException(
                    "Training job names must be unique within an AWS account and region, and a training job "
                    f"with this name already exists ({job.arn})"
                )
            self.training_jobs[training_job_name] = job
        training_service().start(JobRunner(context=context, job=job, spec=spec), arn=job.arn)
        return job

    def stop_training_job(self, *, training_job_name: str) -> None:
        """Stop a job that is in progress; the rest happens in the background."""
        job = self._find(training_job_name)
        if not job.advance("Stopping"):
            raise not_stoppable("training", job.training_job_status)
        training_service().stop_job(arn=job.arn)

    def delete_training_job(self, *, training_job_name: str) -> None:
        """Forget a job that has ended; its artifacts stay, and its name is free again."""
        job = self.training_jobs.get(training_job_name)
        if job is None:
            raise ResourceNotFound("Requested resource not found.")
        if job.training_job_status not in TERMINAL:
            raise not_deletable("training", job.training_job_status)
        del self.training_jobs[training_job_name]

    def describe_training_job(self, training_job_name: str) -> dict[str, Any]:
        """Return the answer of DescribeTrainingJob; a job that is missing is named as AWS does it."""
        return self._find(training_job_name).response_object

    def _find(self, name: str) -> LocalTrainingJob:
        job = self.training_jobs.get(name)
        if not isinstance(job, LocalTrainingJob):
            raise AWSValidationException("Requested resource not found.")
        return job
