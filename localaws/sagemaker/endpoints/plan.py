"""What an endpoint config asks for, resolved to plain values before anything starts."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from moto.sagemaker.models import Model

DEFAULT_STARTUP_S = 480
"""Seconds until /ping must answer 200, where the variant sets nothing: "the 8 minutes after startup"
(https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-inference-code.html)."""


@dataclass(frozen=True, eq=False)
class VariantPlan:
    """One production variant and its model, in one deployment: compared by identity."""

    name: str
    count: int
    weight: float
    startup_s: float
    role_arn: str
    container: Mapping[str, Any]
    is_serverless: bool = False

    @property
    def environment(self) -> dict[str, str]:
        """The variables that the model's creator gave the container."""
        return {str(name): str(value) for name, value in (self.container.get("Environment") or {}).items()}

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


def plan_variants(
    variants: Sequence[Mapping[str, Any]], *, find_model: Callable[[str], Model]
) -> tuple[VariantPlan, ...]:
    """Resolve the ProductionVariants of an endpoint config; `find_model` raises where a model is missing."""
    return tuple(_plan_variant(variant, find_model(str(variant["ModelName"]))) for variant in variants)


def _plan_variant(variant: Mapping[str, Any], model: Model) -> VariantPlan:
    containers = [model.primary_container] if model.primary_container else list(model.containers)
    weight = variant.get("InitialVariantWeight")
    return VariantPlan(
        name=str(variant["VariantName"]),
        count=int(variant.get("InitialInstanceCount") or 1),
        weight=1.0 if weight is None else float(weight),
        startup_s=float(variant.get("ContainerStartupHealthCheckTimeoutInSeconds") or DEFAULT_STARTUP_S),
        role_arn=str(model.execution_role_arn),
        container=containers[0] if len(containers) == 1 else {},
        is_serverless=bool(variant.get("ServerlessConfig")),
    )
