"""Refuse what AWS refuses about models, endpoint configs and endpoints, in AWS's words.

CloudFormation comes here without the check by the service's model, so what becomes a folder's name is checked
again.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from moto.sagemaker.exceptions import ValidationError
from moto.sagemaker.models import FakeEndpointConfig

from localaws.sagemaker.buckets import parse_uri
from localaws.sagemaker.endpoints.plan import LEAST_OUTSTANDING, RANDOM
from localaws.sagemaker.wording import constraint
from localaws.wire.wording import (
    NOT_NULL,
    length_at_least,
    length_at_most,
    matches,
    value_at_least,
    value_at_most,
)

NAME_PATTERN = "[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}"
NAME_CHARACTERS = 63
MAX_WEIGHT = 3.4e38
"""The largest number of 32 bits, which AWS's weights are; the sum of all is a number here, too."""
MEMORY_STEP_MB, MEMORY_MAX_MB = 1024, 6144
UNBUILT = {"ExplainerConfig": "explainers"}


class LocalEndpointConfig(FakeEndpointConfig):
    """moto's endpoint config, whose own list of instance types ends with g4dn; the model has today's."""

    shadow_production_variants: Sequence[Mapping[str, Any]] | None = None

    def validate_instance_type(self, instance_type: str) -> None:
        """Take every type."""


def check_name(name: str, *, member: str) -> None:
    """Refuse a name that AWS refuses. Names become folder names here, so nothing else may pass."""
    if len(name) > NAME_CHARACTERS:
        raise constraint(value=name, member=member, rule=length_at_most(NAME_CHARACTERS))
    if not re.fullmatch(NAME_PATTERN, name):
        raise constraint(value=name, member=member, rule=matches(NAME_PATTERN))


def check_variants(variants: Sequence[Mapping[str, Any]], *, within: str = "productionVariants") -> None:
    """Refuse variants without a valid name, model or instance count, and names that come twice."""
    if not variants:
        raise constraint(value=[], member=within, rule=length_at_least(1))
    seen = set()
    for index, variant in enumerate(variants, start=1):
        member = f"{within}.{index}.member"
        name = str(variant.get("VariantName", ""))
        check_name(name, member=f"{member}.variantName")
        if name in seen:
            raise ValidationError(message=f'The variant name "{name}" was non-unique within the request.')
        seen.add(name)
        check_weight(variant.get("InitialVariantWeight"), member=f"{member}.initialVariantWeight")
        check_routing(variant.get("RoutingConfig") or {})
        if not variant.get("ModelName"):
            raise ValidationError(
                message=f"Variant {name} names no model: localaws has no inference components"
            )
        if variant.get("ServerlessConfig"):
            check_serverless(variant["ServerlessConfig"])
        else:
            check_count(variant.get("InitialInstanceCount"), member=f"{member}.initialInstanceCount")


def check_routing(config: Mapping[str, Any]) -> None:
    """Refuse routing by the beginning of a prompt."""
    strategy = config.get("RoutingStrategy")
    if strategy not in (None, RANDOM, LEAST_OUTSTANDING):
        raise ValidationError(
            message=f"RoutingConfig: localaws has no {strategy}. Choose {RANDOM} or {LEAST_OUTSTANDING}."
        )


def check_serverless(config: Mapping[str, Any]) -> None:
    """Refuse memory in odd sizes, and more provisioned concurrency than concurrency.

    https://docs.aws.amazon.com/sagemaker/latest/dg/serverless-endpoints.html
    """
    memory = int(config.get("MemorySizeInMB") or 0)
    if memory % MEMORY_STEP_MB or not MEMORY_STEP_MB <= memory <= MEMORY_MAX_MB:
        raise ValidationError(
            message=f"Value '{memory}' at 'MemorySizeInMB' failed to satisfy constraint: Member must satisfy "
            f"enum value set: {list(range(MEMORY_STEP_MB, MEMORY_MAX_MB + 1, MEMORY_STEP_MB))}"
        )
    if int(config.get("ProvisionedConcurrency") or 0) > int(config.get("MaxConcurrency") or 0):
        raise ValidationError(
            message="ServerlessConfig: ProvisionedConcurrency must not exceed MaxConcurrency."
        )


