"""How many instances an endpoint keeps that does not scale."""

from typing import Any

from musher.hooks.instances import keep_instances
from musher.payloads.endpoints import VARIANT


class FakeEndpoint:
    """An endpoint that another run compares a model with: the challenger is a variant of its own."""

    def __init__(self) -> None:
        self.conn = self
        self.counts = {"musher-new": 3, VARIANT: 2}

    def find_endpoint(self, name: str) -> dict[str, Any]:
        return self.describe_endpoint(EndpointName=name)

    def describe_endpoint(self, *, EndpointName: str) -> dict[str, Any]:  # noqa: N803
        variants = [
            {"VariantName": name, "DesiredInstanceCount": count} for name, count in self.counts.items()
        ]
        return {"EndpointStatus": "InService", "ProductionVariants": variants}

    def update_endpoint_weights_and_capacities(self, **request: Any) -> None:
        for wanted in request["DesiredWeightsAndCapacities"]:
            self.counts[wanted["VariantName"]] = wanted["DesiredInstanceCount"]


def test_what_serves_keeps_its_instances_beside_a_challenger() -> None:
    hook: Any = FakeEndpoint()
    keep_instances(hook, name="musher-live", count=1, delay_s=0)
    assert hook.counts == {"musher-new": 3, VARIANT: 1}
