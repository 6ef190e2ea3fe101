"""Say what a load test should have met, from the service times that it measured and the endpoint's policy.

Its percentiles are predicted for one request at a time on each instance. Service times that hold waiting on
the instance predict nothing, so that a load above what its instances can do has no prediction.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musher.errors import ScalingError
from musher.payloads import autoscaling
from musher.payloads.choices import INVOCATIONS
from musher.results import InstancePoint, LoadPrediction
from musher.scaling.instances import Instance, from_load_test
from musher.scaling.policies import ScalingPlan, TargetTracking
from musher.scaling.queueing import STEADY, Floats
from musher.scaling.simulate import simulate

NAME = "endpoint"

TOO_MUCH = (
    "Requests took longer than instances that do one at a time could have borne: they waited there, or "
    "several are done at once. Measure the service times under less load."
)
OTHER_POLICY = "Only policies that track invocations are predicted, and without steps."


def unpredicted(reason: str) -> LoadPrediction:
    """Return that there is no prediction, and why."""
    return LoadPrediction(reason=reason, p50_ms=None, p95_ms=None, p99_ms=None, highest=None, instances=[])


def predict(
    measured: Mapping[str, Any],
    *,
    arrivals: Floats | NDArray[np.int64],
    instances: int,
    scaling: autoscaling.ScalingPlan | None,
) -> LoadPrediction:
    """Return what the simulator says of the requests in each second on so many instances at the start."""
    if scaling is not None and (scaling.metric != INVOCATIONS or scaling.has_steps):
        return unpredicted(OTHER_POLICY)
    try:
        instance = measure_instance(measured, arrivals=arrivals, instances=instances)
        outcome = simulate(arrivals, instance=instance, plan=make_plan(scaling, instances=instances))
    except ScalingError as error:
        return unpredicted(str(error))
    latencies = outcome.latencies
    return LoadPrediction(
        reason=None,
        p50_ms=latencies.p50_ms,
        p95_ms=latencies.p95_ms,
        p99_ms=latencies.p99_ms,
        highest=outcome.highest,
        instances=list_changes(outcome.in_service),
    )


def measure_instance(
    measured: Mapping[str, Any],
    *,
    arrivals: Floats | NDArray[np.int64],
    instances: int,
    instance_type: str = NAME,
    price: float = 0,
) -> Instance:
    """Return an instance with the service times that were measured; ScalingError where those hold waiting."""
    service = from_load_test(measured)
    instance = Instance(instance_type=instance_type, service=service, price_usd_per_hour=price)
    if float(np.mean(arrivals)) / instances / instance.rate >= STEADY:
        raise ScalingError(TOO_MUCH)
    return instance


def make_plan(scaling: autoscaling.ScalingPlan | None, *, instances: int) -> ScalingPlan:
    """Return the simulator's plan for an endpoint's policy; its bounds hold from the start."""
    if scaling is None:
        return ScalingPlan(name=NAME, initial=instances, min_capacity=instances, max_capacity=instances)
    least, most = scaling.min_instances, scaling.max_instances
    return ScalingPlan(
        name=NAME,
        initial=min(most, max(least, instances)),
        min_capacity=least,
        max_capacity=most,
        policies=(
            TargetTracking(
                target=scaling.target,
                scale_out_cooldown_s=scaling.scale_out_cooldown_s,
                scale_in_cooldown_s=scaling.scale_in_cooldown_s,
            ),
        ),
    )


def list_changes(in_service: NDArray[np.int64]) -> list[InstancePoint]:
    """Return the first second, each second in which the instances change, and the end."""
    places = [0, *(np.flatnonzero(np.diff(in_service)) + 1).tolist(), len(in_service) - 1]
    return [
        InstancePoint(at_s=float(place), current=int(in_service[place]), desired=int(in_service[place]))
        for place in dict.fromkeys(places)
    ]
