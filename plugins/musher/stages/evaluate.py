"""Stage: read how the model does on the test split."""

import logging
import time

from airflow.sdk import task

from musher.operators.base import fail_without_retry
from musher.results import Evaluation, TrainingJobResult
from musher.stages.run import current_run

logger = logging.getLogger(__name__)


@task(multiple_outputs=False)
def evaluate(job: TrainingJobResult) -> Evaluation:
    """Return the addresses of the job's model and output, and accuracy and loss on the test split."""
    from musher.stages.outputs import EVALUATION, load_outputs  # no business of the DAG's parse

    started = time.monotonic()
    with fail_without_retry(job=job):
        run = current_run()
        [found] = load_outputs(run.settings, output_uri=job["output_uri"], names=[EVALUATION])
        logger.info(
            "%s: test accuracy %.4f on %d images", job["job_name"], found["accuracy"], found["images"]
        )
        return Evaluation(
            job_name=job["job_name"],
            output_uri=job["output_uri"],
            model_uri=job["model_uri"],
            accuracy=found["accuracy"],
            loss=found["loss"],
            images=found["images"],
            seconds=round(time.monotonic() - started, 3),
        )
