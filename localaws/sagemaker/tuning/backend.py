"""The tuning part of the SageMaker backend: moto's state, with tuning jobs that run."""

import contextlib
import functools
import secrets
import threading
from typing import Any

from moto.sagemaker.exceptions import AWSValidationException, ResourceInUseException

from localaws.context import current
from localaws.sagemaker.training.backend import TrainingMixin
from localaws.sagemaker.training.job import LocalTrainingJob, spec_of
from localaws.sagemaker.training.validation import check_account
from localaws.sagemaker.training.validation import check_request as check_training_request
from localaws.sagemaker.tuning.definition import training_members
from localaws.sagemaker.tuning.errors import TuningJobNotFoundError
from localaws.sagemaker.tuning.job import LocalTuningJob
from localaws.sagemaker.tuning.objectives import ObjectiveLog
from localaws.sagemaker.tuning.planning import check_untried, make_plan
from localaws.sagemaker.tuning.runner import Tools, TuningRunner
from localaws.sagemaker.tuning.service import tuning_service
from localaws.sagemaker.tuning.spec import TuningSpec, shares_results
from localaws.sagemaker.tuning.trial import Trial
from localaws.sagemaker.tuning.validation import check_request
from localaws.sagemaker.tuning.warm_start import check_parent, parent_names

_create_lock = threading.Lock()


class TuningMixin(TrainingMixin):
    """Tuning jobs that run, stop, and know their training jobs."""

    def create_hyper_parameter_tuning_job(
        self, hyper_parameter_tuning_job_name: str, *args: Any, **request: Any
    ) -> str:
        """Check the request, start the tuning job in the background, and return its ARN."""
        name = hyper_parameter_tuning_job_name
        check_request(request)
        parents = tuple(self.find_tuning_job(parent) for parent in parent_names(request["warm_start_config"]))
        for parent in parents:
            check_parent(parent, request)
        config, definition = request["hyper_parameter_tuning_job_config"], request["training_job_definition"]
        spec = TuningSpec.from_request(name=name, config=config, definition=definition)
        if shares_results(request["warm_start_config"]):
            check_untried(spec, parents)
        self._check_training_job(spec, definition=definition)
        with _create_lock:
            self._check_unique(name)
            job = LocalTuningJob(
                now=current().clock.now,
                parents=parents,
                hyper_parameter_tuning_job_name=name,
                region_name=self.region_name,
                account_id=self.account_id,
                **request,
            )
            self.hyper_parameter_tuning_jobs[name] = job
        children = TrainingJobs(self, tuning_job=job, spec=spec)
        plan = functools.partial(make_plan, spec, job=job)
        tools = Tools(clock=current().clock, children=children, plan=plan)
        tuning_service().start(TuningRunner(job=job, spec=spec, tools=tools), arn=job.arn)
        return str(job.arn)

    def _check_unique(self, name: str) -> None:
        if name in self.hyper_parameter_tuning_jobs:
            raise ResourceInUseException(
                "Hyperparameter tuning job names must be unique within an AWS account and region, and a "
                f"tuning job with this name already exists ({self.hyper_parameter_tuning_jobs[name].arn})"
            )

    def _check_training_job(self, spec: TuningSpec, *, definition: dict[str, Any]) -> None:
        """Refuse what CreateTrainingJob would refuse of every training job."""
        values = {item.name: item.from_unit(0.5) for item in spec.space.ranges}
        members = training_members(
            definition, job_name=spec.name, values=values, metric=spec.objective.metric, tags=()
        )
        check_training_request(members)
        job = LocalTrainingJob(
            now=current().clock.now,
            account_id=self.account_id,
            region_name=self.region_name,
            training_job_name=spec.name,
            **members,
        )
        check_account(spec_of(job, account_id=self.account_id, region=self.region_name))

    def find_tuning_job(self, name: str) -> LocalTuningJob:
        """Return a tuning job; raises AWS's error for one that is missing."""
        job = self.hyper_parameter_tuning_jobs.get(name)
        if not isinstance(job, LocalTuningJob):
            raise TuningJobNotFoundError(name=name, region=self.region_name)
        return job

    def describe_hyper_parameter_tuning_job(self, hyper_parameter_tuning_job_name: str) -> dict[str, Any]:
        """Return the answer of DescribeHyperParameterTuningJob."""
        return self.find_tuning_job(hyper_parameter_tuning_job_name).describe()

    def stop_hyper_parameter_tuning_job(self, *, name: str) -> None:
        """Stop a tuning job and the training jobs that it runs; the rest happens in the background."""
        job = self.find_tuning_job(name)
        if not job.advance("Stopping"):
            raise AWSValidationException(
                "The request was rejected because the hyperparameter tuning job is in status "
                f"{job.hyper_parameter_tuning_job_status}."
            )
        tuning_service().stop_job(arn=job.arn)

    def delete_hyper_parameter_tuning_job(self, hyper_parameter_tuning_job_name: str) -> None:
        """Delete the entry of a tuning job that has ended; its training jobs stay."""
        job = self.find_tuning_job(hyper_parameter_tuning_job_name)
        if not job.has_ended:
            raise AWSValidationException(
                "The request was rejected because the hyperparameter tuning job is in status "
                f"{job.hyper_parameter_tuning_job_status}. Stop it first."
            )
        super().delete_hyper_parameter_tuning_job(hyper_parameter_tuning_job_name)


class TrainingJobs:
    """The training jobs of one tuning job, in this backend."""

    def __init__(self, backend: TuningMixin, *, tuning_job: LocalTuningJob, spec: TuningSpec) -> None:
        self._backend = backend
        self._tuning_job = tuning_job
        self._spec = spec
        self._logs: dict[int, ObjectiveLog] = {}

    def launch(self, number: int, values: dict[str, str]) -> Trial:
        """Create the training job `<tuning job>-<number>-<8 hex digits>`, as AWS names it."""
        name = f"{self._spec.name}-{number:03}-{secrets.token_hex(4)}"
        members = training_members(
            self._tuning_job.training_job_definition or {},
            job_name=name,
            values=values,
            metric=self._spec.objective.metric,
            tags=self._tuning_job.tags or (),
        )
        job = self._backend.create_training_job(name, **members)
        job.tuning_job_arn = self._tuning_job.arn  # type: ignore[attr-defined] # moto describes every attribute
        self._logs[number] = ObjectiveLog(
            account_id=self._backend.account_id,
            region=self._backend.region_name,
            job_name=name,
            pattern=self._spec.pattern,
        )
        return Trial(number=number, values=values, job=job, objective=self._spec.objective)

    def new_values(self, trial: Trial) -> list[float]:
        """Return the objective's values that a training job printed since the last call."""
        return self._logs[trial.number].new_values()

    def stop(self, trial: Trial) -> None:
        """Ask a training job to stop, unless it has just ended."""
        with contextlib.suppress(AWSValidationException):
            self._backend.stop_training_job(training_job_name=trial.job.training_job_name)
