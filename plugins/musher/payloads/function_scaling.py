"""Build the requests by which a function's provisioned concurrency grows and shrinks with its use.

https://docs.aws.amazon.com/lambda/latest/dg/provisioned-concurrency.html

What scales is a version, not the alias: AWS lets no alias with provisioned concurrency share its calls.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from musher.errors import PayloadError
from musher.payloads.choices import SCALING_SCHEDULE

NAMESPACE = "lambda"
DIMENSION = "lambda:function:ProvisionedConcurrency"
METRIC = "LambdaProvisionedConcurrencyUtilization"


@dataclass(frozen=True, kw_only=True)
class FunctionScaling:
    """Say between which numbers a version's environments follow their use; `least` is what is provisioned."""

    least: int
    most: int
    target_percent: float
    """Use of the environments above which there are more, and below nine tenths of which there are fewer."""
    schedule: Sequence[str] = ()
    """Lines of an expression of AWS's, then the fewest and the most environments from then on."""


def build_scaling(params: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return what the Params ask for as the members of a FunctionScaling; None where nothing scales."""
    most, least = int(params["function_scale_max"]), int(params["function_provisioned"])
    if not most:
        return None
    scaling = FunctionScaling(
        least=least,
        most=most,
        target_percent=float(params["function_scale_percent"]),
        schedule=list(params["function_scale_schedule"]),
    )
    return asdict(scaling)


def find_contradictions(params: Mapping[str, Any]) -> list[str]:
    """Return a sentence for each setting of scaling that AWS would refuse, or that would never scale."""
    members = build_scaling(params)
    if members is None:
        return []
    scaling, reserved = FunctionScaling(**members), int(params["function_reserved"])
    found = []
    if scaling.most < scaling.least:
        found.append(
            f"function_scale_max is {scaling.most}, less than function_provisioned, which is {scaling.least}."
        )
    if not scaling.least and not scaling.schedule:
        found.append(
            "function_provisioned is 0 and function_scale_max is not: without environments there is no use "
            "to scale by. Provision 1, or write a function_scale_schedule."
        )
    most = highest(scaling)
    if reserved and most > reserved:
        found.append(
            f"Provisioned concurrency may grow to {most}, and function_reserved is {reserved}: it is a "
            "part of what is reserved. Raise function_reserved, or choose 0, which reserves nothing."
        )
    return found


def highest(scaling: FunctionScaling) -> int:
    """Return the most environments that a version may come to, by its use or by the clock."""
    return max([scaling.most, *(read_bounds(line)[2] for line in scaling.schedule)])


def read_bounds(text: str) -> tuple[str, int, int]:
    """Return expression, fewest and most environments; raise PayloadError where they are none."""
    if not re.fullmatch(SCALING_SCHEDULE, text):
        raise PayloadError(
            f"function_scale_schedule holds {text!r}. Write each line as `cron(0 8 ? * MON-FRI *) 2 4`: "
            "when, in UTC, the fewest and the most environments from then on."
        )
    expression, least, most = text.rsplit(" ", 2)
    if int(least) > int(most):
        raise PayloadError(f"function_scale_schedule sets {least} to {most}: write the lower one first.")
    return expression, int(least), int(most)


def place(function_name: str, version: str) -> dict[str, str]:
    """Return the members that say which scalable target a request is about."""
    return {
        "ServiceNamespace": NAMESPACE,
        "ResourceId": f"function:{function_name}:{version}",
        "ScalableDimension": DIMENSION,
    }


def build_requests(
    scaling: FunctionScaling, *, function_name: str, version: str
) -> tuple[dict[str, Any], dict[str, Any], list[dict[str, Any]]]:
    """Return the requests of RegisterScalableTarget, PutScalingPolicy and PutScheduledAction."""
    where = place(function_name, version)
    target = {**where, "MinCapacity": scaling.least, "MaxCapacity": scaling.most}
    policy = {
        **where,
        "PolicyName": f"{function_name}-use",
        "PolicyType": "TargetTrackingScaling",
        "TargetTrackingScalingPolicyConfiguration": {
            "TargetValue": scaling.target_percent / 100,
            "PredefinedMetricSpecification": {"PredefinedMetricType": METRIC},
        },
    }
    bounds = [read_bounds(line) for line in scaling.schedule]
    actions = [
        {
            **where,
            "ScheduledActionName": f"{function_name}-{number}",
            "Schedule": expression,
            "ScalableTargetAction": {"MinCapacity": least, "MaxCapacity": most},
        }
        for number, (expression, least, most) in enumerate(bounds, start=1)
    ]
    return target, policy, actions


def first_number(scaling: FunctionScaling, *, wanted: int, has: Sequence[int]) -> int:
    """Return how many environments a new version begins with: as many as users have now, within bounds."""
    return min(max([wanted, *has]), max(scaling.most, wanted))
