"""Build the policy and the alarm by which an asynchronous endpoint without instances gets its first one.

Target tracking cannot: without an instance there is no backlog of each.
https://docs.aws.amazon.com/sagemaker/latest/dg/async-inference-autoscale.html
"""

from typing import Any

from musher.payloads.autoscaling import (
    SAGEMAKER_METRICS,
    ScalingPlan,
    endpoint_dimensions,
    place,
    wake_policy_name,
)

METRIC = "HasBacklogWithoutCapacity"


def build_wake_policy(plan: ScalingPlan) -> dict[str, Any]:
    """Return the PutScalingPolicy request: one instance more."""
    return {
        **place(plan.endpoint_name),
        "PolicyName": wake_policy_name(plan.endpoint_name),
        "PolicyType": "StepScaling",
        "StepScalingPolicyConfiguration": {
            "AdjustmentType": "ChangeInCapacity",
            "StepAdjustments": [{"MetricIntervalLowerBound": 0.0, "ScalingAdjustment": 1}],
            "Cooldown": plan.scale_out_cooldown_s,
        },
    }


def build_wake_alarm(plan: ScalingPlan, *, policy_arn: str) -> dict[str, Any]:
    """Return the PutMetricAlarm request; the metric is 1 or 0, so that only `>=` ever rings."""
    return {
        "AlarmName": wake_policy_name(plan.endpoint_name),
        "AlarmDescription": f"Wakes {plan.endpoint_name}, by a policy of the same name.",
        "AlarmActions": [policy_arn],
        "Namespace": SAGEMAKER_METRICS,
        "MetricName": METRIC,
        "Statistic": "Average",
        "Dimensions": endpoint_dimensions(plan.endpoint_name),
        "Period": 60,
        "EvaluationPeriods": 1,
        "DatapointsToAlarm": 1,
        "Threshold": 1.0,
        "ComparisonOperator": "GreaterThanOrEqualToThreshold",
        "TreatMissingData": "notBreaching",
    }
