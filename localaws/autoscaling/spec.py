"""What may be scaled: a resource of a service, in one dimension. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

INSTANCE_COUNT = "sagemaker:variant:DesiredInstanceCount"
PROVISIONED_CONCURRENCY = "lambda:function:ProvisionedConcurrency"
SCALED = (INSTANCE_COUNT, PROVISIONED_CONCURRENCY)
"""Dimensions that really scale here; moto keeps what is asked for of the others."""
DEFAULT_COOLDOWN_S = {INSTANCE_COUNT: 300, PROVISIONED_CONCURRENCY: 0}
"""AWS seconds
(https://docs.aws.amazon.com/autoscaling/application/APIReference/API_TargetTrackingScalingPolicyConfiguration.html)."""
TRACKING, STEPS = "TargetTrackingScaling", "StepScaling"


@dataclass(frozen=True, kw_only=True)
class Place:
    """What a scalable target, its policies, actions and activities are about."""

    namespace: str
    resource_id: str
    dimension: str

    @property
    def is_scaled(self) -> bool:
        """Whether it really scales here."""
        return self.dimension in SCALED

    def described(self) -> dict[str, str]:
        """Return it as answers write it."""
        return {
            "ServiceNamespace": self.namespace,
            "ResourceId": self.resource_id,
            "ScalableDimension": self.dimension,
        }

    def __str__(self) -> str:
        """Write it as AWS's sentences do."""
        return (
            f"service namespace: {self.namespace}, resource ID: {self.resource_id}, "
            f"scalable dimension: {self.dimension}"
        )


def place_of(item: Any) -> Place:
    """Return the place of one of moto's targets, policies or scheduled actions."""
    return Place(
        namespace=item.service_namespace, resource_id=item.resource_id, dimension=item.scalable_dimension
    )


def out_cooldown_s(config: Mapping[str, Any], *, dimension: str) -> float:
    """Return the AWS seconds for which a scale-out by a policy of this configuration counts."""
    return _cooldown_s(config, "ScaleOutCooldown", dimension=dimension)


def in_cooldown_s(config: Mapping[str, Any], *, dimension: str) -> float:
    """Return the AWS seconds for which a scale-in by a policy of this configuration blocks the next."""
    return _cooldown_s(config, "ScaleInCooldown", dimension=dimension)


def _cooldown_s(config: Mapping[str, Any], member: str, *, dimension: str) -> float:
    given = config.get(member, config.get("Cooldown"))
    return float(DEFAULT_COOLDOWN_S[dimension] if given is None else given)
