"""Stage: send a known load to an endpoint or a function, measure it, and hold it against limits."""

import logging

from airflow.sdk import task

from musher import names
from musher.errors import LoadTestError
from musher.operators.base import fail_without_retry
from musher.results import (
    EndpointResult,
    LoadTestResult,
    SmokeTestResult,
    StagedDataset,
)
from musher.stages.run import current_run

logger = logging.getLogger(__name__)

TASK = "load_test"


@task(task_id=TASK, multiple_outputs=False)
def load_test(
    answers: SmokeTestResult, endpoint: EndpointResult, dataset: StagedDataset
) -> LoadTestResult | None:
    """Send the run's load to its endpoint; return what was measured, None where the run asks for no load."""
    from musher.stages.load_measurement import measure  # what loads is no business of the DAG's parse
    from musher.stages.load_targets import ENDPOINT, LoadTarget

    with fail_without_retry(answers=answers, endpoint=endpoint, dataset=dataset):
        run = current_run()
        if not run.params["load_test_s"]:
            logger.info("load_test_s is 0: no load is sent")
            return None
        images = tuple(names.s3_uri(run.settings, key=sample["key"]) for sample in dataset["samples"])
        return measure(run, LoadTarget(kind=ENDPOINT, name=endpoint["name"], images=images))


@task(task_id=TASK, multiple_outputs=False)
def load_test_target() -> LoadTestResult | None:
    """Send the run's load to the endpoint or function that its Params name; return what was measured."""
    from musher.stages.load_measurement import measure
    from musher.stages.load_targets import find_target
    from musher.stages.param_names import refuse_unknown_params

    with fail_without_retry():
        run = current_run()
        refuse_unknown_params(run.unknown_params)
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
