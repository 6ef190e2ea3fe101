"""What an endpoint config asks for, resolved to plain values before anything starts."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from moto.sagemaker.models import Model

DEFAULT_STARTUP_S = 480
"""Seconds until /ping must answer 200, where the variant sets nothing: "the 8 minutes after startup"
(https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-inference-code.html)."""
RANDOM, LEAST_OUTSTANDING = "RANDOM", "LEAST_OUTSTANDING_REQUESTS"
"""Words of RoutingStrategy
(https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ProductionVariantRoutingConfig.html)."""


@dataclass(frozen=True, eq=False, kw_only=True)
class VariantPlan:
    """One production variant and its model, in one deployment: compared by identity."""

    name: str
    config_name: str = ""
    """The endpoint configuration that asks for it; empty where a job serves a model."""
    count: int
    weight: float
    startup_s: float
    role_arn: str
    container: Mapping[str, Any]
    is_serverless: bool = False
    serverless_config: Mapping[str, Any] | None = None
    instance_type: str = ""
    routing: str = RANDOM
    """Which of its instances gets a request: any, as on AWS where nothing is asked for, or the least busy."""
    shadow: "VariantPlan | None" = None
    """The shadow variant beside it."""

    @property
    def environment(self) -> dict[str, str]:
        """The variables that the model's creator gave the container."""
        return {str(name): str(value) for name, value in (self.container.get("Environment") or {}).items()}

    @property
    def submit_directory(self) -> str:
        """Where code lies that is not in the model's archive (SAGEMAKER_SUBMIT_DIRECTORY); else empty."""
        return self.environment.get("SAGEMAKER_SUBMIT_DIRECTORY", "")

    @property
    def image(self) -> str:
        """The image on AWS. localaws runs the model's own code in this Python instead."""
        return str(self.container.get("Image", ""))

    @property
    def model_data(self) -> tuple[str, bool]:
        """The S3 URI of the model, and whether it is one archive (else a prefix of plain files)."""
        source = (self.container.get("ModelDataSource") or {}).get("S3DataSource")
        if source:
            return str(source["S3Uri"]), source.get("CompressionType") == "Gzip"
        return str(self.container.get("ModelDataUrl") or ""), True


def with_shadows(plans: Sequence[VariantPlan]) -> list[VariantPlan]:
    """Return plans and those of the shadow variants beside them."""
    return [*plans, *(plan.shadow for plan in plans if plan.shadow is not None)]


def plan_variants(
    variants: Sequence[Mapping[str, Any]],
    *,
    find_model: Callable[[str], Model],
    find_package: Callable[[str], Mapping[str, Any]],
    config_name: str = "",
) -> tuple[VariantPlan, ...]:
    """Resolve the variants of an endpoint config; both functions raise where something is missing."""
    plans = (
        _plan_variant(variant, find_model(str(variant["ModelName"])), find_package) for variant in variants
    )
    return tuple(replace(plan, config_name=config_name) for plan in plans)


def _resolve(
    container: Mapping[str, Any], find_package: Callable[[str], Mapping[str, Any]]
) -> Mapping[str, Any]:
    """Return a container with what its model package says; the model's own variables win over those."""
    name = container.get("ModelPackageName")
    if not name:
        return container
    package = find_package(str(name))
    environment = {**(package.get("Environment") or {}), **(container.get("Environment") or {})}
    return {**container, **package, "Environment": environment}


def _plan_variant(
    variant: Mapping[str, Any], model: Model, find_package: Callable[[str], Mapping[str, Any]]
) -> VariantPlan:
    given = [model.primary_container] if model.primary_container else list(model.containers)
    containers = [_resolve(container, find_package) for container in given]
    weight = variant.get("InitialVariantWeight")
    return VariantPlan(
        name=str(variant["VariantName"]),
        count=int(variant.get("InitialInstanceCount") or 1),
        weight=1.0 if weight is None else float(weight),
        startup_s=float(variant.get("ContainerStartupHealthCheckTimeoutInSeconds") or DEFAULT_STARTUP_S),
        role_arn=str(model.execution_role_arn),
        container=containers[0] if len(containers) == 1 else {},
        is_serverless=bool(variant.get("ServerlessConfig")),
        serverless_config=variant.get("ServerlessConfig") or None,
        instance_type=str(variant.get("InstanceType") or ""),
        routing=_routing(variant),
    )


def _routing(variant: Mapping[str, Any]) -> str:
    """Return how a variant's requests are spread; those of a serverless one go where nothing is under way."""
    if variant.get("ServerlessConfig"):
        return LEAST_OUTSTANDING
    return str((variant.get("RoutingConfig") or {}).get("RoutingStrategy") or RANDOM)
