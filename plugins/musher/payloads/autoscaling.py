"""Build the requests by which an endpoint grows and shrinks with its load.

https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-auto-scaling.html
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from musher.errors import PayloadError
from musher.payloads.choices import (
    ASYNC,
    BACKLOG,
    CUSTOM,
    CUSTOM_METRIC,
    MAX_COOLDOWN_S,
    MAX_INSTANCES,
    METRIC_CHOICES,
    METRICS,
)
from musher.payloads.endpoints import VARIANT

NAMESPACE = "sagemaker"
DIMENSION = "sagemaker:variant:DesiredInstanceCount"
SAGEMAKER_METRICS = "AWS/SageMaker"
BACKLOG_EACH = "ApproximateBacklogSizePerInstance"


@dataclass(frozen=True, kw_only=True)
class ScalingPlan:
    """Say how many instances an endpoint may have, and from which load on it gets more."""

    endpoint_name: str
    min_instances: int
    max_instances: int
    metric: str
    target: float
    scale_out_cooldown_s: int
    scale_in_cooldown_s: int
    custom_metric: str | None = None
    """As CUSTOM_METRIC says; only where `metric` is CUSTOM."""
    has_steps: bool = False
    """Whether a policy by steps adds instances beside it."""
    has_queue: bool = False
    """Whether the endpoint is asynchronous, so that it may have no instance at all."""


def plan_scaling(params: Mapping[str, Any], *, endpoint_name: str) -> ScalingPlan:
    """Return how an endpoint scales, as the run's Params say."""
    return ScalingPlan(
        endpoint_name=endpoint_name,
        min_instances=params["autoscale_min"],
        max_instances=params["autoscale_max"],
        metric=params["autoscale_metric"],
        target=params["autoscale_target"],
        scale_out_cooldown_s=params["scale_out_cooldown_s"],
        scale_in_cooldown_s=params["scale_in_cooldown_s"],
        custom_metric=params["autoscale_custom_metric"] if params["autoscale_metric"] == CUSTOM else None,
        has_queue=params["endpoint_kind"] == ASYNC,
    )


def resource_id(endpoint_name: str) -> str:
    """Return the id under which Application Auto Scaling knows an endpoint's instances."""
    return f"endpoint/{endpoint_name}/variant/{VARIANT}"


def check_scaling(plan: ScalingPlan) -> None:
    """Raise PayloadError where AWS would refuse the plan, or where it could never scale."""
    least, most = plan.min_instances, plan.max_instances
    if least == 0 and not plan.has_queue:
        raise PayloadError(
            "autoscale_min is 0, and endpoint_kind is not async: only an endpoint before which requests wait "
            "can do without an instance. Choose 1, or async."
        )
    if not 0 <= least <= most <= MAX_INSTANCES or most == 0:
        raise PayloadError(
            f"autoscale_min is {least} and autoscale_max is {most}. Choose 1 to {MAX_INSTANCES}, the first "
            "not above the second."
        )
    _check_metric(plan)
    if not plan.target > 0:
        raise PayloadError(f"autoscale_target is {plan.target}. Choose a number above 0.")
    for name, value in (("out", plan.scale_out_cooldown_s), ("in", plan.scale_in_cooldown_s)):
        if not 0 <= value <= MAX_COOLDOWN_S:
            raise PayloadError(f"scale_{name}_cooldown_s is {value}. Choose 0 to {MAX_COOLDOWN_S} seconds.")


def _check_metric(plan: ScalingPlan) -> None:
    if plan.metric not in METRIC_CHOICES:
        raise PayloadError(f"autoscale_metric is {plan.metric!r}. Choose one of {', '.join(METRIC_CHOICES)}.")
    if plan.has_queue and plan.metric in METRICS:
        raise PayloadError(
            f"autoscale_metric is {plan.metric} and endpoint_kind is async, whose instances scale by what "
            "waits for them. Choose backlog, with an autoscale_target of about 5 requests for each instance."
        )
    if plan.metric == BACKLOG and not plan.has_queue:
        raise PayloadError(
            f"autoscale_metric is {BACKLOG}, and endpoint_kind is not async: nothing waits before the "
            "endpoint. Choose invocations, or concurrency."
        )
    if plan.metric == CUSTOM and not re.fullmatch(CUSTOM_METRIC, plan.custom_metric or ""):
        raise PayloadError(
            f"autoscale_custom_metric is {plan.custom_metric!r}. Write namespace, name and statistic, such "
            "as `/aws/sagemaker/Endpoints CPUUtilization Average`."
        )


def build_target(plan: ScalingPlan) -> dict[str, Any]:
    """Return the RegisterScalableTarget request; raises PayloadError."""
    check_scaling(plan)
    return {
        **place(plan.endpoint_name),
        "MinCapacity": plan.min_instances,
        "MaxCapacity": plan.max_instances,
    }


