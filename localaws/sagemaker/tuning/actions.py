"""SageMaker actions on tuning jobs that moto lacks, or answers without looking."""

from collections.abc import Sequence
from typing import Any, cast

from moto.core.responses import ActionResult, EmptyResult
from moto.sagemaker.responses import SageMakerResponse

from localaws.sagemaker.listing import parse_token
from localaws.sagemaker.tuning.backend import TuningMixin
from localaws.sagemaker.tuning.job import LocalTuningJob
from localaws.sagemaker.tuning.listing import (
    TIME_FILTERS,
    cut_page,
    list_jobs,
    list_trials,
)

LIST_PARAMETERS = ("SortBy", "SortOrder", "StatusEquals", "NameContains", "MaxResults", *TIME_FILTERS)


class TuningActions(SageMakerResponse):
    """Added to moto's SageMakerResponse."""

    @property
    def _tuning(self) -> TuningMixin:
        return cast(TuningMixin, self.sagemaker_backend)

    def stop_hyper_parameter_tuning_job(self) -> EmptyResult:
        """StopHyperParameterTuningJob."""
        self._tuning.stop_hyper_parameter_tuning_job(name=self._get_param("HyperParameterTuningJobName"))
        return EmptyResult()

    def list_training_jobs_for_hyper_parameter_tuning_job(self) -> ActionResult:
        """ListTrainingJobsForHyperParameterTuningJob."""
        request = self._list_request()
        job = self._tuning.find_tuning_job(self._get_param("HyperParameterTuningJobName"))
        return self._page("TrainingJobSummaries", list_trials(job.trials, request), request)

    def list_hyper_parameter_tuning_jobs(self) -> ActionResult:
        """ListHyperParameterTuningJobs, by name and ten a page as on AWS."""
        request = self._list_request()
        jobs = list(self._tuning.hyper_parameter_tuning_jobs.values())
        found = list_jobs([job for job in jobs if isinstance(job, LocalTuningJob)], request)
        return self._page("HyperParameterTuningJobSummaries", found, request)

    def _list_request(self) -> dict[str, Any]:
        return {name: self._get_param(name) for name in LIST_PARAMETERS}

    def _page(self, member: str, items: Sequence[Any], request: dict[str, Any]) -> ActionResult:
        start = parse_token(self._get_param("NextToken"))
        page, token = cut_page(items, start=start, limit=request["MaxResults"])
        answer: dict[str, Any] = {member: [item.summary() for item in page]}
        return ActionResult(answer if token is None else answer | {"NextToken": token})
