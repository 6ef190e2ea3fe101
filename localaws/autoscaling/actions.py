"""Actions of Application Auto Scaling that moto lacks.

https://docs.aws.amazon.com/autoscaling/application/APIReference/API_Operations.html
"""

import json
from typing import Any

from moto.applicationautoscaling.models import ApplicationAutoscalingBackend
from moto.applicationautoscaling.responses import ApplicationAutoScalingResponse
from moto.core.exceptions import JsonRESTError
from moto.core.responses import ActionResult

_moto_register = ApplicationAutoScalingResponse.register_scalable_target


class ResourceNotFoundError(JsonRESTError):
    """No scalable target has this ARN."""

    def __init__(self, arn: str) -> None:
        super().__init__("ResourceNotFoundException", f"The resource {arn} is not found.")


def add_actions() -> None:
    """Give moto's Application Auto Scaling the actions of this module."""
    actions = (
        describe_scaling_activities,
        list_tags_for_resource,
        register_scalable_target,
        tag_resource,
        untag_resource,
    )
    for action in actions:
        setattr(ApplicationAutoScalingResponse, action.__name__, action)


def describe_scaling_activities(response: ApplicationAutoScalingResponse) -> ActionResult:
    """Answer DescribeScalingActivities: nothing has scaled, as policies do not act here."""
    return ActionResult({"ScalingActivities": []})


def register_scalable_target(response: ApplicationAutoScalingResponse) -> str:
    """Answer RegisterScalableTarget, and keep the tags, which moto drops."""
    answer = _moto_register(response)
    if tags := response._get_param("Tags"):
        target = find_target(response.applicationautoscaling_backend, json.loads(answer)["ScalableTargetARN"])
        tags_of(target).update(tags)
    return answer


def list_tags_for_resource(response: ApplicationAutoScalingResponse) -> ActionResult:
    """Answer ListTagsForResource for a scalable target."""
    target = find_target(response.applicationautoscaling_backend, response._get_param("ResourceARN"))
    return ActionResult({"Tags": tags_of(target)})


def tag_resource(response: ApplicationAutoScalingResponse) -> ActionResult:
    """Answer TagResource for a scalable target."""
    target = find_target(response.applicationautoscaling_backend, response._get_param("ResourceARN"))
    tags_of(target).update(response._get_param("Tags"))
    return ActionResult({})


def untag_resource(response: ApplicationAutoScalingResponse) -> ActionResult:
    """Answer UntagResource for a scalable target."""
    target = find_target(response.applicationautoscaling_backend, response._get_param("ResourceARN"))
    for key in response._get_param("TagKeys"):
        tags_of(target).pop(key, None)
    return ActionResult({})


def find_target(backend: ApplicationAutoscalingBackend, arn: str) -> Any:
    """Return the scalable target of an ARN; raises ResourceNotFoundError."""
    for targets in backend.targets.values():
        for target in targets.values():
            if target.arn == arn:
                return target
    raise ResourceNotFoundError(arn)


def tags_of(target: Any) -> dict[str, str]:
    """Return the tags of a target, to be read and changed."""
    tags: dict[str, str] = target.__dict__.setdefault("tags", {})
    return tags