def check_shadows(shadows: Sequence[Mapping[str, Any]], variants: Sequence[Mapping[str, Any]]) -> None:
    """Refuse any number of shadow variants but one beside one production variant."""
    if not shadows:
        return
    if len(shadows) > 1 or len(variants) > 1:
        raise ValidationError(
            message="ShadowProductionVariants: there can only be one shadow variant, beside one production "
            "variant."
        )
    check_variants(shadows, within="shadowProductionVariants")
    if shadows[0]["VariantName"] == variants[0]["VariantName"]:
        name = shadows[0]["VariantName"]
        raise ValidationError(message=f'The variant name "{name}" was non-unique within the request.')
    if any("ServerlessConfig" in variant for variant in (*shadows, *variants)):
        raise ValidationError(message="ShadowProductionVariants: serverless variants have no shadows.")


def check_async_inference(config: Mapping[str, Any]) -> None:
    """Refuse places outside S3, and notifications that are to hold the answer itself.

    How AWS writes such notifications is not published.
    """
    output = config.get("OutputConfig") or {}
    for name in ("S3OutputPath", "S3FailurePath"):
        if output.get(name):
            parse_uri(output[name], member=f"asyncInferenceConfig.outputConfig.{name[0].lower()}{name[1:]}")
    if (output.get("NotificationConfig") or {}).get("IncludeInferenceResponseIn"):
        raise ValidationError(
            message="AsyncInferenceConfig: localaws has no IncludeInferenceResponseIn; notifications name "
            "where the answer lies."
        )


def check_exclusions(variants: Sequence[Mapping[str, Any]], *, given: Mapping[str, Any]) -> None:
    """Refuse what AWS excludes beside a serverless variant; `given` holds those members of the request.

    https://docs.aws.amazon.com/sagemaker/latest/dg/serverless-endpoints.html; the sentences are ours.
    """
    if not any(variant.get("ServerlessConfig") for variant in variants):
        return
    if len(variants) > 1:
        raise ValidationError(message="ServerlessConfig: such a variant must be the only one.")
    for member, config in given.items():
        if config:
            raise ValidationError(message=f"{member} cannot be given where a variant is serverless.")


def check_unbuilt(request: Callable[[str], Any]) -> None:
    """Refuse what an endpoint config may ask for and localaws does not do; `request` gives a member."""
    for member, what in UNBUILT.items():
        if request(member):
            raise ValidationError(message=f"{member}: localaws has no {what}. Leave it out.")


def update_arguments(request: Callable[[str], Any]) -> dict[str, Any]:
    """Return what UpdateEndpoint is asked for, as our backend takes it; `request` gives a member."""
    excluded = request("ExcludeRetainedVariantProperties") or []
    return {
        "endpoint_config_name": request("EndpointConfigName"),
        "is_retaining": bool(request("RetainAllVariantProperties")),
        "excluded": {item["VariantPropertyType"] for item in excluded},
        "deployment_config": request("DeploymentConfig"),
        "is_retaining_deployment": bool(request("RetainDeploymentConfig")),
    }


def check_data_capture(config: Mapping[str, Any]) -> None:
    """Refuse a place outside S3."""
    if config:
        parse_uri(config["DestinationS3Uri"], member="dataCaptureConfig.destinationS3Uri")


def check_count(count: Any, *, member: str) -> None:
    """Refuse an instance count below 1."""
    if count is None:
        raise constraint(value=None, member=member, rule=NOT_NULL)
    if int(count) < 1:
        raise constraint(value=count, member=member, rule=value_at_least(1))


def check_weight(weight: Any, *, member: str) -> None:
    """Refuse a weight by which no variant could be chosen: "Infinity" is a number in JSON."""
    if weight is not None and not 0 <= float(weight) <= MAX_WEIGHT:
        rule = value_at_least(0) if not float(weight) > MAX_WEIGHT else value_at_most(MAX_WEIGHT)
        raise constraint(value=weight, member=member, rule=rule)


def check_model_data(container: Mapping[str, Any], *, account_id: str, partition: str) -> None:
    """Refuse a model whose archive is not in S3, as CreateModel does."""
    from moto.s3.models import s3_backends

    uri = str(container.get("ModelDataUrl") or "")
    if not uri:
        return
    found = re.fullmatch(r"s3://([^/]+)/(.+)", uri)
    if found is None:
        raise ValidationError(message=f"ModelDataUrl {uri!r} is not of the form s3://bucket/key.")
    bucket = s3_backends[account_id][partition].buckets.get(found[1])
    if bucket is None or found[2] not in bucket.keys:
        raise ValidationError(message=f"Could not find model data at {uri}.")
