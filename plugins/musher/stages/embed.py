"""Stage: compute the features of a frozen backbone, once for all runs that need the same."""

import logging
from typing import cast

from airflow.sdk import XComArg

from musher import names
from musher.operators.base import fail_without_retry
from musher.operators.training import RunTrainingJobOperator
from musher.results import Preflight, Request, StagedDataset, TrainingJobResult
from musher.stages.groups import optional_request, output_of, stage_group
from musher.stages.run import current_run

logger = logging.getLogger(__name__)

REQUIREMENTS = "requirements-embed.txt"
"""The packages of this job alone: training reads features, and does without ONNX."""


@stage_group(display_name="embed, if the backbone is frozen")
def embed(dataset: StagedDataset, checked: Preflight) -> TrainingJobResult:
    """Compute a data set's features, or find them; return the job. No job runs unless the backbone is frozen.

    It is the first stage that pays, so it comes after `checked`, and the others come after it.
    """
    planned = request_features(dataset)
    cast(XComArg, checked) >> planned
    operator = RunTrainingJobOperator(task_id="run_job", config=planned, marker=names.FEATURES_MARKER)
    return output_of(operator, TrainingJobResult)


@optional_request()
def request_features(dataset: StagedDataset) -> Request | None:
    """Return the CreateTrainingJob request of the job that computes the features, or None: then none runs."""
    from musher.payloads.training import build_training_job  # requests are no business of the DAG's parse
    from musher.stages.job_plans import plan_embedding
    from musher.stages.jobs import find_chosen_weights, upload_code

    run = current_run()
    if not run.params["freeze_backbone"]:
        logger.info("freeze_backbone is off: no features are computed, training reads the images")
        return None
    with fail_without_retry(dataset=dataset):
        code, weights = upload_code(run, requirements=REQUIREMENTS), find_chosen_weights(run)
        plan = plan_embedding(run, dataset=dataset, code=code, weights=weights)
        return build_training_job(run.settings, plan=plan)
