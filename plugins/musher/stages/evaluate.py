"""Stage: hold the model's test accuracy against the minimum."""

import json
import logging
import time
from typing import Any

from airflow.sdk import task

from musher.errors import ArchiveError, GateError
from musher.hooks.connection import s3_hook
from musher.hooks.objects import download
from musher.operators.base import fail_without_retry
from musher.packaging import read_member_from_tar_gz
from musher.settings import Settings
from musher.stages.run import current_run

log = logging.getLogger(__name__)

EVALUATION = "evaluation.json"


@task(multiple_outputs=False)
def evaluate(job: dict[str, Any]) -> dict[str, Any]:
    """Approve the job's model or fail; return its address, accuracy and loss on the test split."""
    started = time.monotonic()
    with fail_without_retry():
        run = current_run()
        evaluation = load_evaluation(run.settings, output_uri=job["output_uri"])
        check_accuracy(evaluation, minimum=run.params["min_accuracy"], job_name=job["job_name"])
    return {
        "model_uri": job["model_uri"],
        "accuracy": evaluation["accuracy"],
        "loss": evaluation["loss"],
        "images": evaluation["images"],
        "seconds": round(time.monotonic() - started, 3),
    }


def load_evaluation(settings: Settings, *, output_uri: str) -> dict[str, Any]:
    """Return what train.py wrote about the test split, out of the job's output.tar.gz."""
    data = read_member_from_tar_gz(archive=download(s3_hook(settings), uri=output_uri), name=EVALUATION)
    try:
        evaluation: dict[str, Any] = json.loads(data)
    except ValueError as error:
        raise ArchiveError(f"{EVALUATION} in {output_uri} is not JSON ({error}). Train again.") from error
    return evaluation


def check_accuracy(evaluation: dict[str, Any], *, minimum: float, job_name: str) -> None:
    """Raise GateError where the test accuracy is below the minimum (both 0 to 1)."""
    accuracy = evaluation["accuracy"]
    log.info("%s: test accuracy %.4f on %d images", job_name, accuracy, evaluation["images"])
    if not accuracy >= minimum:
        raise GateError(
            f"The model of {job_name} has test accuracy {accuracy:.4f} on {evaluation['images']} images; "
            f"min_accuracy is {minimum}. Nothing is deployed. Train longer, on more data or with another "
            "learning rate, or trigger again with a lower min_accuracy."
        )
