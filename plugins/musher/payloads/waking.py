"""Build the policy and the alarm by which an asynchronous endpoint without instances gets its first one.

Target tracking cannot: without an instance there is no backlog of each.
https://docs.aws.amazon.com/sagemaker/latest/dg/async-inference-autoscale.html
"""

from typing import Any

from musher.payloads.autoscaling import SAGEMAKER_METRICS, ScalingPlan, endpoint_dimensions, wake_policy_name
from musher.payloads.step_scaling import build_alarm, build_policy

METRIC = "HasBacklogWithoutCapacity"


def build_wake_policy(plan: ScalingPlan) -> dict[str, Any]:
    """Return the PutScalingPolicy request: one instance more."""
    adjustments = [{"MetricIntervalLowerBound": 0.0, "ScalingAdjustment": 1}]
    return build_policy(plan, name=wake_policy_name(plan.endpoint_name), adjustments=adjustments)


def build_wake_alarm(plan: ScalingPlan, *, policy_arn: str) -> dict[str, Any]:
    """Return the PutMetricAlarm request; the metric is 1 or 0, so that only `>=` ever rings."""
    return build_alarm(
        name=wake_policy_name(plan.endpoint_name),
        does=f"Wakes {plan.endpoint_name}",
        policy_arn=policy_arn,
        threshold=1.0,
        metric={
            "Namespace": SAGEMAKER_METRICS,
            "MetricName": METRIC,
            "Statistic": "Average",
            "Dimensions": endpoint_dimensions(plan.endpoint_name),
            "Period": 60,
        },
    )
