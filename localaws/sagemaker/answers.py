"""What SageMaker always gives and moto leaves out, and what it leaves out and moto gives."""

from collections.abc import Callable, Mapping
from typing import Any

from moto.core.common_types import TYPE_RESPONSE
from moto.core.responses import ActionResult
from moto.sagemaker.responses import SageMakerResponse

from localaws.wire.answers import prune
from localaws.wire.compiler import find_model

RANGES = ("CategoricalParameterRanges", "ContinuousParameterRanges", "IntegerParameterRanges")
KEPT = ("HyperParameters", *RANGES)
"""What AWS gives empty, too: the attach() of SDK v2 reads them all."""
PRUNED = (
    "DescribeEndpoint",
    "DescribeEndpointConfig",
    "DescribeHyperParameterTuningJob",
    "DescribeModel",
    "DescribeModelPackage",
    "DescribeNotebookInstance",
    "DescribeProcessingJob",
    "DescribeTrainingJob",
    "DescribeTransformJob",
)
"""Actions whose answers leave out what is empty; others give it, as an experiment's `CreatedBy` on AWS."""
Answer = dict[str, Any]


def complete_training_job(answer: Answer) -> Answer:
    """Add the key of the output, which is empty where none was asked for."""
    output = {"KmsKeyId": ""} | dict(answer["OutputDataConfig"])
    return answer | {"OutputDataConfig": output}


def complete_tuning_job(answer: Answer) -> Answer:
    """Add the lists of ranges that are empty."""
    config = dict(answer["HyperParameterTuningJobConfig"])
    if given := config.get("ParameterRanges"):
        config["ParameterRanges"] = {name: [] for name in RANGES} | dict(given)
    return answer | {"HyperParameterTuningJobConfig": config}


def complete_model(answer: Answer) -> Answer:
    """Add each container's mode."""
    found = dict(answer)
    if primary := answer.get("PrimaryContainer"):
        found["PrimaryContainer"] = with_mode(primary)
    if containers := answer.get("Containers"):
        found["Containers"] = [with_mode(container) for container in containers]
    return found


def with_mode(container: Mapping[str, Any]) -> Answer:
    """Return a container with its mode: one model, unless it was asked for otherwise."""
    return {"Mode": "SingleModel"} | dict(container)


def complete_endpoint(answer: Answer) -> Answer:
    """Add which image was taken, and when; here it is the one that was named."""
    when = answer["CreationTime"]
    variants = [
        dict(variant)
        | {"DeployedImages": [resolve_image(image, when) for image in variant.get("DeployedImages") or ()]}
        for variant in answer.get("ProductionVariants") or ()
    ]
    return answer | {"ProductionVariants": variants}


def resolve_image(image: Mapping[str, Any], when: Any) -> Answer:
    """Return an image with what it resolved to."""
    return {"ResolvedImage": image.get("SpecifiedImage", ""), "ResolutionTime": when} | dict(image)


COMPLETERS: Mapping[str, Callable[[Answer], Answer]] = {
    "DescribeEndpoint": complete_endpoint,
    "DescribeHyperParameterTuningJob": complete_tuning_job,
    "DescribeModel": complete_model,
    "DescribeTrainingJob": complete_training_job,
}


class AnswerForm(SageMakerResponse):
    """Added to moto's SageMakerResponse."""

    def serialized(self, action_result: ActionResult) -> TYPE_RESPONSE:
        """Serialize an answer in the form that AWS's has."""
        action, result = self._get_action(), action_result.result
        if action in PRUNED and isinstance(result, dict):
            model = find_model("sagemaker")
            assert model is not None
            complete = COMPLETERS.get(action, dict)
            shape = model.operation_model(action).output_shape
            action_result = type(action_result)(prune(complete(result), shape, kept=KEPT))
        return super().serialized(action_result)
