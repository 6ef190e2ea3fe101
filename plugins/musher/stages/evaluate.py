"""Stage: hold the model's test accuracy against the minimum."""

import logging
import time

from airflow.sdk import BaseXCom, get_current_context, task

from musher.errors import GateError
from musher.operators.base import fail_without_retry
from musher.results import Evaluation, TrainingJobResult
from musher.stages.outputs import EVALUATION, load_outputs
from musher.stages.run import current_run

logger = logging.getLogger(__name__)


@task(multiple_outputs=False)
def evaluate(job: TrainingJobResult) -> Evaluation:
    """Approve the job's model or fail; return its address, accuracy and loss on the test split.

    The figures are handed on before the verdict, so that the report of a refused run has them.
    """
    started = time.monotonic()
    with fail_without_retry(job=job):
        run = current_run()
        [evaluation] = load_outputs(run.settings, output_uri=job["output_uri"], names=[EVALUATION])
        result = Evaluation(
            model_uri=job["model_uri"],
            accuracy=evaluation["accuracy"],
            loss=evaluation["loss"],
            images=evaluation["images"],
            seconds=round(time.monotonic() - started, 3),
        )
        get_current_context()["ti"].xcom_push(key=BaseXCom.XCOM_RETURN_KEY, value=result)
        check_accuracy(result, minimum=run.params["min_accuracy"], job_name=job["job_name"])
    return result


def check_accuracy(evaluation: Evaluation, *, minimum: float, job_name: str) -> None:
    """Raise GateError where the test accuracy is below the minimum (both 0 to 1)."""
    accuracy = evaluation["accuracy"]
    logger.info("%s: test accuracy %.4f on %d images", job_name, accuracy, evaluation["images"])
    if not accuracy >= minimum:
        raise GateError(
            f"The model of {job_name} has test accuracy {accuracy:.4f} on {evaluation['images']} images; "
            f"min_accuracy is {minimum}. Nothing is deployed. Train longer, on more data or with another "
            "learning rate, or trigger again with a lower min_accuracy."
        )
