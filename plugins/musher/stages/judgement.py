"""Hold a model against what is required, and write what became of it into the registry."""

import json
import logging
from collections.abc import Mapping
from typing import Any

from musher import names
from musher.comparison import Requirements
from musher.errors import GateError
from musher.hooks.connection import s3_hook, sagemaker_hook
from musher.hooks.objects import download
from musher.params.deployment import HUMAN
from musher.payloads.approval import APPROVED, ASKING, PENDING, REJECTED, build_verdict
from musher.results import (
    Champion,
    Params,
    RegisteredModel,
    StagedDataset,
    TrainingJobResult,
)
from musher.stages.outputs import EVALUATION, load_outputs
from musher.stages.run import Run

logger = logging.getLogger(__name__)


def settle(run: Run, *, model: RegisteredModel, faults: list[str], champion: Champion | None) -> None:
    """Approve or reject the version, or leave it to a person; raise GateError where it misses something."""
    against = f" and {champion['config_name']}" if champion else ""
    reason = "; ".join(faults) or f"held against the minimums{against}"
    is_asking = run.params["approval"] == HUMAN and not faults
    status = REJECTED if faults else PENDING if is_asking else APPROVED
    reason = ASKING + reason if is_asking else reason
    verdict = build_verdict(package_arn=model["package_arn"], status=status, reason=reason)
    sagemaker_hook(run.settings).conn.update_model_package(**verdict)
    logger.info("%s: %s: %s", model["package_arn"], status, reason)
    if faults:
        group = names.package_group(run.settings)
        raise GateError(
            f"Version {model['version']} of {group} is refused: {reason}. Nothing is deployed. Train longer, "
            "on more data or with another learning rate, or trigger again with lower requirements."
        )


def require(params: Params) -> Requirements:
    """Return what a model must reach, as the run's Params say."""
    return Requirements(
        min_accuracy=params["min_accuracy"],
        min_class_recall=params["min_class_recall"],
        max_calibration_error=params["max_calibration_error"],
        max_accuracy_drop=params["max_accuracy_drop"],
    )


def load_champion(
    run: Run, champion: Champion | None, score: TrainingJobResult | None
) -> Mapping[str, Any] | None:
    """Return the live model's evaluation on the run's test split."""
    if champion is None:
        return None
    return load_evaluation(run, score["output_uri"] if score else champion["output_uri"])


def load_classes(run: Run, dataset: StagedDataset) -> list[str]:
    """Return the names of the data set's classes, in the order of the model's answers."""
    manifest = json.loads(download(s3_hook(run.settings), uri=dataset["manifest_uri"]))
    classes: list[str] = manifest["classes"]
    return classes


def load_evaluation(run: Run, output_uri: str) -> Mapping[str, Any]:
    """Return the evaluation.json of a job's output."""
    [evaluation] = load_outputs(run.settings, output_uri=output_uri, names=[EVALUATION])
    return evaluation
