"""Endpoints to scale."""

from collections.abc import Callable, Generator
from typing import Any

import pytest

from tests.functional.localaws.sagemaker.endpoints.conftest import Endpoint, maker


def place_of(endpoint: str, *, variant: str = "AllTraffic") -> dict[str, str]:
    """Return the members that name a variant's instance count."""
    return {
        "ServiceNamespace": "sagemaker",
        "ResourceId": f"endpoint/{endpoint}/variant/{variant}",
        "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
    }


def tracking(target: float, **options: Any) -> dict[str, Any]:
    """Return the members of a policy that tracks invocations for each instance."""
    predefined = {"PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"}
    config = {"TargetValue": target, "PredefinedMetricSpecification": predefined, **options}
    return {"PolicyType": "TargetTrackingScaling", "TargetTrackingScalingPolicyConfiguration": config}


@pytest.fixture
def fast_endpoint_maker(fast_localaws: Any) -> Generator[Callable[..., Endpoint], None, None]:
    """Make endpoints in the localaws where time flies."""
    yield from maker(fast_localaws)


@pytest.fixture(scope="module")
def scaled(localaws: Any) -> Generator[Endpoint, None, None]:
    """Yield an endpoint that a module's tests scale one after the other."""
    makers = maker(localaws)
    made = next(makers)("scaled")
    made.wait("InService")
    yield made
    made.wait("InService")
    next(makers, None)
