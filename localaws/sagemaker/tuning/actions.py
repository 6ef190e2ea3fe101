"""SageMaker actions on tuning jobs that moto lacks, or answers without looking."""

from typing import Any, cast

from moto.core.responses import ActionResult, EmptyResult
from moto.sagemaker.responses import SageMakerResponse

from localaws.paging import cut
from localaws.sagemaker.listing import DEFAULT_PAGE, Kind, list_resources, parse_token
from localaws.sagemaker.tuning.backend import TuningMixin
from localaws.sagemaker.tuning.listing import list_trials

TUNING = Kind(
    answer="HyperParameterTuningJobSummaries",
    name="hyper_parameter_tuning_job_name",
    status="hyper_parameter_tuning_job_status",
    summarise=lambda job: job.summary(),
    default_sort="Name",
)


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
        job = self._tuning.find_tuning_job(self._get_param("HyperParameterTuningJobName"))
        trials = list_trials(
            job.trials,
            sort_by=self._get_param("SortBy", "Name"),
            is_descending=self._get_param("SortOrder") == "Descending",
            status=self._get_param("StatusEquals"),
        )
        start = parse_token(self._get_param("NextToken"))
        page, token = cut(trials, start=start, limit=self._get_param("MaxResults", DEFAULT_PAGE))
        answer: dict[str, Any] = {"TrainingJobSummaries": [trial.summary() for trial in page]}
        return ActionResult(answer if token is None else answer | {"NextToken": token})

    def list_hyper_parameter_tuning_jobs(self) -> ActionResult:
        """ListHyperParameterTuningJobs."""
        jobs = list(self._tuning.hyper_parameter_tuning_jobs.values())
        return ActionResult(list_resources(jobs, self._get_param, kind=TUNING))
