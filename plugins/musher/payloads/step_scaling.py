"""Build a step scaling policy, which adds instances beside target tracking, and the alarm that it hangs on.

https://docs.aws.amazon.com/autoscaling/application/userguide/step-scaling-policy-overview.html
"""

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from musher.errors import PayloadError
from musher.payloads.autoscaling import (
    ScalingPlan,
    metric_dimensions,
    place,
    split_custom,
    step_policy_name,
)
from musher.payloads.choices import CONCURRENCY, INVOCATIONS, SCALING_STEP

WATCHED = {
    INVOCATIONS: ("AWS/SageMaker", "InvocationsPerInstance", "Sum", 60),
    CONCURRENCY: ("AWS/SageMaker", "ConcurrentRequestsPerModel", "Maximum", 10),
}
"""Namespace, name, statistic and period in seconds of the metrics that AWS has a word for."""


def read_steps(lines: Sequence[str]) -> list[tuple[float, int]]:
    """Return values and added instances, in order; raise PayloadError where they are none."""
    if wrong := [line for line in lines if not re.fullmatch(SCALING_STEP, line)]:
        raise PayloadError(
            f"autoscale_steps holds {wrong[0]!r}. Write each line as `200 +1`: from which value of the "
            "metric on how many instances are added."
        )
    steps = [(float(value), int(added)) for value, added in (line.split(" +") for line in lines)]
    if any(latter[0] <= former[0] for former, latter in pairwise(steps)):
        raise PayloadError(f"autoscale_steps is {list(lines)}. Write the lower values first, each once.")
    return steps


def build_step_policy(plan: ScalingPlan, steps: Sequence[tuple[float, int]]) -> dict[str, Any]:
    """Return the PutScalingPolicy request; bounds count from the first step's value."""
    first = steps[0][0]
    uppers = [{"MetricIntervalUpperBound": value - first} for value, _ in steps[1:]] + [{}]
    adjustments = [
        {"MetricIntervalLowerBound": value - first, **upper, "ScalingAdjustment": added}
        for (value, added), upper in zip(steps, uppers, strict=True)
    ]
    return build_policy(plan, name=step_policy_name(plan.endpoint_name), adjustments=adjustments)


def build_policy(
    plan: ScalingPlan, *, name: str, adjustments: Sequence[Mapping[str, float]]
) -> dict[str, Any]:
    """Return the PutScalingPolicy request of a policy that adds instances by steps."""
    return {
        **place(plan.endpoint_name),
        "PolicyName": name,
        "PolicyType": "StepScaling",
        "StepScalingPolicyConfiguration": {
            "AdjustmentType": "ChangeInCapacity",
            "StepAdjustments": list(adjustments),
            "Cooldown": plan.scale_out_cooldown_s,
        },
    }


def build_step_alarm(
    plan: ScalingPlan, steps: Sequence[tuple[float, int]], *, policy_arn: str
) -> dict[str, Any]:
    """Return the PutMetricAlarm request: one period at the first step's value is enough."""
    namespace, name, statistic, period_s = WATCHED.get(plan.metric) or (*split_custom(plan), 60)
    return build_alarm(
        name=step_policy_name(plan.endpoint_name),
        does=f"Adds instances to {plan.endpoint_name}",
        policy_arn=policy_arn,
        threshold=steps[0][0],
        metric={
            "Namespace": namespace,
            "MetricName": name,
            "Statistic": statistic,
            "Dimensions": metric_dimensions(plan),
            "Period": period_s,
        },
    )


def build_alarm(
    *, name: str, does: str, policy_arn: str, threshold: float, metric: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the PutMetricAlarm request by which a policy of the same name acts after one period."""
    return {
        "AlarmName": name,
        "AlarmDescription": f"{does}, by a policy of the same name.",
        "AlarmActions": [policy_arn],
        **metric,
        "EvaluationPeriods": 1,
        "DatapointsToAlarm": 1,
        "Threshold": threshold,
        "ComparisonOperator": "GreaterThanOrEqualToThreshold",
        "TreatMissingData": "notBreaching",
    }
