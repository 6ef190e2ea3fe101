"""The training part of the SageMaker backend: moto's state, with jobs that run."""

import re
import threading
from collections.abc import Callable
from datetime import datetime
from typing import Any

from moto.sagemaker.exceptions import AWSValidationException, ResourceInUseException
from moto.sagemaker.models import FakeTrainingJob, SageMakerModelBackend

from localaws.context import current
from localaws.sagemaker.training.job import LocalTrainingJob, spec_of
from localaws.sagemaker.training.runner import JobRunner
from localaws.sagemaker.training.service import training_service
from localaws.sagemaker.training.validation import check_request, check_storage

DEFAULT_PAGE = 10
"""Jobs in an answer of ListTrainingJobs that names no MaxResults (AWS's default)."""

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
        check_storage(spec)
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
            raise AWSValidationException(
                f"The request was rejected because the training job is in status {job.training_job_status}."
            )
        training_service().stop_job(arn=job.arn)

    def describe_training_job(self, training_job_name: str) -> dict[str, Any]:
        """Return the answer of DescribeTrainingJob; a job that is missing is named as AWS does it."""
        return self._find(training_job_name).response_object

    def _find(self, name: str) -> LocalTrainingJob:
        job = self.training_jobs.get(name)
        if not isinstance(job, LocalTrainingJob):
            raise AWSValidationException("Requested resource not found.")
        return job

    def page_training_jobs(
        self, *, filters: dict[str, Any], sort_by: str, descending: bool, start: int, limit: int
    ) -> tuple[list[dict[str, Any]], int | None]:
        """Return one page of summaries and the start of the next; moto filters after it has cut the page."""
        jobs = [job for job in list(self.training_jobs.values()) if _matches(job, filters)]
        jobs.sort(key=lambda job: _sort_key(job, sort_by), reverse=descending)
        end = start + limit
        return [_summary(job) for job in jobs[start:end]], end if end < len(jobs) else None


def _sort_key(job: FakeTrainingJob, sort_by: str) -> tuple[str | datetime, str]:
    keys = {"Name": job.training_job_name, "Status": job.training_job_status}
    return keys.get(sort_by, job.creation_time), job.training_job_name


def _matches(job: FakeTrainingJob, filters: dict[str, Any]) -> bool:
    checks: dict[str, Callable[[Any], bool]] = {
        "NameContains": lambda value: value.lower() in job.training_job_name.lower(),
        "StatusEquals": lambda value: value == job.training_job_status,
        "CreationTimeAfter": lambda value: job.creation_time > value,
        "CreationTimeBefore": lambda value: job.creation_time < value,
        "LastModifiedTimeAfter": lambda value: job.last_modified_time > value,
        "LastModifiedTimeBefore": lambda value: job.last_modified_time < value,
    }
    return all(check(filters[name]) for name, check in checks.items() if filters.get(name) is not None)


def _summary(job: FakeTrainingJob) -> dict[str, Any]:
    summary = {
        "TrainingJobName": job.training_job_name,
        "TrainingJobArn": job.arn,
        "CreationTime": job.creation_time,
        "TrainingEndTime": job.training_end_time,
        "LastModifiedTime": job.last_modified_time,
        "TrainingJobStatus": job.training_job_status,
        "SecondaryStatus": job.secondary_status,
    }
    return {name: value for name, value in summary.items() if value is not None}


def parse_token(token: str | None) -> int:
    """Return the start that a NextToken stands for; raises AWS's error for one that is not ours."""
    if token is None:
        return 0
    if not re.fullmatch(r"\d{1,9}", token):
        raise AWSValidationException(f"Invalid pagination token: {token}")
    return int(token)
