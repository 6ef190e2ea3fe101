"""Remove an endpoint and what belongs to it; what is missing already is fine."""

import logging
from typing import Any

from musher.hooks.sagemaker import MusherSageMakerHook, found_or_none
from musher.hooks.waits import wait_until

logger = logging.getLogger(__name__)

BUSY = ("Creating", "Updating", "SystemUpdating", "RollingBack")
"""States in which DeleteEndpoint is refused, with the same error code as for a missing endpoint."""


def remove_endpoint_and_model(hook: MusherSageMakerHook, *, name: str, delay_s: float) -> list[str]:
    """Delete endpoint, configuration and model `name`, wait for the end; return what was there."""
    removed = ["endpoint"] if remove_endpoint(hook, name=name, delay_s=delay_s) else []
    if hook.find_endpoint_config(name):
        found_or_none(hook.conn.delete_endpoint_config, EndpointConfigName=name)
        removed.append("endpoint configuration")
    if hook.find_model(name):
        found_or_none(hook.conn.delete_model, ModelName=name)
        removed.append("model")
    logger.info("%s: removed %s", name, ", ".join(removed) or "nothing, nothing was there")
    return removed


def remove_endpoint(hook: MusherSageMakerHook, *, name: str, delay_s: float) -> bool:
    """Delete an endpoint, after it has settled, and wait until it is gone; return whether there was one."""
    arguments: dict[str, Any] = {"arguments": {"EndpointName": name}, "delay_s": delay_s}
    endpoint = hook.find_endpoint(name)
    if endpoint is None:
        return False
    if endpoint["EndpointStatus"] in BUSY:
        wait_until(hook.get_waiter("EndpointReady"), **arguments)
    found_or_none(hook.conn.delete_endpoint, EndpointName=name)
    wait_until(hook.get_waiter("EndpointGone"), **arguments)
    return True