def build_policy(plan: ScalingPlan) -> dict[str, Any]:
    """Return the PutScalingPolicy request of a target tracking policy."""
    return {
        **place(plan.endpoint_name),
        "PolicyName": policy_name(plan.endpoint_name),
        "PolicyType": "TargetTrackingScaling",
        "TargetTrackingScalingPolicyConfiguration": {
            "TargetValue": float(plan.target),
            **_metric(plan),
            "ScaleOutCooldown": plan.scale_out_cooldown_s,
            "ScaleInCooldown": plan.scale_in_cooldown_s,
            "DisableScaleIn": False,
        },
    }


def _metric(plan: ScalingPlan) -> dict[str, Any]:
    """Return what a policy watches: of the endpoint's one variant, or of the queue before it."""
    if plan.metric in METRICS:
        return {"PredefinedMetricSpecification": {"PredefinedMetricType": METRICS[plan.metric]}}
    namespace, name, statistic = split_custom(plan)
    return {
        "CustomizedMetricSpecification": {
            "Namespace": namespace,
            "MetricName": name,
            "Statistic": statistic,
            "Dimensions": metric_dimensions(plan),
        }
    }


def split_custom(plan: ScalingPlan) -> tuple[str, str, str]:
    """Return namespace, name and statistic of a metric that AWS has no word for."""
    if plan.metric == BACKLOG:
        return SAGEMAKER_METRICS, BACKLOG_EACH, "Average"
    namespace, name, statistic = (plan.custom_metric or "").split(" ")
    return namespace, name, statistic


def metric_dimensions(plan: ScalingPlan) -> list[dict[str, str]]:
    """Return the dimensions of what a plan watches."""
    if plan.metric == BACKLOG:
        return endpoint_dimensions(plan.endpoint_name)
    return variant_dimensions(plan.endpoint_name)


def endpoint_dimensions(endpoint_name: str) -> list[dict[str, str]]:
    """Return the dimensions of the metrics of the queue before an endpoint."""
    return [{"Name": "EndpointName", "Value": endpoint_name}]


def variant_dimensions(endpoint_name: str) -> list[dict[str, str]]:
    """Return the dimensions of the metrics of an endpoint's one variant."""
    given = {"EndpointName": endpoint_name, "VariantName": VARIANT}
    return [{"Name": name, "Value": value} for name, value in given.items()]


def _read_metric(config: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """Return which metric a policy watches, and what it says of a custom one; None where it is not ours."""
    if custom := config.get("CustomizedMetricSpecification"):
        if custom.get("MetricName") == BACKLOG_EACH:
            return BACKLOG, None
        said = [str(custom.get(member, "")) for member in ("Namespace", "MetricName", "Statistic")]
        return CUSTOM, " ".join(said)
    predefined = config.get("PredefinedMetricSpecification", {}).get("PredefinedMetricType")
    return {name: metric for metric, name in METRICS.items()}.get(predefined), None


def read_plan(
    targets: Mapping[str, Any], policies: Mapping[str, Any], *, endpoint_name: str
) -> ScalingPlan | None:
    """Return how an endpoint scales, from DescribeScalableTargets' and DescribeScalingPolicies' answers.

    None where it does not, or does by other policies than ours.
    """
    names = {policy["PolicyName"] for policy in policies["ScalingPolicies"]}
    for target in targets["ScalableTargets"]:
        for policy in policies["ScalingPolicies"]:
            config = policy.get("TargetTrackingScalingPolicyConfiguration", {})
            metric, custom_metric = _read_metric(config)
            if policy["PolicyName"] == policy_name(endpoint_name) and metric is not None:
                return ScalingPlan(
                    endpoint_name=endpoint_name,
                    min_instances=target["MinCapacity"],
                    max_instances=target["MaxCapacity"],
                    metric=metric,
                    target=config["TargetValue"],
                    scale_out_cooldown_s=config["ScaleOutCooldown"],
                    scale_in_cooldown_s=config["ScaleInCooldown"],
                    custom_metric=custom_metric,
                    has_steps=step_policy_name(endpoint_name) in names,
                    has_queue=metric == BACKLOG,
                )
    return None


def policy_name(endpoint_name: str) -> str:
    """Return the name of an endpoint's policy that tracks a target."""
    return f"{endpoint_name}-load"


def step_policy_name(endpoint_name: str) -> str:
    """Return the name of an endpoint's policy by steps, and of its alarm."""
    return f"{endpoint_name}-steps"


def wake_policy_name(endpoint_name: str) -> str:
    """Return the name of the policy that gives an endpoint its first instance, and of its alarm."""
    return f"{endpoint_name}-wake"


def scaling_alarms(endpoint_name: str) -> list[str]:
    """Return the names of the alarms of ours that may scale an endpoint; those of tracking are AWS's."""
    return [step_policy_name(endpoint_name), wake_policy_name(endpoint_name)]


def place(endpoint_name: str) -> dict[str, str]:
    """Return the members that say which scalable target a request is about."""
    return {
        "ServiceNamespace": NAMESPACE,
        "ResourceId": resource_id(endpoint_name),
        "ScalableDimension": DIMENSION,
    }
