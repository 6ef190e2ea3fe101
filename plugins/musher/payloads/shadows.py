"""Let a new model get live requests beside the one that serves, and judge it by what CloudWatch counted.

As a shadow it gets copies, as a challenger it answers a share itself:
https://docs.aws.amazon.com/sagemaker/latest/dg/model-shadow-deployment.html
https://docs.aws.amazon.com/sagemaker/latest/dg/model-ab-testing.html
"""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from musher import names
from musher.payloads.choices import CHALLENGER, SHADOW
from musher.payloads.tags import PACKAGE_TAG, PREVIOUS_TAG, RUN_TAG, SHADOW_TAG, as_list, live_tags
from musher.settings import Settings
from musher.shadow_results import VariantFigures

INHERITED = ("DataCaptureConfig", "KmsKeyId", "ExecutionRoleArn", "VpcConfig", "EnableNetworkIsolation")
"""Members of a configuration that do not change during a comparison."""

LEAST_FOR_ERRORS, LEAST_FOR_LATENCY = 10, 100
"""Requests from which on a share of errors, and a 99th percentile, says something."""

LEAST_SHARE_THAT_ARRIVES = 0.5
"""Of the requests that are due."""


def find_obstacle(config: Mapping[str, Any], *, role: str) -> str | None:
    """Return why a configuration can have no shadow or challenger, or be one; None where it can.

    https://docs.aws.amazon.com/sagemaker/latest/dg/shadow-tests-exclusions.html and, for the number of
    variants, API_CreateEndpointConfig.html. A serverless endpoint has one variant:
    https://docs.aws.amazon.com/sagemaker/latest/dg/serverless-endpoints.html
    """
    variants = config["ProductionVariants"]
    if role == CHALLENGER:
        return _find_obstacle_to_challenger(config, variants)
    if len(variants) != 1:
        return f"it has {len(variants)} production variants, and AWS takes a shadow beside one only"
    if config.get("AsyncInferenceConfig"):
        return "it is asynchronous, and AWS mirrors no requests that wait in a queue"
    if variants[0].get("ServerlessConfig"):
        return "it is serverless, and AWS mirrors requests between instances only"
    if (instance_type := variants[0].get("InstanceType", "")).startswith("ml.inf1."):
        return f"it has {instance_type}, and AWS mirrors no requests for ml.inf1 instances"
    return None


def _find_obstacle_to_challenger(
    config: Mapping[str, Any], variants: Sequence[Mapping[str, Any]]
) -> str | None:
    if len(variants) != 1:
        return f"it has {len(variants)} production variants already, whose weights are not Musher's"
    if config.get("ShadowProductionVariants"):
        return "it has a shadow variant, and AWS takes that beside one production variant only"
    if config.get("AsyncInferenceConfig"):
        return "it is asynchronous, and what waits in its queue is counted for no variant"
    if variants[0].get("ServerlessConfig"):
        return "it is serverless, and AWS takes one variant there"
    return None


def weigh(percent: int, *, role: str) -> float:
    """Return the new variant's weight where the one that serves has 1.

    AWS mirrors to a shadow by its weight over the production variant's, and shares requests among production
    variants by each one's weight over the sum of all.
    """
    return percent / 100 if role == SHADOW else percent / (100 - percent)


def count_instances(*, production: int, percent: int) -> int:
    """Return how many instances a shadow needs to be as busy as what serves, at least one."""
    return max(1, math.ceil(production * percent / 100))


