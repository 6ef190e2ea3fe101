"""Stage: let a SageMaker processing job send the load, where the run asks for one instead of a worker."""

import logging
from typing import Any, cast

from airflow.sdk import BaseOperator, task

from musher.operators.base import fail_without_retry
from musher.operators.processing import RunProcessingJobOperator
from musher.payloads.choices import WORKER
from musher.results import EndpointResult, LoadJobResult, Request, ScalingResult, StagedDataset
from musher.stages.groups import optional_request, output_of, stage_group
from musher.stages.run import current_run

logger = logging.getLogger(__name__)


@stage_group()
def load_job(
    scaling: ScalingResult, endpoint: EndpointResult, dataset: StagedDataset
) -> LoadJobResult | None:
    """Send the run's load to its endpoint from a job, which is skipped where a worker is to send it."""
    return run_load(request_load(scaling, endpoint, dataset))


@stage_group(group_id="load_job")
def load_job_target(started: BaseOperator) -> LoadJobResult | None:
    """Send the run's load to the endpoint or function that its Params name, as `load_job` does."""
    request: Any = request_load_of_target()
    started >> request
    return run_load(request)


def run_load(request: Request | None) -> LoadJobResult | None:
    """Run the job, and hand on its result, or that there is none."""
    operator = RunProcessingJobOperator(task_id="run_job", config=request)
    settled: Any = settle(output_of(operator, LoadJobResult))
    return cast(LoadJobResult | None, settled)


@task(trigger_rule="none_failed", multiple_outputs=False)
def settle(job: LoadJobResult | None) -> LoadJobResult | None:
    """Return the job's result, or None where it was skipped, which must not skip what follows."""
    return job


@optional_request()
def request_load(scaling: ScalingResult, endpoint: EndpointResult, dataset: StagedDataset) -> Request | None:
    """Return the request of the job, or None: then no job runs."""
    from musher.stages.load_job_plan import request_job  # no business of the DAG's parse
    from musher.stages.load_targets import target_of_run

    with fail_without_retry(scaling=scaling, endpoint=endpoint, dataset=dataset):
        run = current_run()
        if not run.params["load_test_s"] or run.params["load_test_on"] == WORKER:
            logger.info("no job sends a load")
            return None
        return request_job(run, target_of_run(run, endpoint=endpoint, dataset=dataset))


@optional_request()
def request_load_of_target() -> Request | None:
    """Return the request of the job, or None: then no job runs."""
    from musher.stages.load_job_plan import check_job, request_job
    from musher.stages.load_targets import find_target
    from musher.stages.param_names import refuse_unknown_params

    with fail_without_retry():
        run = current_run()
        refuse_unknown_params(run.unknown_params)
        if run.params["load_test_on"] == WORKER:
            logger.info("a worker sends the load")
            return None
        target = find_target(run)
        check_job(run, target)
        return request_job(run, target)
