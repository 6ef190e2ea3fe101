"""Actions of Application Auto Scaling that moto lacks.

https://docs.aws.amazon.com/autoscaling/application/APIReference/API_Operations.html
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from moto.applicationautoscaling.models import ApplicationAutoscalingBackend
from moto.applicationautoscaling.responses import (
    ApplicationAutoScalingResponse,
    _build_policy,
    _build_scheduled_action,
    _build_target,
)
from moto.core.responses import ActionResult

from localaws.autoscaling.errors import InvalidNextTokenError, ResourceNotFoundError
from localaws.paging import cut_page

_moto_register = ApplicationAutoScalingResponse.register_scalable_target
PAGE_ITEMS = 50
"""Items of a page at most."""
PLACE = ("ServiceNamespace", "ResourceId", "ScalableDimension")
"""Members that say which target a request is about."""

Item = TypeVar("Item")


def add_actions() -> None:
    """Give moto's Application Auto Scaling the actions of this module."""
    actions = (
        describe_scalable_targets,
        describe_scaling_activities,
        describe_scaling_policies,
        describe_scheduled_actions,
        list_tags_for_resource,
        register_scalable_target,
        tag_resource,
        untag_resource,
    )
    for action in actions:
        setattr(ApplicationAutoScalingResponse, action.__name__, action)


def describe_scaling_activities(response: ApplicationAutoScalingResponse) -> ActionResult:
    """Answer DescribeScalingActivities, the newest first."""
    backend: Any = (
        response.applicationautoscaling_backend
    )  # a LocalAutoscalingBackend; moto's has no activities
    found = backend.activities.list(
        response._get_param("ServiceNamespace"),
        resource_id=response._get_param("ResourceId"),
        dimension=response._get_param("ScalableDimension"),
        with_not_scaled=bool(response._get_param("IncludeNotScaledActivities")),
    )
    shown, following = take_page(
        found, token=response._get_param("NextToken"), most=response._get_param("MaxResults")
    )
    return ActionResult({"ScalingActivities": [activity.described() for activity in shown], **following})


def describe_scalable_targets(response: ApplicationAutoScalingResponse) -> ActionResult:
    """Answer DescribeScalableTargets; moto's pages repeat themselves from the third on."""
    response._validate_params()
    backend = response.applicationautoscaling_backend
    found = backend.describe_scalable_targets(
        response._get_param("ServiceNamespace"),
        response._get_param("ResourceIds"),
        response._get_param("ScalableDimension"),
    )
    shown, following = take_page(
        found, token=response._get_param("NextToken"), most=response._get_param("MaxResults")
    )
    return ActionResult({"ScalableTargets": [_build_target(target) for target in shown], **following})


def describe_scaling_policies(response: ApplicationAutoScalingResponse) -> ActionResult:
    """Answer DescribeScalingPolicies; moto takes a part of a resource's id for the id, and all names."""
    response._validate_params()
    names = response._get_param("PolicyNames")
    wanted = {member: response._get_param(member) for member in PLACE}
    found = [
        policy
        for policy in response.applicationautoscaling_backend.policies.values()
        if is_of(policy, wanted) and (not names or policy.policy_name in names)
    ]
    shown, following = take_page(
        found, token=response._get_param("NextToken"), most=response._get_param("MaxResults")
    )
    return ActionResult({"ScalingPolicies": [_build_policy(policy) for policy in shown], **following})


def describe_scheduled_actions(response: ApplicationAutoScalingResponse) -> ActionResult:
    """Answer DescribeScheduledActions in pages; moto gives all at once, and null for what nobody said."""
    found = response.applicationautoscaling_backend.describe_scheduled_actions(
        response._get_param("ScheduledActionNames"),
        response._get_param("ServiceNamespace"),
        response._get_param("ResourceId"),
        response._get_param("ScalableDimension"),
    )
    shown, following = take_page(
        found, token=response._get_param("NextToken"), most=response._get_param("MaxResults")
    )
    described = [_build_scheduled_action(action) for action in shown]
    said = [{name: value for name, value in item.items() if value is not None} for item in described]
    return ActionResult({"ScheduledActions": said, **following})


def is_of(policy: Any, wanted: Mapping[str, str | None]) -> bool:
    """Tell whether a policy is of this namespace, resource and dimension; None means any."""
    own = dict(
        zip(PLACE, (policy.service_namespace, policy.resource_id, policy.scalable_dimension), strict=True)
    )
    return all(value is None or own[member] == value for member, value in wanted.items())


def take_page(
    items: Sequence[Item], *, token: str | None, most: int | str | None
) -> tuple[Sequence[Item], dict[str, str]]:
    """Return a page, and `{"NextToken": ...}` where there are more; raises InvalidNextTokenError."""
    size, refusal = min(max(int(most or PAGE_ITEMS), 1), PAGE_ITEMS), InvalidNextTokenError(token or "")
    page, following = cut_page(items, token=token or None, size=size, refusal=refusal)
    return page, {} if following is None else {"NextToken": following}


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
