"""Set how many instances an endpoint has that does not scale."""

import logging

from musher.errors import EndpointError
from musher.hooks.releases import wait_until_settled
from musher.hooks.sagemaker import MusherSageMakerHook
from musher.payloads.endpoints import VARIANT

logger = logging.getLogger(__name__)


def keep_instances(hook: MusherSageMakerHook, *, name: str, count: int, delay_s: float) -> None:
    """Let an endpoint have so many instances; EndpointError where it does not get there.

    Updates keep what an autoscaler has set, and nothing changes it any more once that has gone.
    """
    wait_until_settled(hook, name=name, delay_s=delay_s)
    had = _read_count(hook, name=name)
    if had == count:
        return
    wanted = [{"VariantName": VARIANT, "DesiredInstanceCount": count}]
    hook.conn.update_endpoint_weights_and_capacities(EndpointName=name, DesiredWeightsAndCapacities=wanted)
    logger.info("%s: from %d instances to %d", name, had, count)
    wait_until_settled(hook, name=name, delay_s=delay_s)
    if (found := _read_count(hook, name=name)) != count:
        raise EndpointError(
            f"{name} was to have {count} instances (autoscale_min, autoscale_max), and AWS keeps {found}: "
            "they cost. It serves on. Look at its state in the console, then clear this task."
        )


def _read_count(hook: MusherSageMakerHook, *, name: str) -> int:
    """Return how many instances what serves is to have; another run may let a challenger answer beside it."""
    variants = hook.conn.describe_endpoint(EndpointName=name)["ProductionVariants"]
    [variant] = [variant for variant in variants if variant["VariantName"] == VARIANT]
    return int(variant["DesiredInstanceCount"])
