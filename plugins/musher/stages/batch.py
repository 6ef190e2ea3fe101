"""Stage: let the approved model classify images in one go, in a batch transform job of its own."""

import logging

from musher.operators.base import fail_without_retry
from musher.operators.transform import RunTransformJobOperator
from musher.results import BatchResult, Request, ServingImage, StagedDataset, Verdict
from musher.stages.groups import optional_request, output_of, stage_group
from musher.stages.run import current_run

logger = logging.getLogger(__name__)


@stage_group()
def batch(verdict: Verdict, image: ServingImage, dataset: StagedDataset) -> BatchResult:
    """Classify the images that Param `batch_input` names; return where the answers lie, and how many.

    The job is skipped where it names none. It needs no endpoint, and goes on beside the deployment.
    """
    operator = RunTransformJobOperator(task_id="run_job", config=request_batch(verdict, image, dataset))
    return output_of(operator, BatchResult)


@optional_request()
def request_batch(verdict: Verdict, image: ServingImage, dataset: StagedDataset) -> Request | None:
    """Return the requests of model and job, or None: then no job runs."""
    from musher.payloads.transform import build_transform  # no business of the DAG's parse
    from musher.stages.batch_plan import plan_batch

    with fail_without_retry(verdict=verdict, image=image, dataset=dataset):
        run = current_run()
        if not run.params["batch_input"]:
            logger.info("batch_input is empty: nothing is classified in one go")
            return None
        return build_transform(run.settings, plan=plan_batch(run, verdict, image, dataset))