def build_shadow_config(
    settings: Settings,
    *,
    serving: Mapping[str, Any],
    variant: Mapping[str, Any],
    new: Mapping[str, Any],
    percent: int,
    role: str,
    package_arn: str | None,
) -> dict[str, Any]:
    """Return a CreateEndpointConfig request: what serves, with the new model as its shadow or challenger.

    `serving` is that configuration and `variant` its only variant on the endpoint, both as AWS describes
    them; `new` is the new model's own request, and `package_arn` the registry's version of what serves. The
    new variant is named after the new model's configuration, so that no metric of another one counts for it.
    """
    release, weight = serving["EndpointConfigName"], variant.get("DesiredWeight") or 1.0
    count = variant["DesiredInstanceCount"]
    slug = next(tag["Value"] for tag in new["Tags"] if tag["Key"] == RUN_TAG)
    content = json.dumps([new["EndpointConfigName"], release, percent, role])
    digest = hashlib.sha256(content.encode()).hexdigest()
    package = {PACKAGE_TAG: package_arn} if package_arn else {}
    tags = {**live_tags(settings, slug=slug), **package, SHADOW_TAG: release, PREVIOUS_TAG: release}
    production, shadow = serving["ProductionVariants"][0], new["ProductionVariants"][0]
    instances = count_instances(production=count, percent=percent)
    serves = {**production, "InitialInstanceCount": count, "InitialVariantWeight": weight}
    added = {
        **shadow,
        "VariantName": new["EndpointConfigName"],
        "InitialInstanceCount": instances,
        "InitialVariantWeight": weight * weigh(percent, role=role),
    }
    is_shadow = role == SHADOW
    return {
        "EndpointConfigName": names.endpoint_version(settings, slug=slug, content_hash=digest),
        "ProductionVariants": [serves] if is_shadow else [serves, added],
        **({"ShadowProductionVariants": [added]} if is_shadow else {}),
        **{member: serving[member] for member in INHERITED if member in serving},
        "Tags": as_list(tags),
    }


def find_faults(
    *,
    production: VariantFigures,
    shadow: VariantFigures,
    due: float,
    max_error_percent: float,
    max_latency_ms: float,
) -> list[str]:
    """Return a sentence for each limit that the new model misses, to which at least `due` requests were sent.

    Requests that are wrong themselves (4XX) count by how much more often it refuses them.
    """
    faults = []
    requests = shadow["requests"]
    if due >= LEAST_FOR_LATENCY and requests < due * LEAST_SHARE_THAT_ARRIVES:
        faults.append(f"{requests} of about {due:.0f} requests that were due reached it")
    failed = 100 * _share(shadow, "errors_5xx")
    refused = 100 * (_share(shadow, "errors_4xx") - _share(production, "errors_4xx"))
    limit = f"(max_error_percent {max_error_percent:g})"
    if requests >= LEAST_FOR_ERRORS and failed > max_error_percent:
        faults.append(f"{failed:.1f} % of its answers are 5XX {limit}")
    if requests >= LEAST_FOR_ERRORS and refused > max_error_percent:
        faults.append(f"it answers {refused:.1f} % more of the requests with a 4XX than what serves {limit}")
    p99_ms = shadow["p99_ms"]
    if requests >= LEAST_FOR_LATENCY and p99_ms is not None and p99_ms > max_latency_ms:
        faults.append(f"a minute's p99 is {p99_ms:.0f} ms (max_latency_ms {max_latency_ms:g})")
    return faults


def describe_lack(shadow: VariantFigures) -> str:
    """Return why nothing found means nothing, or "" where the shadow got requests enough."""
    if shadow["requests"] >= LEAST_FOR_LATENCY:
        return ""
    return f"{shadow['requests']} requests reached it, and {LEAST_FOR_LATENCY} are needed for a judgement"


def _share(figures: VariantFigures, member: str) -> float:
    counts: Mapping[str, Any] = figures
    return float(counts[member]) / figures["requests"] if figures["requests"] else 0.0


def describe_figures(figures: VariantFigures) -> str:
    """Return a variant's figures in words."""
    p50_ms, p99_ms = figures["p50_ms"], figures["p99_ms"]
    times = "no times" if p50_ms is None or p99_ms is None else f"p50 {p50_ms:.0f}, p99 {p99_ms:.0f} ms"
    counts = f"{figures['requests']:,} requests, {figures['errors_5xx']:,} 5XX, {figures['errors_4xx']:,} 4XX"
    return f"{counts}, {times}"
