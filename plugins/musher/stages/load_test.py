"""Stage: send a known load to an endpoint or a function, measure it, and hold it against limits."""

import logging

from airflow.sdk import task

from musher.errors import LoadTestError
from musher.operators.base import fail_without_retry
from musher.payloads.choices import WORKER
from musher.results import (
    EndpointResult,
    LoadJobResult,
    LoadTestResult,
    SmokeTestResult,
    StagedDataset,
)
from musher.stages.run import current_run

logger = logging.getLogger(__name__)

TASK = "load_test"


@task(task_id=TASK, multiple_outputs=False)
def load_test(
    answers: SmokeTestResult, endpoint: EndpointResult, dataset: StagedDataset, job: LoadJobResult | None
) -> LoadTestResult | None:
    """Send the run's load to its endpoint, or take what a job has measured that sent it; return the figures.

    None where the run asks for no load. `job` is None where no job has sent it.
    """
    from musher.stages.load_job_plan import collect  # what loads is no business of the DAG's parse
    from musher.stages.load_measurement import measure
    from musher.stages.load_targets import target_of_run

    with fail_without_retry(answers=answers, endpoint=endpoint, dataset=dataset):
        run = current_run()
        if not run.params["load_test_s"]:
            logger.info("load_test_s is 0: no load is sent")
            return None
        if run.params["load_test_on"] != WORKER:
            return collect(run, job)
        return measure(run, target_of_run(run, endpoint=endpoint, dataset=dataset))


@task(task_id=TASK, multiple_outputs=False)
def load_test_target(job: LoadJobResult | None) -> LoadTestResult:
    """Do the same for the endpoint or function that the run's Params name."""
    from musher.stages.load_job_plan import collect
    from musher.stages.load_measurement import measure
    from musher.stages.load_targets import find_target

    with fail_without_retry():
        run = current_run()
        if run.params["load_test_on"] != WORKER:
            return collect(run, job)
        return measure(run, find_target(run))


@task(multiple_outputs=False)
def judge_load(load: LoadTestResult | None) -> None:
    """Raise LoadTestError with all limits that the load test's target misses.

    A task of its own, so that what was measured is kept.
    """
    from musher.traffic.limits import find_misses

    params = current_run().params
    if not params["load_test_s"]:
        return
    with fail_without_retry(load=load):
        assert load is not None
        misses = find_misses(
            load,
            max_p99_ms=params["load_test_max_p99_ms"],
            max_error_percent=params["load_test_max_error_percent"],
        )
        if misses:
            raise LoadTestError(
                f"{load['target']} does not bear the load: {'; '.join(misses)}. Give it more or larger "
                "instances, or trigger again with a lower rate or other limits; the report shows all figures."
            )
